"""What a poll leads to, as values: what the state knows before, and what it shall know after.

A `Plan` is what the outbox keeps between deciding and the bus's acknowledgement, so it is complete:
messages as bytes, and every row to write. Applying one twice changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from collectors.rhythm import Rhythm
from collectors.status import PollState
from detente.article import TextOrigin


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """An article as last published; `owner` is the feed that saw it first, times are epochs."""

    id: str
    identity: str
    owner: str
    revision: int
    content_hash: bytes
    text_origin: TextOrigin
    first_seen: float
    title: str = ""
    fingerprint: bytes = b""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownSighting:
    """How one feed last showed an article; `page_tries` counts page fetches that failed so far
    and are to be tried again (0 when nothing is pending), `last_shown` is an epoch that is at
    most `forgetting.NOTED` behind."""

    raw_hash: bytes
    page_tries: int = 0
    last_shown: float = math.inf


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows of the entries of one poll: article ids by key, articles by id, and
    this feed's sightings by article id."""

    ids: Mapping[str, str] = field(default_factory=dict)
    articles: Mapping[str, KnownArticle] = field(default_factory=dict)
    sightings: Mapping[str, KnownSighting] = field(default_factory=dict)


class PlannedRecord(msgspec.Struct, frozen=True):
    """A message with its id and revision fixed."""

    key: str
    value: bytes
    revision: int


class ArticleRow(msgspec.Struct, frozen=True):
    """An article as it is after this poll; times are epochs."""

    id: str
    identity: str
    owner: str
    url: str
    title: str
    revision: int
    content_hash: bytes
    text_origin: TextOrigin
    first_seen: float
    changed: float
    fingerprint: bytes = b""


class SightingRow(msgspec.Struct, frozen=True):
    """A feed's showing of an article, after this poll."""

    article: str
    raw_hash: bytes
    page_tries: int
    seen: float


class PollNote(msgspec.Struct, frozen=True, array_like=True):
    """One poll: when it ended (epoch), what it came to, and how many articles were new."""

    at: float
    state: PollState
    new: int = 0


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of one feed; times are epochs.

    `address` is the catalogue's, for which the rest holds; `moved_to` is where permanent redirects
    led; `validators_url` is the one URL that the validators are good for; `history` has the last
    polls, the latest one last; `hub` is the announced one, and the feed's address there.
    """

    feed: str
    address: str
    state: PollState
    message: str = ""
    since: float
    polled: float | None = None
    next_poll: float | None = None
    last_new: float | None = None
    failures: int = 0
    moved_to: str | None = None
    validators_url: str | None = None
    etag: str | None = None
    modified: str | None = None
    body_hash: bytes | None = None
    rhythm: Rhythm | None = None
    history: tuple[PollNote, ...] = ()
    hub: tuple[str, str] | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One poll's outcome. `examined` says that a document was read; `aliases` are (key, article id)
    pairs, identity keys among them; `blocked` are hosts with the epoch until which each wants to be
    left alone."""

    feed: FeedRow
    examined: bool = False
    records: tuple[PlannedRecord, ...] = ()
    articles: tuple[ArticleRow, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    sightings: tuple[SightingRow, ...] = ()
    blocked: tuple[tuple[str, float], ...] = ()
