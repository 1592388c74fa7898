"""JSON Feed 1.0 and 1.1 (jsonfeed.org) → the same values as the XML formats give."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from collectors.dates import iso_date
from collectors.entry import Entry, FeedText, ParsedFeed
from collectors.plaintext import clean, collapse
from detente.article import Medium

_VERSION = re.compile(r"https?://jsonfeed\.org/version/(1(?:\.\d+)?)/?$")
MAX_GUID = 2_048
_MAX_AUTHORS = 20


class NoJsonFeed(Exception):
    """JSON, or nearly, but no JSON Feed."""


def is_json(body: bytes) -> bool:
    """Whether the bytes begin as a JSON object does; no XML does."""
    return body[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def parse_json_feed(body: bytes, *, url: str, now: datetime) -> ParsedFeed:
    """Parse a JSON Feed found at `url`. Raises NoJsonFeed.

    An item that is no object is left out; what else is of the wrong type counts as missing.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoJsonFeed(f"malformed JSON: {error}") from None
    version = _VERSION.match(_string(document, "version") or "")
    items = document.get("items")
    if not version or not isinstance(items, list):
        raise NoJsonFeed("JSON, but not a JSON Feed: it wants `version` and `items`")
    entries = [_entry(item, document, url, now) for item in items if isinstance(item, dict)]
    language = (_string(document, "language") or "").partition("-")[0].lower()
    return ParsedFeed(
        version=f"json{version[1]}",
        title=collapse(_string(document, "title") or ""),
        language=language if re.fullmatch("[a-z]{2,3}", language) else None,
        entries=tuple(entries),
        hub=absolute(_hub(document), url),
        itself=absolute(_string(document, "feed_url"), url),
        oddity=None if len(entries) == len(items) else "ItemsThatAreNoObjects",
    )


def _hub(document: Mapping[str, Any]) -> str | None:
    hubs = document.get("hubs")
    for hub in hubs if isinstance(hubs, list) else []:
        if isinstance(hub, dict) and (_string(hub, "type") or "").lower() == "websub":
            return _string(hub, "url")
    return None


def _entry(item: Mapping[str, Any], feed: Mapping[str, Any], url: str, now: datetime) -> Entry:
    markup, text = _string(item, "content_html"), _string(item, "content_text")
    summary = _string(item, "summary")
    if text == summary:
        text = None  # the standard wants a content, and a feed of summaries repeats one there
    content = FeedText(markup, "html") if markup else FeedText(text, "text") if text else None
    link = _string(item, "url") or _string(item, "external_url")
    claim = _string(item, "date_published") or _string(item, "date_modified")
    return Entry(
        guid=_id(item.get("id")),
        link=absolute(link, url),
        title=collapse(_string(item, "title") or ""),
        content=content,
        summary=FeedText(summary, "text") if summary else None,
        authors=_authors(item) or _authors(feed),
        date=iso_date(claim, now),
        medium=medium_of(_attachments(item)),
    )


def medium_of(types: Iterable[str]) -> Medium | None:
    """The kind of the first audio or video among these media types."""
    for type in types:
        match type.partition("/")[0].strip().lower():
            case "audio":
                return "audio"
            case "video":
                return "video"
    return None


def _attachments(item: Mapping[str, Any]) -> Iterable[str]:
    found = item.get("attachments")
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):
            yield _string(one, "mime_type") or ""


def absolute(link: str | None, url: str) -> str | None:
    """A link of the document at `url`, resolved; None if there is none to resolve."""
    try:
        return urljoin(url, link) if link else None
    except ValueError:  # http://[ and the like
        return None


def _string(holder: Mapping[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return clean(value).strip() or None if isinstance(value, str) else None


def _id(value: object) -> str | None:
    """Ids must be strings, but 1.0 allowed publishers to write numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = clean(str(value)).strip()
    return text if 0 < len(text) <= MAX_GUID else None


def _authors(holder: Mapping[str, Any]) -> tuple[str, ...]:
    """1.1 has `authors`, 1.0 one `author`."""
    authors = holder.get("authors")
    people = authors if isinstance(authors, list) else [holder.get("author")]
    names = [_string(person, "name") for person in people if isinstance(person, dict)]
    return tuple(dict.fromkeys(collapse(name)[:200] for name in names if name))[:_MAX_AUTHORS]
