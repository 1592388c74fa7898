"""OPML, the feed list that feed readers exchange, from and to catalogue entries.

What OPML has no word for is kept in attributes of our own in a namespace, which other readers
ignore. Outlines may be nested as folders; a folder named as one of our kinds gives the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, get_args
from xml.etree import ElementTree

from collectors.catalog import Feed, Kind, build_feeds
from detente.errors import ConfigError

NAMESPACE = "https://detente.invalid/opml"
_OWN = f"{{{NAMESPACE}}}"
_TEXT = ("id", "country", "kind", "identity", "full_text", "encoding", "terms", "evidence")


MOST_FEEDS = 5_000
MOST_FOLDERS = 50
"""What a person's list has fewer of; folders are one within another, and deeper ones are passed
over."""


class _Builder(ElementTree.TreeBuilder):
    """Accepts no DOCTYPE: entities could expand without end."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("a DOCTYPE isn't accepted in OPML; delete it")


def import_opml(data: bytes, where: str = "OPML") -> tuple[Feed, ...]:
    """The feeds of an OPML document. Raises ConfigError with every problem.

    A feed listed in several folders is taken once.
    """
    try:
        root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_Builder()))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ConfigError(f"{where}: can't be read as OPML: {error}") from None
    if root.tag != "opml":
        raise ConfigError(f"{where}: the root element is <{root.tag}>, not <opml>")
    tables: dict[str, tuple[str, dict[str, Any]]] = {}
    problems: list[str] = []
    for outline, folders in _feed_outlines(root):
        url = outline.get("xmlUrl", "").strip()
        name = outline.get("title") or outline.get("text") or ""
        place = f"{where}: outline {name or url!r}"
        if not url:
            problems.append(f'{place}: type="rss" without an xmlUrl')
            continue
        tables.setdefault(url, (place, _values(outline, folders, url, name, place, problems)))
    if len(tables) > MOST_FEEDS:
        raise ConfigError(f"{where}: {len(tables)} feeds; {MOST_FEEDS:,} are taken at most")
    return build_feeds(tables.values(), problems)


def _feed_outlines(
    root: ElementTree.Element,
) -> Iterator[tuple[ElementTree.Element, tuple[str, ...]]]:
    """The outlines that are feeds, each with the names of the folders around it."""
    stack: list[tuple[ElementTree.Element, tuple[str, ...]]] = [
        (child, ()) for child in reversed(root.findall("body/outline"))
    ]
    while stack:
        outline, folders = stack.pop()
        if outline.get("xmlUrl") is not None or outline.get("type") == "rss":
            yield outline, folders
        if len(folders) >= MOST_FOLDERS:
            continue
        inner = (*folders, outline.get("title") or outline.get("text") or "")
        stack += [(child, inner) for child in reversed(outline.findall("outline"))]


def _values(
    outline: ElementTree.Element,
    folders: Sequence[str],
    url: str,
    name: str,
    place: str,
    problems: list[str],
) -> dict[str, Any]:
    values: dict[str, Any] = {"url": url}
    if outlet := " ".join(name.split()):
        values["outlet"] = outlet
    # The standard's own example says language="unknown".
    if language := re.match(r"[a-z]{2,3}(?![^-_])", outline.get("language", "").lower()):
        values["language"] = language[0]
    categories = [it.strip(" /") for it in outline.get("category", "").split(",")]
    kinds = [it.lower() for it in (*categories, *folders) if it.lower() in get_args(Kind)]
    if kinds:
        values["kind"] = kinds[0]
    values |= {key: outline.get(_OWN + key) for key in _TEXT if outline.get(_OWN + key)}
    if interval := outline.get(_OWN + "interval"):
        try:
            values["interval"] = float(interval)
        except ValueError:
            problems.append(f"{place}: interval = {interval!r}: must be a number of seconds")
    if outline.get(_OWN + "enabled") == "false":
        values["enabled"] = False
    return values


def export_opml(feeds: Iterable[Feed]) -> bytes:
    """The feeds as an OPML 2.0 document, which `import_opml` reads back as they were."""
    ElementTree.register_namespace("detente", NAMESPACE)
    root = ElementTree.Element("opml", version="2.0")
    head = ElementTree.SubElement(root, "head")
    ElementTree.SubElement(head, "title").text = "Feeds watched by Détente"
    body = ElementTree.SubElement(root, "body")
    defaults = {field.name: field.default for field in fields(Feed)}
    for feed in feeds:
        outline = {"type": "rss", "text": feed.outlet, "title": feed.outlet, "xmlUrl": feed.url}
        if feed.language:
            outline["language"] = feed.language
        if feed.kind:
            outline["category"] = feed.kind
        for name in (*_TEXT, "interval", "enabled"):
            value = getattr(feed, name)
            if value != defaults[name]:
                outline[_OWN + name] = str(value).lower() if value is False else str(value)
        ElementTree.SubElement(body, "outline", outline)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
