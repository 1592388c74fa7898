"""Writing Atom feeds (RFC 4287)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

_ATOM = "http://www.w3.org/2005/Atom"
_UNFIT = {code: None for code in range(32) if code not in (9, 10, 13)}
"""Control characters, which XML can't hold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`updated` is a moment in ISO 8601; `link` may be empty, where there is nothing to open."""

    id: str
    title: str
    updated: str
    link: str
    author: str = ""
    summary: str = ""


def atom_feed(
    id: str, title: str, updated: str, entries: Iterable[Entry], *, author: str = "", link: str = ""
) -> bytes:
    """A feed, with its entries in the order given; `link` is the feed's own address."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", id)
    _add(feed, "title", title)
    _add(feed, "updated", updated)
    if link:
        ElementTree.SubElement(feed, f"{{{_ATOM}}}link", href=link, rel="self")
    _author(feed, author)
    for one in entries:
        entry = ElementTree.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", one.id)
        _add(entry, "title", one.title)
        _add(entry, "updated", one.updated)
        if one.link:
            ElementTree.SubElement(entry, f"{{{_ATOM}}}link", href=one.link.translate(_UNFIT))
        _author(entry, one.author)
        if one.summary:
            _add(entry, "summary", one.summary)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _author(parent: ElementTree.Element, name: str) -> None:
    if name:
        _add(ElementTree.SubElement(parent, f"{{{_ATOM}}}author"), "name", name)


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text.translate(_UNFIT)
