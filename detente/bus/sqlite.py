"""The embedded bus: an append-only log in SQLite, one cursor per consumer group.

A topic has one partition, so of several subscriptions of a group one reads and the others stand
by, as with Kafka. A lock on a file beside the database says which one; the kernel lets go of it
when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import msgspec

from detente.bus.base import MAX_RECORD_BYTES, Delivery, Record, refuse_oversized
from detente.errors import BusUnavailable, ConfigError
from detente.flow import DEAD_SUFFIX
from detente.sqlite import connect, database_path, driver_errors_as, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
    topic INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next_offset INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS records (
    topic INTEGER NOT NULL REFERENCES topics, offset INTEGER NOT NULL, key TEXT NOT NULL,
    value BLOB NOT NULL, headers BLOB NOT NULL, appended REAL NOT NULL,
    PRIMARY KEY (topic, offset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors (
    topic TEXT NOT NULL, consumer_group TEXT NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, consumer_group)
) WITHOUT ROWID;
"""
_PAUSE = 0.02
"""Seconds between two looks at a log that has nothing new."""
_PRUNE_EVERY = 600.0
_PRUNE_CHUNK = 2_000

_headers_decoder = msgspec.json.Decoder(dict[str, bytes])


class SqliteBus:
    """See `detente.bus.base.Bus`; `retention` is in seconds, None keeps everything."""

    def __init__(
        self,
        url: str,
        *,
        retention: float | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._path = database_path(url)
        self._max_record_bytes = max_record_bytes
        self._retention = retention
        self._pruned = 0.0
        self._lock = Lock()
        self._connection = connect(self._path)
        with self._reaching():
            self._connection.executescript(_SCHEMA)

    def prepare(self) -> list[str]:
        return [f"{self._path}: is there"]  # a topic comes into being with its first record

    def check(self) -> None:
        """Nothing: what can be wrong with the file was said when it was opened."""

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        refuse_oversized(records, self._max_record_bytes)
        if not records:
            return
        now = time.time()
        with self._reaching(), self._lock, transaction(self._connection) as db:
            db.execute("INSERT OR IGNORE INTO topics (name) VALUES (?)", (topic,))
            number, offset = db.execute(
                "SELECT topic, next_offset FROM topics WHERE name = ?", (topic,)
            ).fetchone()
            db.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, offset + i, r.key, r.value, msgspec.json.encode(r.headers), now)
                    for i, r in enumerate(records)
                ],
            )
            db.execute(
                "UPDATE topics SET next_offset = ? WHERE topic = ?", (offset + len(records), number)
            )
            if self._retention is not None and now - self._pruned > _PRUNE_EVERY:
                self._pruned = now
                self._prune(number, topic, now - self._retention)

    def subscribe(self, topic: str, group: str) -> SqliteSubscription:
        return SqliteSubscription(self._path, topic, group)

    def reset(self, topic: str, group: str, since: datetime | None = None) -> None:
        membership = _Membership(self._path, topic, group)
        if not membership.join():
            raise ConfigError(
                f"{self._path}: the consumer group {group!r} is at work on {topic}; stop it first"
            )
        try:
            with self._reaching(), self._lock, transaction(self._connection) as db:
                db.execute(
                    "DELETE FROM cursors WHERE topic = ? AND consumer_group = ?", (topic, group)
                )
                if since is not None:
                    db.execute(
                        """
                        INSERT INTO cursors SELECT name, ?1, coalesce(
                            (SELECT min(offset) FROM records
                             WHERE topic = t.topic AND appended >= ?2), next_offset)
                        FROM topics t WHERE name = ?3
                        """,
                        (group, since.timestamp(), topic),
                    )
        finally:
            membership.leave(forget=True)

    def lag(self, topic: str, group: str) -> int:
        with self._reaching(), self._lock:
            row = self._connection.execute(
                """
                SELECT t.next_offset - max(coalesce(c.next_offset, 0), coalesce(
                    (SELECT offset FROM records WHERE topic = t.topic ORDER BY offset LIMIT 1), 0))
                FROM topics t LEFT JOIN cursors c ON c.topic = t.name AND c.consumer_group = ?
                WHERE t.name = ?
                """,
                (group, topic),
            ).fetchone()
        return max(0, row[0]) if row else 0

    def partitioned_state(self, topic: str, group: str) -> None:
        return None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _prune(self, number: int, topic: str, cutoff: float) -> None:
        """Forget old records that every group has committed; dead letters are kept."""
        if topic.endswith(DEAD_SUFFIX):
            return
        self._connection.execute(
            """
            DELETE FROM records WHERE topic = ?1 AND offset IN (
                SELECT offset FROM records WHERE topic = ?1 AND appended < ?2
                AND offset < (SELECT min(next_offset) FROM cursors WHERE topic = ?3)
                ORDER BY offset LIMIT ?4)
            """,
            (number, cutoff, topic, _PRUNE_CHUNK),
        )

    def _reaching(self) -> AbstractContextManager[None]:
        return driver_errors_as(BusUnavailable, self._path)


class SqliteSubscription:
    """See `detente.bus.base.Subscription`."""

    def __init__(self, path: Path, topic: str, group: str) -> None:
        self._path = path
        self._topic = topic
        self._group = group
        self._connection = connect(path)
        self._membership = _Membership(path, topic, group)
        self._position: int | None = None
        self._closed = False

    def poll(self, max_records: int, timeout: float) -> Sequence[Delivery]:
        deadline = time.monotonic() + timeout
        while True:
            deliveries = self._read(max_records)
            left = deadline - time.monotonic()
            if deliveries or left <= 0:
                return deliveries
            time.sleep(min(_PAUSE, left))

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        done = max(delivery.offset for delivery in deliveries) + 1
        with driver_errors_as(BusUnavailable, self._path), transaction(self._connection) as db:
            db.execute(
                """
                INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT DO UPDATE
                SET next_offset = max(next_offset, excluded.next_offset)
                """,
                (self._topic, self._group, done),
            )

    def rewind(self) -> None:
        self._position = None

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._membership.leave(forget=self._committed() == 0)
        self._connection.close()

    def _read(self, max_records: int) -> Sequence[Delivery]:
        if self._closed:
            raise BusUnavailable(f"{self._path}: this subscription is closed")
        if not self._membership.join():
            self._position = None
            return []
        if self._position is None:
            self._position = self._committed()
        with driver_errors_as(BusUnavailable, self._path):
            rows = self._connection.execute(
                """
                SELECT r.offset, r.key, r.value, r.headers, r.appended
                FROM records r JOIN topics t USING (topic)
                WHERE t.name = ? AND r.offset >= ? ORDER BY r.offset LIMIT ?
                """,
                (self._topic, self._position, max_records),
            ).fetchall()
        if rows:
            self._position = rows[-1][0] + 1
        return [
            Delivery(
                topic=self._topic,
                partition=0,
                offset=offset,
                key=key,
                value=value,
                headers=_headers_decoder.decode(headers),
                appended=datetime.fromtimestamp(appended, UTC),
            )
            for offset, key, value, headers, appended in rows
        ]

    def _committed(self) -> int:
        with driver_errors_as(BusUnavailable, self._path):
            row = self._connection.execute(
                "SELECT next_offset FROM cursors WHERE topic = ? AND consumer_group = ?",
                (self._topic, self._group),
            ).fetchone()
        return int(row[0]) if row else 0


class _Membership:
    """The lock that makes one subscription of a group the reading one."""

    def __init__(self, path: Path, topic: str, group: str) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]", "_", f"{topic}@{group}")
        self._file = path.with_name(f"{path.name}-groups") / name
        self._descriptor: int | None = None

    def join(self) -> bool:
        """True once, and as long as, this one is the reader."""
        if self._descriptor is not None:
            return True
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed the file between our open and our lock.
            if os.stat(self._file).st_ino == os.fstat(descriptor).st_ino:
                self._descriptor = descriptor
                return True
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return False

    def leave(self, *, forget: bool) -> None:
        """Let another one read; `forget` removes the file of a group that never committed."""
        if self._descriptor is None:
            return
        if forget:
            self._file.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
