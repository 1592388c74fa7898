"""What a feed document says, whatever its format: frozen values, nothing fetched or decided yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from detente.article import DateQuality, Medium

Markup = Literal["html", "text"]


@dataclass(frozen=True, slots=True)
class FeedText:
    """A piece of text as the feed carries it, unescaped once, with what it is."""

    value: str
    markup: Markup


@dataclass(frozen=True, slots=True)
class ClaimedDate:
    """The publisher's date: verbatim, and as an instant (UTC) only where it can be believed."""

    claim: str | None = None
    instant: datetime | None = None
    quality: DateQuality = "missing"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed document. `link` is absolute; None stands for what isn't there."""

    guid: str | None
    link: str | None
    title: str
    content: FeedText | None
    summary: FeedText | None
    authors: tuple[str, ...]
    date: ClaimedDate
    medium: Medium | None = None

    @property
    def raw_hash(self) -> bytes:
        """A cheap hash over all that the feed says of it: equal means that nothing changed."""
        digest = hashlib.blake2b(digest_size=16)
        content = self.content.value if self.content else ""
        summary = self.summary.value if self.summary else ""
        claim = self.date.claim or ""
        for part in (self.link or "", self.title, content, summary, claim, *self.authors):
            digest.update(part.encode())
            digest.update(b"\0")
        return digest.digest()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed document. `hint` is the wait in seconds that it asks pollers for; `cut_off` says that
    it ends in the middle (its last, partial entry is left out); `oddity` names what was mended.
    `hub` is where it says that one is told of its news (WebSub), `itself` its own address there."""

    version: str
    title: str
    language: str | None
    entries: tuple[Entry, ...]
    hint: float | None = None
    cut_off: bool = False
    oddity: str | None = None
    hub: str | None = None
    itself: str | None = None
