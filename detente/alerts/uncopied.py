"""Which alerts are still to be copied elsewhere: a list in the alerts' own file, kept by triggers.

Whatever changes an alert or one of its deliveries, in whichever process, puts it on the list in the
same transaction. So nothing is missed, and nothing has to be compared to find out what changed. An
alert is on the list once, however often it changes: over a long outage the list stays bounded.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from detente.alerts.message import Alert
from detente.errors import StoreUnavailable
from detente.sqlite import connect, database_path, driver_errors_as, transaction

_ADD = """
    INSERT INTO uncopied VALUES (NEW.subscription, NEW.story, 1)
    ON CONFLICT (subscription, story) DO UPDATE SET changes = changes + 1
"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS uncopied (
    subscription TEXT NOT NULL, story TEXT NOT NULL, changes INTEGER NOT NULL,
    PRIMARY KEY (subscription, story)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS copied_to (
    one INTEGER PRIMARY KEY CHECK (one = 1), target TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS ledger_added AFTER INSERT ON ledger BEGIN {_ADD}; END;
CREATE TRIGGER IF NOT EXISTS ledger_changed AFTER UPDATE ON ledger BEGIN {_ADD}; END;
CREATE TRIGGER IF NOT EXISTS acknowledged_added AFTER INSERT ON acknowledged BEGIN {_ADD}; END;
CREATE TRIGGER IF NOT EXISTS outbox_added AFTER INSERT ON outbox BEGIN {_ADD}; END;
CREATE TRIGGER IF NOT EXISTS outbox_changed AFTER UPDATE ON outbox BEGIN {_ADD}; END;
"""

_alerts = msgspec.msgpack.Decoder(Alert)


@dataclass(frozen=True, slots=True)
class Sending:
    """One delivery of an alert, as it stands: `sent` is when it was, if it was."""

    destination: str
    state: str
    attempts: int
    sent: float | None


@dataclass(frozen=True, slots=True)
class Changed:
    """An alert that is to be copied. `alert` is None where the ledger has it under another story by
    now; `changes` tells whether it changed again meanwhile."""

    subscription: str
    story: str
    changes: int
    at: float
    alert: Alert | None
    sendings: tuple[Sending, ...]
    acknowledged: float | None = None


class Uncopied:
    """The list, by a connection of its own: who reads it long holds up no alert.

    The file must have its tables already (`AlertState`). Every method raises StoreUnavailable when
    the file can't be used.
    """

    def __init__(self, url: str) -> None:
        self._path = database_path(url)
        # What a power cut undoes here is copied once more.
        self._db = connect(self._path, durable=False)
        self._lock = threading.Lock()
        try:
            with self._reaching() as db:
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        except BaseException:
            self._db.close()
            raise

    def aim(self, target: str) -> None:
        """Copy to this target from now on; one that is new gets all that there is."""
        with self._reaching() as db, transaction(db):
            known = db.execute("SELECT target FROM copied_to").fetchone()
            if known == (target,):
                return
            db.execute("INSERT OR REPLACE INTO copied_to VALUES (1, ?)", (target,))
            db.execute(
                "INSERT INTO uncopied SELECT subscription, story, 1 FROM ledger WHERE true"
                " ON CONFLICT (subscription, story) DO UPDATE SET changes = changes + 1"
            )

    def is_empty(self) -> bool:
        """Whether everything is copied."""
        with self._reaching() as db:
            return db.execute("SELECT 1 FROM uncopied LIMIT 1").fetchone() is None

    def some(self, most: int) -> list[Changed]:
        """Some of what is to be copied, as it is now."""
        first = "(SELECT * FROM uncopied ORDER BY subscription, story LIMIT ?) AS uncopied"
        with self._reaching() as db:
            rows = db.execute(
                "SELECT uncopied.subscription, uncopied.story, changes, ledger.at, alert,"
                f" acknowledged.at FROM {first} LEFT JOIN ledger USING (subscription, story)"
                " LEFT JOIN acknowledged USING (subscription, story)",
                (most,),
            ).fetchall()
            sendings: dict[tuple[str, str], list[Sending]] = {}
            for subscription, story, *sending in db.execute(
                "SELECT uncopied.subscription, uncopied.story, destination, state, attempts, sent"
                f" FROM {first} JOIN outbox USING (subscription, story) ORDER BY number",
                (most,),
            ):
                sendings.setdefault((subscription, story), []).append(Sending(*sending))
        return [
            Changed(
                subscription,
                story,
                changes,
                at or 0.0,
                None if blob is None else _alerts.decode(blob),
                tuple(sendings.get((subscription, story), ())),
                acknowledged,
            )
            for subscription, story, changes, at, blob, acknowledged in rows
        ]

    def done(self, copied: Sequence[Changed]) -> None:
        """Take these off the list; what has changed since it was read stays on it."""
        with self._reaching() as db, transaction(db):
            db.executemany(
                "DELETE FROM uncopied WHERE subscription = ? AND story = ? AND changes = ?",
                [(one.subscription, one.story, one.changes) for one in copied],
            )

    def close(self) -> None:
        """Close the connection; idempotent."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _reaching(self) -> Iterator[sqlite3.Connection]:
        with self._lock, driver_errors_as(StoreUnavailable, self._path):
            yield self._db
