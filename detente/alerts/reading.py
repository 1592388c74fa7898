"""Stories as others read them: from the alerts' file, beside the stage that writes it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detente.errors import StoreUnavailable
from detente.sqlite import connect, database_path, driver_errors_as


@dataclass(frozen=True, slots=True)
class Member:
    """An article of a story: since when (an epoch), whose copy it is, and what it added
    (`detente.alerts.novelty.New`)."""

    article: str
    story: str
    at: float
    outlet: str
    copies: str | None
    adds: tuple[str, ...]


class StoryReader:
    """Used from any thread. Raises StoreUnavailable when the file can't be read; where no alerts
    have run yet, there are no stories."""

    def __init__(self, url: str) -> None:
        self._path = database_path(url)
        self._db = connect(self._path)
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def recent(self, start: float, most: int = 2_000) -> list[Member]:
        """The articles since an epoch, newest first."""
        return self._members("at >= ? ORDER BY at DESC, id LIMIT ?", (start, most))

    def latest(self) -> float | None:
        """When the newest article appeared."""
        newest = self._members("1 ORDER BY at DESC LIMIT 1", ())
        return newest[0].at if newest else None

    def members(self, story: str) -> list[Member]:
        """The articles of a story, oldest first; of the one that it was joined into, too."""
        return self._members(
            "story = coalesce((SELECT into_story FROM joined WHERE story = ?), ?) ORDER BY at, id",
            (story, story),
        )

    def of(self, articles: Sequence[str]) -> Mapping[str, str]:
        """The story of each of these articles that has one."""
        marks = ", ".join("?" * len(articles))
        found = self._members(f"id IN ({marks})", tuple(articles))
        return {one.article: one.story for one in found}

    def _members(self, condition: str, values: tuple[object, ...]) -> list[Member]:
        sql = f"SELECT id, story, at, outlet, copies, novelty FROM articles WHERE {condition}"
        there = "SELECT 1 FROM sqlite_master WHERE name = 'articles'"
        with self._lock, driver_errors_as(StoreUnavailable, self._path):
            found = self._db.execute(there).fetchone()
            rows = self._db.execute(sql, values).fetchall() if found else []
        return [
            Member(id, story, at, outlet, copies, tuple(novelty.split()))
            for id, story, at, outlet, copies, novelty in rows
        ]
