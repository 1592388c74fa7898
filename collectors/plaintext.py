"""From publishers' HTML to plain text: paragraphs separated by a newline, nothing executable."""

from __future__ import annotations

import re
import unicodedata

from lxml import etree, html  # type: ignore[import-untyped]

_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd"),
        *("details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer"),
        *("form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li", "main"),
        *("nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody", "td"),
        *("tfoot", "th", "thead", "tr", "ul"),
    )
)
_DROPPED = frozenset(
    (
        *("script", "style", "noscript", "template", "iframe", "object", "svg", "math", "head"),
        *("textarea", "select", "button"),
    )
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_MARKUP = re.compile(r"[<&]")
_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\u2028\u2029"), " ")
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
# What follows it would be lost, and texts are put together from whole documents.
_END = re.compile(r"</(?:html|body)\s*>", re.IGNORECASE)
_PARSER = html.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True)
_LONGEST_WORD = 1_000
"""Longer ones aren't normalised: that takes a time that grows with the square of a run of marks."""


def clean(text: str) -> str:
    """The text without control characters and lone surrogates, so that it can be encoded."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("", text)


def collapse(text: str) -> str:
    """One line, white space of every kind collapsed to single spaces, in Unicode's NFC."""
    return " ".join(
        word if word.isascii() or len(word) > _LONGEST_WORD else unicodedata.normalize("NFC", word)
        for word in text.split()
    )


def paragraphs(text: str) -> str:
    """The non-empty lines of a plain text, each collapsed."""
    return "\n".join(line for line in map(collapse, clean(text).splitlines()) if line)


def html_to_text(markup: str) -> str:
    """The text of an HTML fragment, unescaped once, with a line for each block of it."""
    # Not by pairs: looking for the end of each of many that have none would take for ever.
    markup = _END.sub("", _CDATA.sub("", clean(markup)))
    if not _MARKUP.search(markup):
        return collapse(markup)
    root = html.document_fromstring(f"<div>{markup}", parser=_PARSER)
    pieces: list[str] = []
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if element.tag in _BLOCKS:
            pieces.append("\n")
        if event == "start" and element.tag in _DROPPED:
            walker.skip_subtree()
            continue
        text = element.text if event == "start" else element.tail
        if text:
            # Within a block the source's own line ends are only spaces.
            pieces.append(
                text if element.tag == "pre" and event == "start" else text.translate(_LINE_ENDS)
            )
    return paragraphs("".join(pieces))
