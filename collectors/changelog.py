"""The rows of a feed state as entries of a changelog, and back.

Where several collectors share the feeds, the state of a feed follows it from one to the next
through a compacted topic (`detente.bus.base.Changelog`): an entry for each feed, each article, each
host that wants peace, and each plan that isn't settled yet.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator

import msgspec

from collectors.forgetting import FORGET_ARTICLE
from collectors.plan import ArticleRow, Plan
from detente.bus.base import Entry

_FEED, _ARTICLE, _HOST, _PLAN = "feed", "article", "host", "plan"


class SightingEntry(msgspec.Struct, frozen=True, array_like=True):
    """A feed's showing of an article; the epochs are of the first and of about the last one."""

    feed: str
    raw_hash: bytes
    page_tries: int
    first_shown: float
    last_shown: float | None = None


class ArticleEntry(msgspec.Struct, frozen=True):
    """All that is kept of one article: revisions as (number, epoch, title), and sightings."""

    row: ArticleRow
    aliases: tuple[str, ...]
    revisions: tuple[tuple[int, float, str], ...]
    sightings: tuple[SightingEntry, ...]


_encode = msgspec.msgpack.Encoder().encode
_articles = msgspec.msgpack.Decoder(ArticleEntry)
_hosts = msgspec.msgpack.Decoder(float)


def plan_entry(plan: Plan) -> Entry:
    """The entry of a plan that is held."""
    return f"{_PLAN}/{plan.feed.feed}", _encode(plan)


def settled_entries(db: sqlite3.Connection, plan: Plan, articles: Iterable[str]) -> list[Entry]:
    """The entries of what a plan has changed, as `db` has it now; `articles` are the concerned."""
    entries: list[Entry] = [
        (f"{_FEED}/{plan.feed.feed}", _encode(plan.feed)),
        *((f"{_HOST}/{host}", _encode(until)) for host, until in plan.blocked),
        *_articles_now(db, articles),
    ]
    if plan.records:
        entries.append((f"{_PLAN}/{plan.feed.feed}", None))
    return entries


def forgotten_entries(db: sqlite3.Connection, feed: str, articles: Iterable[str]) -> list[Entry]:
    """The entries of a feed that was forgotten, and of the articles that this concerned."""
    return [(f"{_FEED}/{feed}", None), *_articles_now(db, articles)]


def _articles_now(db: sqlite3.Connection, articles: Iterable[str]) -> Iterator[Entry]:
    for id in articles:
        found = _article(db, id)
        yield f"{_ARTICLE}/{id}", _encode(found) if found else None


def restore(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Bring a state to where these entries end."""
    for key, value in entries:
        kind, _, name = key.partition("/")
        for statement, values in _statements(kind, name, value):
            db.execute(statement, values)


def _statements(
    kind: str, name: str, value: bytes | None
) -> Iterator[tuple[str, tuple[object, ...]]]:
    if kind == _FEED and value is None:
        yield "DELETE FROM feeds WHERE feed = ?", (name,)
    elif kind == _FEED:
        yield "INSERT OR REPLACE INTO feeds VALUES (?, ?)", (name, value)
    elif kind == _HOST and value is not None:
        yield "INSERT OR REPLACE INTO hosts VALUES (?, ?)", (name, _hosts.decode(value))
    elif kind == _PLAN and value is not None:
        yield "INSERT OR REPLACE INTO pending VALUES (?, ?)", (name, value)
    elif kind == _PLAN:
        yield "DELETE FROM pending WHERE feed = ?", (name,)
    elif kind == _ARTICLE and value is not None:
        entry = _articles.decode(value)
        yield (
            "INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            article_values(entry.row),
        )
        for alias in entry.aliases:
            yield "INSERT OR REPLACE INTO aliases VALUES (?, ?)", (alias, name)
        for revision in entry.revisions:
            yield "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?)", (name, *revision)
        for one in entry.sightings:
            # An earlier version's entries don't say when it was shown last.
            last_shown = time.time() if one.last_shown is None else one.last_shown
            yield (
                "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?, ?)",
                (one.feed, name, one.raw_hash, one.page_tries, one.first_shown, last_shown),
            )
    elif kind == _ARTICLE:
        for statement in FORGET_ARTICLE:
            yield statement, (name,)


def article_values(row: ArticleRow) -> tuple[object, ...]:
    """A row of the table `articles`."""
    return (
        *(row.id, row.identity, row.owner, row.url, row.title, row.revision),
        *(row.content_hash, row.text_origin, row.first_seen, row.fingerprint),
    )


def _article(db: sqlite3.Connection, id: str) -> ArticleEntry | None:
    row = db.execute("SELECT * FROM articles WHERE id = ?", (id,)).fetchone()
    if row is None:
        return None
    revisions = db.execute(
        "SELECT revision, collected, title FROM revisions WHERE article = ? ORDER BY revision",
        (id,),
    ).fetchall()
    sightings = db.execute(
        "SELECT feed, raw_hash, page_tries, first_shown, last_shown FROM sightings"
        " WHERE article = ? ORDER BY feed",
        (id,),
    )
    aliases = db.execute("SELECT alias FROM aliases WHERE article = ? ORDER BY alias", (id,))
    return ArticleEntry(
        # It changed with its last revision.
        row=ArticleRow(*row[:-1], *revisions[-1][1:2], *row[-1:]),
        aliases=tuple(alias for (alias,) in aliases),
        revisions=tuple(revisions),
        sightings=tuple(SightingEntry(*one) for one in sightings),
    )
