"""What the collectors remember: feeds, articles, who showed them, and the outbox. SQLite.

The outbox makes revisions exact under a kill at any instant:

1. `hold` writes the plan of a poll, with its messages as they will be published;
2. the caller publishes them;
3. on the bus's acknowledgement `settle` applies the plan and deletes it, in one transaction.

After a start the plans that `pending` gives are published (again, the very same bytes) and settled
before anything else. Nothing of a poll shows in the state before its messages are on the bus.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from collectors.changelog import (
    article_values,
    forgotten_entries,
    plan_entry,
    restore,
    settled_entries,
)
from collectors.forgetting import NOTED, REMEMBERED, forget_feed, forget_unshown
from collectors.identity import Identified, canonical_url
from collectors.plan import FeedRow, Known, KnownArticle, KnownSighting, Plan
from collectors.politeness import MAX_RETRY_AFTER
from collectors.status import PollState
from detente.bus.base import Changelog, Entry
from detente.errors import ConfigError, StoreUnavailable
from detente.sqlite import connect, database_path, driver_errors_as, transaction

SCHEMA_NUMBER = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feeds (
    feed TEXT PRIMARY KEY, row BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS articles (
    id TEXT PRIMARY KEY, identity TEXT NOT NULL, owner TEXT NOT NULL, url TEXT NOT NULL,
    title TEXT NOT NULL, revision INTEGER NOT NULL, content_hash BLOB NOT NULL,
    text_origin TEXT NOT NULL, first_seen REAL NOT NULL, fingerprint BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS articles_by_url ON articles (url);
CREATE INDEX IF NOT EXISTS articles_by_owner ON articles (owner);
CREATE TABLE IF NOT EXISTS revisions (
    article TEXT NOT NULL, revision INTEGER NOT NULL, collected REAL NOT NULL, title TEXT NOT NULL,
    PRIMARY KEY (article, revision)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (
    alias TEXT PRIMARY KEY, article TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_by_article ON aliases (article);
CREATE TABLE IF NOT EXISTS sightings (
    feed TEXT NOT NULL, article TEXT NOT NULL, raw_hash BLOB NOT NULL,
    page_tries INTEGER NOT NULL, first_shown REAL NOT NULL, last_shown REAL NOT NULL,
    PRIMARY KEY (feed, article)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sightings_by_age ON sightings (feed, last_shown);
CREATE INDEX IF NOT EXISTS sightings_by_article ON sightings (article);
CREATE INDEX IF NOT EXISTS sightings_to_retry ON sightings (feed) WHERE page_tries > 0;
CREATE TABLE IF NOT EXISTS pending (
    feed TEXT PRIMARY KEY, plan BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hosts (
    host TEXT PRIMARY KEY, blocked_until REAL NOT NULL
) WITHOUT ROWID;
"""

_STEPS = {
    1: "ALTER TABLE articles ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x'';",
    2: """
ALTER TABLE sightings ADD COLUMN last_shown REAL NOT NULL DEFAULT 0;
UPDATE sightings SET last_shown = unixepoch();
CREATE INDEX sightings_by_age ON sightings (feed, last_shown);
""",
}
"""What leads from a schema to the next."""

_rows = msgspec.msgpack.Decoder(FeedRow)
_plans = msgspec.msgpack.Decoder(Plan)
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Revision:
    """One published revision: when it was collected, and its title then."""

    number: int
    collected: datetime
    title: str


@dataclass(frozen=True, slots=True)
class ArticleTrace:
    """How an article came to be known. `shown_by` maps feed ids to when each first showed it."""

    id: str
    identity: str
    url: str
    title: str
    owner: str
    first_seen: datetime
    aliases: tuple[str, ...]
    revisions: tuple[Revision, ...]
    shown_by: Mapping[str, datetime]


class FeedState:
    """Used from any thread. Every method raises StoreUnavailable when the file can't be used.

    A feed's row holds for one address: a catalogue that gives another one begins anew.

    With a `changelog` the file is a copy of what that has, made anew at the start; the changelog is
    written first, and its errors are raised, too.
    """

    def __init__(self, url: str, changelog: Changelog | None = None) -> None:
        self._path = database_path(url)
        self._changelog = changelog
        self._db = connect(self._path, durable=changelog is None)
        self._lock = threading.Lock()
        try:
            self._prepare()
            if changelog is not None:
                self.restore(changelog.take())
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        (number,) = self._db.execute("PRAGMA user_version").fetchone()
        if number in _STEPS:
            steps = "".join(_STEPS[step] for step in range(number, SCHEMA_NUMBER))
            with self._reading():
                self._db.executescript(
                    f"BEGIN; {steps} PRAGMA user_version = {SCHEMA_NUMBER}; COMMIT;"
                )
            return
        if number not in (0, SCHEMA_NUMBER):
            raise ConfigError(
                f"{self._path}: feed state of schema {number}, but this version uses "
                f"{SCHEMA_NUMBER}; use the version that wrote it, or another file in `state`"
            )
        if number == 0:
            with self._reading():
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_NUMBER}")

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._db.close()

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take in what a changelog has."""
        with self._writing() as db:
            restore(db, entries)

    # What a poll needs to know

    def feed(self, feed: str, address: str) -> FeedRow:
        """The row of a feed; a fresh one if it is new or its address in the catalogue changed."""
        with self._reading() as db:
            found = db.execute("SELECT row FROM feeds WHERE feed = ?", (feed,)).fetchone()
        if found and (row := _rows.decode(found[0])).address == address:
            return row
        return FeedRow(feed=feed, address=address, state=PollState.NEVER, since=time.time())

    def lookup(self, feed: str, identified: Collection[Identified]) -> Known:
        """What is known of these entries, as one consistent reading."""
        keys = json.dumps([key for item in identified for key in item.all_keys])
        with self._reading() as db:
            ids = dict(
                db.execute(
                    "SELECT alias, article FROM aliases"
                    " WHERE alias IN (SELECT value FROM json_each(?))",
                    (keys,),
                )
            )
            found = json.dumps(sorted(set(ids.values())))
            within = "(SELECT value FROM json_each(?))"
            aliases: dict[str, list[str]] = {}
            for article, alias in db.execute(
                f"SELECT article, alias FROM aliases WHERE article IN {within}", (found,)
            ):
                aliases.setdefault(article, []).append(alias)
            articles = {
                row[0]: _known(row, aliases.get(row[0], ()))
                for row in db.execute(
                    "SELECT id, identity, owner, revision, content_hash, text_origin, first_seen,"
                    f" title, fingerprint FROM articles WHERE id IN {within}",
                    (found,),
                )
            }
            sightings = {
                article: KnownSighting(raw_hash, tries, last_shown)
                for article, raw_hash, tries, last_shown in db.execute(
                    "SELECT article, raw_hash, page_tries, last_shown FROM sightings"
                    f" WHERE feed = ? AND article IN {within}",
                    (feed, found),
                )
            }
        return Known(ids, articles, sightings)

    def has_pages_to_retry(self, feed: str) -> bool:
        """Whether an article that this feed shows still waits for its page."""
        with self._reading() as db:
            return bool(
                db.execute(
                    "SELECT EXISTS (SELECT 1 FROM sightings WHERE feed = ? AND page_tries > 0)",
                    (feed,),
                ).fetchone()[0]
            )

    def blocked_hosts(self) -> dict[str, float]:
        """Hosts that asked to be left alone, with the epoch until when."""
        now = time.time()
        with self._reading() as db:
            # Later than any wait that is granted is what a clock that was ahead has left behind.
            rows = db.execute(
                "SELECT * FROM hosts WHERE blocked_until BETWEEN ? AND ?",
                (now, now + MAX_RETRY_AFTER),
            )
            return dict(rows.fetchall())

    # The outbox

    def hold(self, plan: Plan) -> None:
        """Write a plan down, durably, before its messages are published."""
        entry = plan_entry(plan)
        if self._changelog is not None:
            self._changelog.append([entry])
        self.restore([entry])

    def pending(self) -> list[Plan]:
        """The plans that were held and not settled."""
        with self._reading() as db:
            rows = db.execute("SELECT plan FROM pending ORDER BY feed").fetchall()
        try:
            return [_plans.decode(row[0]) for row in rows]
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"{self._path}: a held plan can't be read ({error}); was it written by another "
                "version? Run that version once to settle it"
            ) from error

    def settle(self, plan: Plan) -> None:
        """Apply a plan whose messages the bus has (or which has none) and forget it.

        Settling a plan again changes nothing.
        """
        with self._writing() as db:
            concerned = _apply(db, plan)
            db.execute("DELETE FROM pending WHERE feed = ?", (plan.feed.feed,))
            if self._changelog is not None:
                self._changelog.append(settled_entries(db, plan, sorted(concerned)))

    def forget_feeds(self, before: float) -> None:
        """Forget the feeds that were polled last before an epoch, and what they alone showed."""
        for feed, row in self.rows().items():
            if row.polled is not None and row.polled < before:
                with self._writing() as db:
                    concerned = forget_feed(db, feed)
                    if self._changelog is not None:
                        self._changelog.append(forgotten_entries(db, feed, sorted(concerned)))

    # What people ask

    def rows(self) -> dict[str, FeedRow]:
        """The rows of all feeds that were ever polled, by feed id."""
        with self._reading() as db:
            found = db.execute("SELECT row FROM feeds").fetchall()
        return {row.feed: row for row in (_rows.decode(blob) for (blob,) in found)}

    def article_counts(self, since: float = 0.0) -> dict[str, int]:
        """How many articles each feed was the first to show, since an epoch."""
        with self._reading() as db:
            return dict(
                db.execute(
                    "SELECT owner, count(*) FROM articles WHERE first_seen >= ? GROUP BY owner",
                    (since,),
                ).fetchall()
            )

    def trace(self, key: str) -> ArticleTrace | None:
        """The article of a URL, of any identity key or alias, or of an id; None if unknown."""
        url = canonical_url(key)
        with self._reading() as db:
            found = db.execute(
                "SELECT id FROM articles WHERE id = ?1"
                " UNION ALL SELECT article FROM aliases WHERE alias IN (?1, ?2)"
                " UNION ALL SELECT id FROM articles WHERE url IN (?1, ?3)"
                " LIMIT 1",
                (key, f"url:{url}", url),
            ).fetchone()
            return _trace(db, found[0]) if found else None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, driver_errors_as(StoreUnavailable, self._path):
            yield self._db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db, transaction(db):
            yield db


def _known(row: Sequence[Any], aliases: Iterable[str]) -> KnownArticle:
    id, identity, owner, revision, content_hash, text_origin, first_seen, title, fingerprint = row
    return KnownArticle(
        *(id, identity, owner, revision, content_hash, text_origin, first_seen, title, fingerprint),
        aliases=tuple(sorted(aliases)),
    )


def _apply(db: sqlite3.Connection, plan: Plan) -> set[str]:
    """Write what a plan leads to; gives the ids of the articles of which anything changed."""
    feed = plan.feed.feed
    db.execute("INSERT OR REPLACE INTO feeds VALUES (?, ?)", (feed, _encode(plan.feed)))
    db.executemany(
        "INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [article_values(row) for row in plan.articles],
    )
    db.executemany(
        "INSERT OR IGNORE INTO revisions VALUES (?, ?, ?, ?)",
        [(row.id, row.revision, row.changed, row.title) for row in plan.articles],
    )
    # The first article to claim a key keeps it: an id never changes.
    db.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?)", plan.aliases)
    changed = {row.id for row in plan.articles} | {article for _, article in plan.aliases}
    for row in plan.sightings:
        changed |= _returned(
            db,
            "INSERT INTO sightings VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT DO UPDATE"
            " SET raw_hash = ?3, page_tries = ?4, last_shown = ?5"
            " WHERE raw_hash != ?3 OR page_tries != ?4 OR last_shown < ?5 - ?6"
            " RETURNING article",
            (feed, row.article, row.raw_hash, row.page_tries, row.seen, NOTED),
        )
    if plan.examined:
        # An article that left the feed has no later poll at which its page could be tried.
        waiting = json.dumps([row.article for row in plan.sightings if row.page_tries])
        changed |= _returned(
            db,
            "UPDATE sightings SET page_tries = 0 WHERE feed = ? AND page_tries > 0"
            " AND article NOT IN (SELECT value FROM json_each(?)) RETURNING article",
            (feed, waiting),
        )
        changed |= forget_unshown(db, feed, (plan.feed.polled or 0.0) - REMEMBERED)
    db.executemany("INSERT OR REPLACE INTO hosts VALUES (?, ?)", plan.blocked)
    db.execute("DELETE FROM hosts WHERE blocked_until < ?", (plan.feed.polled,))
    return changed


def _returned(db: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> set[str]:
    return {article for (article,) in db.execute(statement, values).fetchall()}


def _trace(db: sqlite3.Connection, id: str) -> ArticleTrace:
    identity, url, title, owner, first_seen = db.execute(
        "SELECT identity, url, title, owner, first_seen FROM articles WHERE id = ?", (id,)
    ).fetchone()
    aliases = db.execute("SELECT alias FROM aliases WHERE article = ? ORDER BY alias", (id,))
    revisions = db.execute(
        "SELECT revision, collected, title FROM revisions WHERE article = ? ORDER BY revision",
        (id,),
    )
    shown_by = db.execute(
        "SELECT feed, first_shown FROM sightings WHERE article = ? ORDER BY first_shown, feed",
        (id,),
    )
    return ArticleTrace(
        id=id,
        identity=identity,
        url=url,
        title=title,
        owner=owner,
        first_seen=_instant(first_seen),
        aliases=tuple(alias for (alias,) in aliases),
        revisions=tuple(Revision(number, _instant(at), then) for number, at, then in revisions),
        shown_by={feed: _instant(at) for feed, at in shown_by},
    )


def _instant(epoch: Any) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
