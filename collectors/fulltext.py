"""Where an article's text comes from: its feed, its page, or no more than the feed's summary."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from collectors.catalog import Feed
from collectors.entry import Entry, FeedText
from collectors.identity import registered_domain
from collectors.plaintext import collapse, html_to_text, paragraphs
from collectors.walls import cleaned, is_paid_for, wall_in
from detente.article import TextOrigin, Wall

SUMMARY_LIMIT = 1_000
"""Characters. A shorter text in a feed's summary element is taken for a mere summary; content
elements are taken at their word, since that is what they are for."""

_MIN_PAGE = 200
"""An extract shorter than this is more likely a notice than an article."""
_HEAD = 300_000
"""Bytes of a page in which its links to itself are looked for."""

_LINK = re.compile(rb"<link\b[^<>]{0,2000}>", re.IGNORECASE)
_CANONICAL = re.compile(rb"\brel\s*=\s*[\"']?canonical\b", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_WORD = re.compile(r"\w{4,}")
_SHARED = 0.25
"""The part of the summary's words that an extract must hold to be of the same article."""


@dataclass(frozen=True, slots=True)
class PageText:
    """The article's text as extracted from its page; `url` is the page's address in its own words,
    or else where it was found. Before a `wall` it may be the beginning only."""

    text: str
    url: str
    wall: Wall | None = None


@dataclass(frozen=True, slots=True)
class PageFailure:
    """Why a page gave no text; a transient failure is worth another try.

    `tried` is False where the page has yet to be asked for, since its host has to be left alone.
    `wall` is what stood there in the article's place.
    """

    reason: str
    transient: bool
    tried: bool = True
    wall: Wall | None = None


PageResult = PageText | PageFailure


def wants_page(entry: Entry, feed: Feed) -> bool:
    """Whether the entry's text is on its page only (`Feed.full_text` decides, or its length)."""
    if feed.full_text != "auto":
        return feed.full_text == "page"
    return entry.content is None and len(_plain(entry.summary)) < SUMMARY_LIMIT


def body_of(entry: Entry, feed: Feed, page: PageResult | None) -> tuple[str, TextOrigin]:
    """The text to publish, and where it is from. Empty, with `title`, where there is none."""
    if isinstance(page, PageText):
        return page.text, "page"
    text = _plain(entry.content) or _plain(entry.summary)
    if not text:
        return "", "title"
    is_summary = wants_page(entry, feed) if feed.full_text == "auto" else entry.content is None
    return text, "summary" if is_summary else "feed"


def extract_page(page: bytes, content_type: str, url: str, entry: Entry) -> PageResult:
    """The article in an HTML page, if it is one and holds more than the feed's own summary."""
    if content_type and "html" not in content_type.lower():
        return PageFailure(f"{url} is {content_type}, not HTML", transient=False)
    import trafilatura  # half a second that `detente --help` shall not pay

    try:
        extract = trafilatura.extract(
            decoded_page(page, content_type),
            url=url,
            output_format="txt",
            include_comments=False,
            include_tables=False,
        )
    except Exception as error:  # an extractor over strangers' markup fails in many ways
        reason = f"{url}: can't be extracted: {type(error).__name__}: {error}"
        return PageFailure(reason[:500], transient=False)
    whole = without_headline(paragraphs(extract or ""), entry.title)
    text, wall = cleaned(whole)
    if wall is None and is_paid_for(page):
        wall = "paywall"
    if problem := _implausible(text, entry):
        wall = wall or wall_in(whole)
        reason = f"{url}: {problem}" + (f"; it is a {wall} notice" if wall else "")
        return PageFailure(reason, transient=False, wall=wall)
    return PageText(text, _own_address(page, url), wall)


def _own_address(page: bytes, url: str) -> str:
    """What the page calls its canonical address, where that is of the same owner."""
    for link in _LINK.findall(page[:_HEAD]):
        href = _HREF.search(link)
        if href and _CANONICAL.search(link):
            written = html.unescape(href[1].decode("utf-8", "replace")).strip()
            with suppress(ValueError):  # it is no address
                address = urljoin(url, written)
                if _owner(address) == _owner(url):
                    return address
    return url


def _owner(url: str) -> str:
    return registered_domain(urlsplit(url).hostname or "")


def without_headline(text: str, title: str) -> str:
    """The text without the headline that many pages repeat above it."""
    first, _, rest = text.partition("\n")
    return rest if rest and collapse(first).casefold() == collapse(title).casefold() else text


def decoded_page(page: bytes, content_type: str) -> str | bytes:
    """Text if the server names a charset (it outranks the page); else trafilatura finds out."""
    named = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    if not named or "punycode" in named[1].lower():  # its decoder takes hours over a long text
        return page
    try:
        return page.decode(named[1], "replace")
    except LookupError:
        return page


def _implausible(text: str, entry: Entry) -> str | None:
    """Why an extract can't be the article: consent walls and stubs look like pages, too."""
    summary = _plain(entry.content) or _plain(entry.summary)
    if len(text) < max(_MIN_PAGE, len(summary)):
        return f"its extract ({len(text)} characters) holds less than the feed does"
    expected = set(_WORD.findall(f"{entry.title} {summary}".casefold()))
    shared = expected & set(_WORD.findall(text.casefold()))
    if len(shared) < _SHARED * len(expected):
        return "its extract has little in common with the feed's summary"
    return None


def _plain(text: FeedText | None) -> str:
    if text is None:
        return ""
    return html_to_text(text.value) if text.markup == "html" else paragraphs(text.value)
