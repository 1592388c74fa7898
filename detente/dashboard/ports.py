"""What the dashboard reads and changes; who starts it says where these are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from detente.alerts.reading import StoryReader
from detente.alerts.state import AlertState
from detente.store.base import ArticleStore
from detente.watch import Watch
from detente.way import Way


@dataclass(frozen=True, slots=True)
class Source:
    """A feed and how it stands. `blind`: it brings nothing; `stale`: it works, and is silent."""

    feed: str
    outlet: str
    url: str
    kind: str
    country: str
    language: str
    state: str
    message: str
    enabled: bool
    blind: bool
    since: datetime | None
    last_poll: datetime | None
    next_poll: datetime | None
    last_new: datetime | None
    articles: int
    stale: bool


class Sources(Protocol):
    """The catalogue and the collectors' memory."""

    def all(self) -> Sequence[Source]:
        """Every feed, in the catalogue's order."""
        ...

    def polls(self, feed: str) -> Sequence[Mapping[str, Any]]:
        """A feed's latest polls, newest first: `at`, `state`, `new`."""
        ...

    def add(self, url: str) -> str:
        """Check a feed and write it into the catalogue; gives its id. Raises ConfigError."""
        ...

    def add_all(self, opml: bytes) -> int:
        """Write the feeds of a reader's list into the catalogue, unchecked; gives how many weren't
        there. Raises ConfigError."""
        ...

    def pause(self, feed: str) -> None:
        """Have a feed polled no more. Raises ConfigError, as the next two do."""
        ...

    def resume(self, feed: str) -> None:
        """Have a feed polled again."""
        ...

    def remove(self, feed: str) -> None:
        """Take a feed out of the catalogue."""
        ...

    def opml(self) -> bytes: ...


class Pipeline(Protocol):
    """The log between the stages."""

    def lag(self) -> Mapping[str, int]:
        """Records that wait before each stage."""
        ...

    def dead(self) -> Sequence[Mapping[str, Any]]:
        """Dead letters that weren't replayed, newest first: `id`, `stage`, `key`, `reason`,
        `at`."""
        ...

    def replay(self, ids: Sequence[str]) -> int:
        """Send dead letters back to where they came from; gives how many went."""
        ...

    def way(self, article: str) -> Way:
        """An article's way, by its id. Reads the whole log."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them, with the files that people's wishes are written to."""

    store: ArticleStore
    stories: StoryReader
    alerts: AlertState
    sources: Sources
    pipeline: Pipeline
    watch: Watch
    subscriptions: Path
    corrections: Path
