"""A feed document's bytes → `ParsedFeed`: RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed.

feedparser does the XML. It always gets a stream: handed bytes or text it would try them as an
address and as a file name first. Whether a document is a feed is judged by its version and
entries, not by feedparser's `bozo`, which only says that something was odd.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import feedparser

from collectors import jsonfeed
from collectors.charset import mended
from collectors.dates import feed_date
from collectors.entry import ClaimedDate, Entry, FeedText, ParsedFeed
from collectors.jsonfeed import MAX_GUID, medium_of
from collectors.plaintext import clean, collapse, html_to_text
from collectors.status import PollState
from detente.article import Medium

MAX_LINK = 4_096
_MAX_AUTHORS = 20

_HTML = ("text/html", "application/xhtml+xml")
_PERIODS = {
    "hourly": 3_600.0,
    "daily": 86_400.0,
    "weekly": 7 * 86_400.0,
    "monthly": 30 * 86_400.0,
    "yearly": 365 * 86_400.0,
}
_ITEM = rb"(?:[\w.-]+:)?(?:item|entry)"
_OPENED = re.compile(rb"<" + _ITEM + rb"(?:\s[^<>]*)?>")
_CLOSED = re.compile(rb"</" + _ITEM + rb"\s*>")
_ROOT_CLOSED = re.compile(rb"</\s*(?:[\w.-]+:)?(?:rss|feed|rdf)\s*>")
_TAG = re.compile(rb"<(/?)[A-Za-z][^<>]*?(/?)>")
_CDATA = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
MAX_DEPTH = 10_000
"""Elements within one another; feedparser's time grows with the square of them."""
# Takes a time that grows with the square of the text, and no feed is in it.
_SLOW_CODEC = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?[^\"'>;]*punycode", re.IGNORECASE)


# RSS 2.0's `address (name)`, and what mail programs write.
_MAILBOX = re.compile(r"\S+@\S+\s*\((?P<after>[^)]+)\)$|(?P<before>[^<]+?)\s*<\S+@\S+>$")


class ParseFailure(Exception):
    """The bytes are no feed; `state` says what they are instead, `message` is for a person."""

    def __init__(self, state: PollState, message: str) -> None:
        self.state = state
        self.message = message
        super().__init__(f"{state}: {message}")

    def __reduce__(self) -> tuple[type[ParseFailure], tuple[PollState, str]]:
        return ParseFailure, (self.state, self.message)  # it crosses from process to process


def parse_feed(
    body: bytes, *, content_type: str, url: str, now: datetime, encoding: str | None = None
) -> ParsedFeed:
    """Parse a document that was found at `url`.

    `encoding` overrides what the document and its Content-Type declare. Raises ParseFailure.
    """
    if not body.strip():
        raise ParseFailure(PollState.EMPTY, f"an answer without a body ({len(body)} bytes)")
    if jsonfeed.is_json(body):
        try:
            return jsonfeed.parse_json_feed(body, url=url, now=now)
        except jsonfeed.NoJsonFeed as error:
            raise ParseFailure(PollState.PARSE_ERROR, str(error)) from None
    if _SLOW_CODEC.search(content_type.encode() + body[:1_000]):
        raise ParseFailure(PollState.PARSE_ERROR, "the encoding punycode isn't for documents")
    if _depth(body) > MAX_DEPTH:
        raise ParseFailure(PollState.PARSE_ERROR, f"elements nested over {MAX_DEPTH:,} deep")
    reading = None if encoding else mended(body, content_type)
    if reading:
        body, encoding = reading[0].encode(), "utf-8"
    # Without a content-location: with it, a guid that is no URL would be made one.
    headers = {"content-type": content_type or "application/xml"}
    if encoding:
        headers["content-type"] = f"application/xml; charset={encoding}"
    try:
        found = feedparser.parse(
            io.BytesIO(body),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # feedparser raises all sorts on odd documents (its issue 599)
        message = f"the parser gave up: {type(error).__name__}: {error}"
        raise ParseFailure(PollState.PARSE_ERROR, message[:500]) from error
    version = found.get("version") or ""
    entries = list(found.get("entries", ()))
    if not version and not entries:
        raise _no_feed(body, content_type, found)
    cut_off = _is_cut_off(body, found)
    if cut_off and entries and _last_is_partial(body):
        entries.pop()
    authors = _authors(found.feed)
    return ParsedFeed(
        version=version or "unknown",
        title=_title(found.feed),
        language=_language(found.feed.get("language")),
        entries=tuple(_entry(entry, url, now, authors) for entry in entries),
        hint=_hint(found.feed),
        cut_off=cut_off,
        oddity=reading[1] if reading else _oddity(found),
        hub=_link(found.feed, "hub", url),
        itself=_link(found.feed, "self", url),
    )


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(_CDATA.sub(b"", body.replace(b"\0", b""))):
        depth = max(0, depth - 1) if tag[1] else depth if tag[2] else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _no_feed(body: bytes, content_type: str, found: Any) -> ParseFailure:
    start = body[:2_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_html = "html" in content_type.lower() or start.startswith((b"<!doctype html", b"<html"))
    if is_html or b"<html" in start:
        title = re.search(rb"<title[^>]*>(.*?)</title>", body[:20_000], re.DOTALL | re.IGNORECASE)
        named = f" titled {collapse(title[1].decode('utf-8', 'replace'))[:100]!r}" if title else ""
        return ParseFailure(PollState.NOT_A_FEED, f"a web page{named} where the feed should be")
    why = found.get("bozo_exception") or "neither a feed's version nor entries"
    shown = body[:40].decode("utf-8", "replace")
    return ParseFailure(PollState.PARSE_ERROR, f"no feed: {why}; it begins with {shown!r}"[:500])


def _is_cut_off(body: bytes, found: Any) -> bool:
    """Whether the XML ends before its root element does (so the connection lied, or the CMS)."""
    if not found.get("bozo") or "SAXParseException" not in type(found.bozo_exception).__name__:
        return False
    return not _ROOT_CLOSED.search(_markup(body[-8_000:]))


def _last_is_partial(body: bytes) -> bool:
    # feedparser makes an entry of an opening tag, once the tag itself is whole.
    opened = _last(_OPENED, _markup(body))
    return opened > _last(_CLOSED, _markup(body))


def _last(pattern: re.Pattern[bytes], markup: bytes) -> int:
    return max((found.start() for found in pattern.finditer(markup)), default=-1)


def _markup(body: bytes) -> bytes:
    """The bytes with tags readable: in lower case, and without the zeros of UTF-16 and UTF-32."""
    return body.replace(b"\0", b"").lower()


def _oddity(found: Any) -> str | None:
    return type(found.bozo_exception).__name__ if found.get("bozo") else None


# FeedParserDict answers for missing keys with other ones (`updated` with `published`), so its
# values are looked up as a plain dict's.
_get = dict.get


def _entry(entry: Any, url: str, now: datetime, feed_authors: tuple[str, ...]) -> Entry:
    return Entry(
        guid=bounded(_get(entry, "id"), MAX_GUID),
        link=jsonfeed.absolute(bounded(_get(entry, "link") or _alternate(entry), MAX_LINK), url),
        title=_title(entry),
        content=_content(entry),
        summary=_text(_get(entry, "summary_detail")),
        authors=_authors(entry) or feed_authors,
        date=_date(entry, now),
        medium=_medium(entry),
    )


def bounded(value: object, limit: int) -> str | None:
    """A key's text without what can't be stored; None if empty or longer than any honest one."""
    text = clean(value).strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= limit else None


def _alternate(entry: Any) -> str | None:
    for link in _get(entry, "links") or ():
        if link.get("rel", "alternate") == "alternate" and link.get("href"):
            return str(link["href"])
    return None


def _link(feed: Any, relation: str, url: str) -> str | None:
    """A link of the document about itself."""
    for link in _get(feed, "links") or ():
        if link.get("rel") == relation and link.get("href"):
            return jsonfeed.absolute(bounded(link["href"], MAX_LINK), url)
    return None


def _title(holder: Any) -> str:
    title = _text(_get(holder, "title_detail"))
    if title is None:
        return ""
    if title.markup == "html":
        return collapse(html_to_text(title.value))
    return collapse(clean(title.value))


def _text(detail: Any) -> FeedText | None:
    if not detail or not detail.get("value"):
        return None
    markup = detail.get("type") in _HTML
    return FeedText(clean(detail["value"]), "html" if markup else "text")


def _content(entry: Any) -> FeedText | None:
    """The longest content element; feeds may carry it in several forms."""
    texts = [text for detail in _get(entry, "content") or () if (text := _text(detail))]
    return max(texts, key=lambda text: len(text.value), default=None)


def _authors(holder: Any) -> tuple[str, ...]:
    """The names of an entry's authors, or of a feed's."""
    single = _get(holder, "author")
    # feedparser cuts `desk@herald.example (The Desk)` in the middle of the address.
    # (A longer one is no address, and matching takes a time that grows with its square.)
    short = single.strip() if isinstance(single, str) and len(single) < 500 else ""
    if found := _MAILBOX.match(short):
        return author_names([found["after"] or found["before"]])
    people = [author.get("name") for author in _get(holder, "authors") or ()]
    return author_names(people if any(people) else [single])


def author_names(names: Iterable[object]) -> tuple[str, ...]:
    """Names without repeats and blanks, at most 20."""
    texts = [collapse(clean(name))[:200] for name in names if isinstance(name, str)]
    return tuple(dict.fromkeys(text for text in texts if text))[:_MAX_AUTHORS]


def _date(entry: Any, now: datetime) -> ClaimedDate:
    """`published`, or `updated` where there is no `published`."""
    for key in ("published", "updated"):
        claim = _get(entry, key)
        if claim:
            parsed: time.struct_time | None = _get(entry, f"{key}_parsed")
            return feed_date(clean(claim), parsed, now)
    return ClaimedDate()


def _medium(entry: Any) -> Medium | None:
    """Audio or video by the first enclosure of either kind; a picture or a PDF goes with a text."""
    enclosures = [link for link in _get(entry, "links") or () if link.get("rel") == "enclosure"]
    return medium_of(
        str(one.get("type") or "") for one in [*enclosures, *(_get(entry, "media_content") or ())]
    )


def _language(value: object) -> str | None:
    primary = re.split(r"[-_]", value.strip().lower())[0] if isinstance(value, str) else ""
    return primary if re.fullmatch("[a-z]{2,3}", primary) else None


def _hint(feed: Any) -> float | None:
    """The wait that the feed asks for by `ttl` (minutes) or `sy:updatePeriod`, in seconds."""
    hints = []
    ttl = str(_get(feed, "ttl") or "").strip()
    if ttl.isascii() and ttl.isdigit():
        hints.append(int(ttl[:7]) * 60.0)
    period = _PERIODS.get(str(_get(feed, "sy_updateperiod") or "").strip().lower())
    if period:
        frequency = str(_get(feed, "sy_updatefrequency") or "1").strip()
        times = int(frequency[:5]) if frequency.isascii() and frequency.isdigit() else 1
        hints.append(period / max(1, times))
    return max(hints, default=None)
