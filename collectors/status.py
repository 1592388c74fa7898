"""What a poll can come to, in terms that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PollState(StrEnum):
    """How a feed stands after its last poll. The value is what people read."""

    NEVER = "not polled yet"
    WORKING = "working"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    STALE = "stale"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    GONE = "gone"
    NOT_FOUND = "not found"
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    CLIENT_ERROR = "refused"
    SERVER_ERROR = "server error"
    NOT_A_FEED = "html instead of a feed"
    PARSE_ERROR = "parse error"
    TOO_LARGE = "too large"
    TIMEOUT = "time-out"
    REDIRECT = "redirect problem"
    ADDRESS = "address refused"
    DNS = "DNS failure"
    TLS = "TLS failure"
    CONNECTION_REFUSED = "connection refused"
    BROKEN = "connection broken"
    INTERNAL = "internal error"
    DISABLED = "disabled"


HEALTHY = frozenset({PollState.WORKING, PollState.UNCHANGED, PollState.MOVED})

NO_TROUBLE = HEALTHY | {PollState.NEVER, PollState.DISABLED}
"""What needs nobody's attention."""

TRANSIENT = frozenset(
    {
        PollState.TRUNCATED,
        PollState.THROTTLED,
        PollState.SERVER_ERROR,
        PollState.TIMEOUT,
        PollState.DNS,
        PollState.CONNECTION_REFUSED,
        PollState.BROKEN,
    }
)
"""Failures that may well be over soon: an article's page that met one is asked for again."""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One feed as `detente feeds list` shows it; instants in UTC, None where there was none."""

    feed: str
    url: str
    outlet: str
    state: PollState
    message: str
    since: datetime | None
    last_poll: datetime | None
    next_poll: datetime | None
    last_new: datetime | None
    failures: int
    articles: int


@dataclass(frozen=True, slots=True)
class PollEvent:
    """What one poll of one feed came to: entries by what became of them, `duration` in seconds."""

    feed: str
    state: PollState
    message: str
    at: datetime
    duration: float
    new: int = 0
    changed: int = 0
    seen: int = 0
    dropped: int = 0
    dead: int = 0
