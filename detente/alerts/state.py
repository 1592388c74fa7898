"""What the alerts remember, in one SQLite file: articles and their stories, who was told of what,
and what is still to be sent.

An article with all that it leads to is written in one transaction, before its offset is committed:
so a kill loses nothing and a redelivery finds it done. The ledger has each (subscription, story)
once, for good; a story of which a subscription was told is never told again, whatever is replayed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from detente.alerts.kept import Entry, Kept, Known, Told
from detente.alerts.likeness import Traits
from detente.alerts.message import Alert, event_of, later_news
from detente.alerts.novelty import Facts
from detente.alerts.schema import State, prepare
from detente.errors import StoreUnavailable
from detente.sqlite import connect, database_path, driver_errors_as, transaction

_encode = msgspec.msgpack.Encoder().encode
_traits = msgspec.msgpack.Decoder(Traits)
_alerts = msgspec.msgpack.Decoder(Alert)
_facts = msgspec.msgpack.Decoder(Facts)


class AlertState:
    """Used from any thread. Every method raises StoreUnavailable when the file can't be used."""

    def __init__(self, url: str) -> None:
        self._path = database_path(url)
        self._db = connect(self._path)
        self._lock = threading.RLock()
        try:
            with self._reaching():
                prepare(self._db, self._path)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is written within the context is written together, or not at all."""
        with self._reaching(), transaction(self._db):
            yield

    # Subscriptions

    def since(self, subscription: str, now: float) -> float:
        """From when on a subscription counts: since it was first heard of."""
        with self._reaching() as db:
            db.execute("INSERT OR IGNORE INTO subscriptions VALUES (?, ?)", (subscription, now))
            found = db.execute("SELECT since FROM subscriptions WHERE id = ?", (subscription,))
            since: float = found.fetchone()[0]
        return since

    # Articles and stories

    def recent(self) -> Iterator[tuple[str, Traits, str]]:
        """Articles that others may still join, with their traits and stories, oldest first."""
        rows = self._rows(
            "SELECT id, traits, story FROM articles WHERE traits IS NOT NULL ORDER BY at, id"
        )
        for id, traits, story in rows:
            yield id, _traits.decode(traits), story

    def article(self, id: str) -> Known | None:
        """What is known of an article that came before."""
        rows = self._rows(
            "SELECT revision, story, copies, novelty FROM articles WHERE id = ?", (id,)
        )
        if not rows:
            return None
        revision, story, copies, novelty = rows[0]
        return Known(revision, story, copies, tuple(novelty.split()))

    def keep(self, article: Kept) -> None:
        """Write an article down; one that is known gets the new revision's traits."""
        with self._reaching() as db:
            db.execute(
                "INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(article.id, article.revision, article.story, article.at, article.outlet),
                    *(article.copies, " ".join(article.novelty)),
                    *(_encode(article.traits), _encode(article.facts)),
                ),
            )

    def join(self, younger: str, older: str) -> None:
        """Let a story go on as another one: who was told of either was told of both."""
        with self._reaching() as db:
            db.execute("INSERT OR REPLACE INTO joined VALUES (?, ?)", (younger, older))
            db.execute("UPDATE joined SET into_story = ? WHERE into_story = ?", (older, younger))
            db.execute("UPDATE articles SET story = ? WHERE story = ?", (older, younger))
            for table in ("ledger", "muted", "acknowledged"):
                db.execute(
                    f"UPDATE OR IGNORE {table} SET story = ? WHERE story = ?", (older, younger)
                )
            # Later news of the younger one is later news of the older.
            for table in ("ledger", "acknowledged", "outbox"):
                db.execute(
                    f"UPDATE OR IGNORE {table} SET story = ?1 || substr(story, length(?2))"
                    " WHERE substr(story, 1, length(?2)) = ?2",
                    (older, later_news(younger, "")),
                )
            # Who was told of both before they were joined keeps both alerts.
            db.execute(
                "UPDATE outbox SET story = ? WHERE story = ? AND NOT EXISTS (SELECT 1 FROM ledger"
                " WHERE ledger.story = ? AND ledger.subscription = outbox.subscription)",
                (older, younger, younger),
            )
            if self.is_muted(older):
                self._mute_lines(older)

    def forget_traits(self, before: float) -> None:
        """Let go of what is only needed to group articles, of those that appeared before."""
        with self._reaching() as db:
            db.execute(
                "UPDATE articles SET traits = NULL, facts = NULL"
                " WHERE at < ? AND traits IS NOT NULL",
                (before,),
            )
            # The latest one of a subscription tells how long it is since.
            db.execute(
                "DELETE FROM matches WHERE at < ? AND EXISTS (SELECT 1 FROM matches AS later"
                " WHERE later.subscription = matches.subscription AND later.at > matches.at)",
                (before,),
            )

    def facts_between(self, start: float, end: float) -> Iterator[Facts]:
        """The facts of the recent articles that appeared from an epoch until another."""
        rows = self._rows(
            "SELECT facts FROM articles WHERE traits IS NOT NULL AND at >= ? AND at < ?",
            (start, end),
        )
        return (_facts.decode(blob) for (blob,) in rows)

    def facts_of(self, story: str, *, but: str) -> list[tuple[float, Facts]]:
        """When each of a story's recent articles but one appeared, and its facts."""
        rows = self._rows(
            "SELECT at, facts FROM articles WHERE story = ? AND id <> ? AND facts IS NOT NULL",
            (story, but),
        )
        return [(at, _facts.decode(blob)) for at, blob in rows]

    def was_told(self, subscription: str, story: str) -> bool:
        """Whether a subscription was told of a story."""
        sql = "SELECT 1 FROM ledger WHERE subscription = ? AND story = ?"
        return bool(self._rows(sql, (subscription, story)))

    def sources(self, stories: Sequence[str]) -> dict[str, int]:
        """How many outlets have each of these stories, by what the ledger knows them by."""
        marks = ", ".join("?" * len(stories))
        sql = (
            "SELECT story, count(DISTINCT outlet) FROM articles"
            f" WHERE story IN ({marks}) GROUP BY story"
        )
        found = dict(self._rows(sql, tuple(map(event_of, stories))))
        return {one: found[event_of(one)] for one in stories if event_of(one) in found}

    # What subscriptions matched

    def note_match(self, subscription: str, story: str, at: float, score: float | None) -> bool:
        """Remember that a story matched, with its latest score; gives whether it is new."""
        with self._reaching() as db:
            new = db.execute(
                "INSERT OR IGNORE INTO matches VALUES (?, ?, ?, ?) RETURNING 1",
                (subscription, story, at, score),
            ).fetchone()
            if new is None and score is not None:
                db.execute(
                    "UPDATE matches SET score = ? WHERE subscription = ? AND story = ?",
                    (score, subscription, story),
                )
        return new is not None

    def matches(self, subscription: str, start: float) -> list[tuple[float, float | None]]:
        """When the stories that matched began, since an epoch, with their scores; in order."""
        return self._rows(
            "SELECT at, score FROM matches WHERE subscription = ? AND at >= ? ORDER BY at",
            (subscription, start),
        )

    def last_match(self, subscription: str) -> float | None:
        """When the latest story that matched began."""
        at: float | None = self._value(
            "SELECT max(at) FROM matches WHERE subscription = ?", (subscription,)
        )
        return at

    # Ledger and outbox

    def tell(self, alert: Alert, destinations: Iterable[str], *, now: float, due: float) -> bool:
        """Put an alert into the outbox, unless its subscription was told of the story before."""
        with self._reaching() as db:
            told = db.execute(
                "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?) RETURNING 1",
                (alert.subscription, alert.story, alert.article, now, _encode(alert)),
            ).fetchone()
            if not told:
                return False
            muted = self.is_muted(alert.story)
            db.executemany(
                "INSERT OR IGNORE INTO outbox"
                " (subscription, story, destination, state, created, due)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (alert.subscription, alert.story, to, "muted" if muted else "waiting", now, due)
                    for to in destinations
                ],
            )
        return True

    def due(self, now: float) -> dict[tuple[str, str], list[Entry]]:
        """What is due, by subscription and destination, oldest first. What was being sent when the
        process ended is due again."""
        entries = self._entries("state IN ('waiting', 'sending') AND due <= ?", (now,))
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            found.setdefault((entry.subscription, entry.destination), []).append(entry)
        return found

    def next_due(self) -> float | None:
        """When something is due next."""
        due: float | None = self._value(
            "SELECT min(due) FROM outbox WHERE state IN ('waiting', 'sending')"
        )
        return due

    def sent_since(self, subscription: str, destination: str, at: float) -> int:
        """How many messages went to a destination since an epoch."""
        number: int = self._value(
            "SELECT count(DISTINCT sent) FROM outbox"
            " WHERE subscription = ? AND destination = ? AND state = 'sent' AND sent >= ?",
            (subscription, destination, at),
        )
        return number

    def mark(
        self,
        numbers: Iterable[int],
        state: State,
        *,
        due: float | None = None,
        reason: str = "",
        sent: float | None = None,
        tried: bool = False,
    ) -> list[int]:
        """Say what became of lines of the outbox; `tried` counts an attempt. What was muted or
        acknowledged meanwhile stays so, unless it was sent. Gives the lines that changed."""
        with self.writing():
            return [
                number
                for number in numbers
                if self._db.execute(
                    "UPDATE outbox SET state = ?, due = coalesce(?, due), reason = ?, sent = ?,"
                    " attempts = attempts + ? WHERE number = ?"
                    " AND (state IN ('waiting', 'sending') OR ? = 'sent')",
                    (state, due, reason, sent, int(tried), number, state),
                ).rowcount
            ]

    def alerts(self, subscription: str, stories: Sequence[str]) -> list[Alert]:
        """The alerts of a subscription on these stories, in this order."""
        marks = ", ".join("?" * len(stories))
        rows = self._rows(
            f"SELECT story, alert FROM ledger WHERE subscription = ? AND story IN ({marks})",
            (subscription, *stories),
        )
        found = {story: _alerts.decode(blob) for story, blob in rows}
        return [
            msgspec.structs.replace(found[story], story=story)
            for story in stories
            if story in found
        ]

    def told(
        self, subscription: str, most: int = 100, *, unacknowledged: bool = False
    ) -> list[Told]:
        """The latest alerts of a subscription, newest first; or those nobody acknowledged."""
        rows = self._rows(
            "SELECT ledger.at, ledger.story, alert, acknowledged.at FROM ledger"
            " LEFT JOIN acknowledged USING (subscription, story) WHERE ledger.subscription = ?"
            " AND (NOT ? OR acknowledged.at IS NULL) ORDER BY ledger.at DESC LIMIT ?",
            (subscription, unacknowledged, most),
        )
        return [
            Told(at, msgspec.structs.replace(_alerts.decode(blob), story=story), when)
            for at, story, blob, when in rows
        ]

    def unacknowledged(self, subscription: str) -> int:
        """How many alerts of a subscription nobody acknowledged."""
        number: int = self._value(
            "SELECT (SELECT count(*) FROM ledger WHERE subscription = ?1)"
            " - (SELECT count(*) FROM acknowledged WHERE subscription = ?1)",
            (subscription,),
        )
        return number

    def acknowledge(
        self, subscription: str, story: str | None, now: float, *, until: float | None = None
    ) -> int:
        """Note that somebody has seen an alert, or all of a subscription's that came about until an
        epoch (now by default): what of it still waits isn't sent. Gives how many alerts this
        concerns; what was acknowledged before isn't."""
        with self.writing():
            name = None if story is None else self._name_of(story)
            seen = self._rows(
                "SELECT subscription, story FROM ledger WHERE subscription = ? AND at <= ?"
                " AND (?3 IS NULL OR story = ?3)"
                " EXCEPT SELECT subscription, story FROM acknowledged",
                (subscription, now if until is None else until, name),
            )
            self._db.executemany(
                "INSERT INTO acknowledged VALUES (?, ?, ?)", [(*one, now) for one in seen]
            )
            self._db.executemany(
                "UPDATE outbox SET state = 'acknowledged' WHERE subscription = ? AND story = ?"
                " AND state IN ('waiting', 'sending', 'dead')",
                seen,
            )
        return len(seen)

    def outbox(self, state: State | None = None, most: int = 100) -> list[Entry]:
        """Lines of the outbox, newest first."""
        found = self._entries("? IS NULL OR state = ?", (state, state))
        return sorted(found, key=lambda one: -one.number)[:most]

    def revive(self, now: float) -> int:
        """Make what was given up due again; gives how many lines."""
        with self._reaching() as db:
            return db.execute(
                "UPDATE outbox SET state = 'waiting', attempts = 0, due = ?, created = ?"
                " WHERE state = 'dead'",
                (now, now),
            ).rowcount

    def mute(self, story: str, now: float) -> int:
        """Send no more of a story, nor of later news of it; gives how many lines of the outbox this
        concerns."""
        with self.writing():
            story = event_of(self._name_of(story))
            self._db.execute("INSERT OR REPLACE INTO muted VALUES (?, ?)", (story, now))
            return self._mute_lines(story)

    def unmute(self, story: str) -> bool:
        """Let later news of a story be told again; gives whether it was muted."""
        with self._reaching() as db:
            story = event_of(self._name_of(story))
            return bool(db.execute("DELETE FROM muted WHERE story = ?", (story,)).rowcount)

    def is_muted(self, story: str) -> bool:
        """Whether nobody is told of a story any more."""
        story = event_of(self._name_of(story))
        return bool(self._rows("SELECT 1 FROM muted WHERE story = ?", (story,)))

    def _mute_lines(self, story: str) -> int:
        return self._db.execute(
            "UPDATE outbox SET state = 'muted' WHERE state IN ('waiting', 'sending', 'dead')"
            " AND (story = ?1 OR substr(story, 1, length(?2)) = ?2)",
            (story, later_news(story, "")),
        ).rowcount

    def _name_of(self, story: str) -> str:
        """What the ledger has by now: two stories may have been joined since somebody saw it."""
        event = event_of(story)
        rows = self._rows("SELECT into_story FROM joined WHERE story = ?", (event,))
        return rows[0][0] + story.removeprefix(event) if rows else story

    def _entries(self, condition: str, values: tuple[Any, ...]) -> list[Entry]:
        rows = self._rows(
            "SELECT number, subscription, story, destination, state, created, due, attempts,"
            f" reason, sent FROM outbox WHERE {condition} ORDER BY number",
            values,
        )
        return [Entry(*row) for row in rows]

    def _value(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        return self._rows(sql, values)[0][0]

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._reaching() as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def _reaching(self) -> Iterator[sqlite3.Connection]:
        with self._lock, driver_errors_as(StoreUnavailable, self._path):
            yield self._db
