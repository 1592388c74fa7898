"""Which feeds a web page announces."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

from collectors.identity import canonical_url

TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"}
)

MOST = 50
"""A page may announce one for each comment; so many are looked at."""

_HEAD = 1_000_000
"""Bytes in which they are looked for."""


def announced_feeds(page: bytes, url: str) -> tuple[str, ...]:
    """The addresses of the feeds that a page found at `url` announces, its own order, once each."""
    reader = _Links(url)
    reader.feed(page[:_HEAD].decode("utf-8", "replace"))
    return tuple(dict.fromkeys(reader.found))[:MOST]


class _Links(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        href = values.get("href", "")
        if tag == "base" and href:
            self._base = _joined(self._base, href)
        elif tag == "link" and href and "alternate" in values.get("rel", "").lower().split():
            kind = values.get("type", "").partition(";")[0].strip().lower()
            # As canonical as an article's: no feed depends on how a reader came.
            if kind in TYPES and (address := canonical_url(_joined(self._base, href))):
                self.found.append(address)


def _joined(base: str, href: str) -> str:
    try:
        return urljoin(base, href)
    except ValueError:
        return base
