"""Feed documents as bytes: RSS 2.0, RSS 1.0 (RDF), Atom 1.0 and JSON Feed 1.1.

Pure: entries in, bytes out. ElementTree escapes and encodes; namespaces are written as plain
`xmlns` attributes, so that each document looks as publishers write it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from detente.newsroom.content import Masthead

CONTENT_TYPES = {
    "rss": "application/rss+xml",
    "rdf": "application/rdf+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}
MOSCOW = timezone(timedelta(hours=3))
NEW_YORK = timezone(timedelta(hours=-5))


@dataclass(frozen=True)
class Entry:
    """One entry. `html` is the full text, for feeds that carry it; `claim` replaces the rendered
    date verbatim (None: no date at all)."""

    guid: str
    url: str
    title: str
    summary: str
    author: str
    html: str | None
    claim: str | None
    updated: str | None = None


@dataclass(frozen=True)
class Channel:
    """What a feed says of itself."""

    title: str
    description: str
    language: str
    home_url: str
    self_url: str
    updated: str


def claim(moment: datetime, style: str) -> str:
    """An aware moment as a publisher with this date style writes it."""
    match style:
        case "rfc822-gmt":
            return format_datetime(moment.astimezone(UTC), usegmt=True)
        case "rfc822-offset":
            return format_datetime(moment.astimezone(NEW_YORK))
        case "rfc822-short":  # no weekday, no seconds: both are optional in RFC 822
            local = moment.astimezone(MOSCOW)
            month = format_datetime(local).split()[2]
            return f"{local.day} {month} {local:%Y %H:%M %z}"
        case "iso-z":
            return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case "iso-offset":
            return moment.astimezone(MOSCOW).isoformat(timespec="seconds")
        case "iso-millis":
            return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise ValueError(f"unknown date style {style!r}")


def render(masthead: Masthead, channel: Channel, entries: Sequence[Entry]) -> bytes:
    """The masthead's feed document, in its format and encoding."""
    match masthead.format:
        case "rss":
            return _bytes(rss(channel, entries), masthead.encoding)
        case "rdf":
            return _bytes(rdf(channel, entries), masthead.encoding)
        case "atom":
            return _bytes(atom(channel, entries), masthead.encoding)
        case "json":
            return json_feed(channel, entries)
    raise ValueError(f"unknown feed format {masthead.format!r}")


def _bytes(root: ET.Element, encoding: str) -> bytes:
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding=encoding, xml_declaration=True)
    return document


def _add(
    parent: ET.Element, tag: str, text: str | None = None, attributes: dict[str, str] | None = None
) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes or {})
    element.text = text
    return element


def rss(channel: Channel, entries: Sequence[Entry]) -> ET.Element:
    root = ET.Element(
        "rss",
        {
            "version": "2.0",
            "xmlns:atom": "http://www.w3.org/2005/Atom",
            "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
            "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        },
    )
    top = _add(root, "channel")
    _add(top, "title", channel.title)
    _add(top, "link", channel.home_url)
    _add(top, "description", channel.description)
    _add(top, "language", channel.language)
    _add(top, "lastBuildDate", channel.updated)
    _add(top, "atom:link", None, {"href": channel.self_url, "rel": "self"})
    for entry in entries:
        item = _add(top, "item")
        _add(item, "title", entry.title)
        _add(item, "link", entry.url)
        _add(item, "guid", entry.guid, {"isPermaLink": str(entry.guid == entry.url).lower()})
        _add(item, "dc:creator", entry.author)
        if entry.claim is not None:
            _add(item, "pubDate", entry.claim)
        _add(item, "description", entry.summary)
        if entry.html is not None:
            _add(item, "content:encoded", entry.html)
    return root


def rdf(channel: Channel, entries: Sequence[Entry]) -> ET.Element:
    root = ET.Element(
        "rdf:RDF",
        {
            "xmlns": "http://purl.org/rss/1.0/",
            "xmlns:rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
            "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        },
    )
    top = _add(root, "channel", None, {"rdf:about": channel.self_url})
    _add(top, "title", channel.title)
    _add(top, "link", channel.home_url)
    _add(top, "description", channel.description)
    _add(top, "dc:language", channel.language)
    _add(top, "dc:date", channel.updated)
    order = _add(_add(top, "items"), "rdf:Seq")
    for entry in entries:
        _add(order, "rdf:li", None, {"rdf:resource": entry.guid})
        item = _add(root, "item", None, {"rdf:about": entry.guid})
        _add(item, "title", entry.title)
        _add(item, "link", entry.url)
        _add(item, "description", entry.summary)
        _add(item, "dc:creator", entry.author)
        if entry.claim is not None:
            _add(item, "dc:date", entry.claim)
        if entry.html is not None:
            _add(item, "content:encoded", entry.html)
    return root


def atom(channel: Channel, entries: Sequence[Entry]) -> ET.Element:
    root = ET.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": channel.language}
    )
    _add(root, "id", channel.self_url)
    _add(root, "title", channel.title)
    _add(root, "subtitle", channel.description)
    _add(root, "updated", channel.updated)
    _add(root, "link", None, {"rel": "self", "href": channel.self_url})
    _add(root, "link", None, {"rel": "alternate", "type": "text/html", "href": channel.home_url})
    for entry in entries:
        item = _add(root, "entry")
        _add(item, "id", entry.guid)
        _add(item, "title", entry.title)
        _add(item, "link", None, {"rel": "alternate", "type": "text/html", "href": entry.url})
        _add(_add(item, "author"), "name", entry.author)
        if entry.claim is not None:
            _add(item, "published", entry.claim)
            _add(item, "updated", entry.updated or entry.claim)
        _add(item, "summary", entry.summary)
        if entry.html is not None:
            _add(item, "content", entry.html, {"type": "html"})
    return root


def json_feed(channel: Channel, entries: Sequence[Entry]) -> bytes:
    def item(entry: Entry) -> dict[str, object]:
        fields = {
            "id": entry.guid,
            "url": entry.url,
            "title": entry.title,
            "summary": entry.summary,
            "authors": [{"name": entry.author}],
            "date_published": entry.claim,
            "date_modified": entry.updated,
            "content_html": entry.html,
            # The format wants a text in every item, also where only the summary is given away.
            "content_text": entry.summary if entry.html is None else None,
        }
        return {key: value for key, value in fields.items() if value is not None}

    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "description": channel.description,
        "language": channel.language,
        "home_page_url": channel.home_url,
        "feed_url": channel.self_url,
        "items": [item(entry) for entry in entries],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode()
