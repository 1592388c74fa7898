"""The tables in which the alerts keep what they remember."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from detente.errors import ConfigError
from detente.sqlite import transaction

SCHEMA_NUMBER = 1

State = Literal["waiting", "sending", "sent", "dead", "muted", "acknowledged"]
"""What became of a line of the outbox."""

_SCHEMA = """
CREATE TABLE articles (
    id TEXT PRIMARY KEY, revision INTEGER NOT NULL, story TEXT NOT NULL, at REAL NOT NULL,
    outlet TEXT NOT NULL, copies TEXT, novelty TEXT NOT NULL, traits BLOB, facts BLOB
) WITHOUT ROWID;
CREATE INDEX articles_by_story ON articles (story);
CREATE INDEX articles_by_time ON articles (at);
CREATE INDEX articles_with_traits ON articles (at) WHERE traits IS NOT NULL;
CREATE TABLE joined (story TEXT PRIMARY KEY, into_story TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE subscriptions (id TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE ledger (
    subscription TEXT NOT NULL, story TEXT NOT NULL, article TEXT NOT NULL, at REAL NOT NULL,
    alert BLOB NOT NULL, PRIMARY KEY (subscription, story)
) WITHOUT ROWID;
CREATE INDEX ledger_by_time ON ledger (subscription, at);
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY, subscription TEXT NOT NULL, story TEXT NOT NULL,
    destination TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', sent REAL,
    UNIQUE (subscription, story, destination)
);
CREATE INDEX outbox_waiting ON outbox (destination, due) WHERE state IN ('waiting', 'sending');
CREATE TABLE matches (
    subscription TEXT NOT NULL, story TEXT NOT NULL, at REAL NOT NULL, score REAL,
    PRIMARY KEY (subscription, story)
) WITHOUT ROWID;
CREATE INDEX matches_by_time ON matches (subscription, at);
CREATE TABLE muted (story TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""

# A table of its own, so that a process of an older version goes on with the file.
_LATER = """
CREATE TABLE IF NOT EXISTS acknowledged (
    subscription TEXT NOT NULL, story TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (subscription, story)
) WITHOUT ROWID
"""


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file, and those that an older version's file lacks.

    Raises ConfigError for a file of another schema.
    """
    if _is_ready(db):
        return  # without waiting for whoever is writing
    with transaction(db):
        (number,) = db.execute("PRAGMA user_version").fetchone()
        if number not in (0, SCHEMA_NUMBER):
            raise ConfigError(
                f"{path}: alerts of schema {number}, but this version uses {SCHEMA_NUMBER}; "
                "use the version that wrote it, or another file in `alerts`"
            )
        for statement in [*(_SCHEMA.split(";") if number == 0 else ()), _LATER]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_NUMBER}")


def _is_ready(db: sqlite3.Connection) -> bool:
    (number,) = db.execute("PRAGMA user_version").fetchone()
    last = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'acknowledged'"
    return number == SCHEMA_NUMBER and db.execute(last).fetchone() is not None
