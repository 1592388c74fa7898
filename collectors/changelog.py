"""The rows of a feed state as entries of a changelog, and back.

Where several collectors share the feeds, the state of a feed follows it from one to the next
through a compacted topic (`detente.bus.base.Changelog`): an entry for each feed, each article, each
host that wants peace, and each plan that isn't settled yet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from collectors.plan import ArticleRow, Plan
from detente.bus.base import Entry

_FEED, _ARTICLE, _HOST, _PLAN = "feed", "article", "host", "plan"


class ArticleEntry(msgspec.Struct, frozen=True):
    """All that is kept of one article: revisions as (number, epoch, title), sightings as
    (feed, hash, page tries, epoch)."""

    row: ArticleRow
    aliases: tuple[str, ...]
    revisions: tuple[tuple[int, float, str], ...]
    sightings: tuple[tuple[str, bytes, int, float], ...]


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
        *((f"{_ARTICLE}/{id}", _encode(_article(db, id))) for id in articles),
    ]
    if plan.records:
        entries.append((f"{_PLAN}/{plan.feed.feed}", None))
    return entries


def restore(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Bring a state to where these entries end."""
    for key, value in entries:
        kind, _, name = key.partition("/")
        for statement, values in _statements(kind, name, value):
            db.execute(statement, values)


def _statements(
    kind: str, name: str, value: bytes | None
) -> Iterator[tuple[str, tuple[object, ...]]]:
    if kind == _FEED and value is not None:
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
        for feed, *sighting in entry.sightings:
            yield (
                "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)",
                (feed, name, *sighting),
            )


def article_values(row: ArticleRow) -> tuple[object, ...]:
    """A row of the table `articles`."""
    return (
        *(row.id, row.identity, row.owner, row.url, row.title, row.revision),
        *(row.content_hash, row.text_origin, row.first_seen, row.fingerprint),
    )


def _article(db: sqlite3.Connection, id: str) -> ArticleEntry:
    row = db.execute("SELECT * FROM articles WHERE id = ?", (id,)).fetchone()
    revisions = db.execute(
        "SELECT revision, collected, title FROM revisions WHERE article = ? ORDER BY revision",
        (id,),
    ).fetchall()
    sightings = db.execute(
        "SELECT feed, raw_hash, page_tries, first_shown FROM sightings WHERE article = ?"
        " ORDER BY feed",
        (id,),
    )
    aliases = db.execute("SELECT alias FROM aliases WHERE article = ? ORDER BY alias", (id,))
    return ArticleEntry(
        # It changed with its last revision.
        row=ArticleRow(*row[:-1], *revisions[-1][1:2], *row[-1:]),
        aliases=tuple(alias for (alias,) in aliases),
        revisions=tuple(revisions),
        sightings=tuple(sightings.fetchall()),
    )
