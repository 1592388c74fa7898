"""What the state forgets, so that it is bounded: articles that no feed has shown for long.

An article that comes back after that is taken for a new one.
"""

from __future__ import annotations

import sqlite3

DAY = 86_400.0

REMEMBERED = 400 * DAY
"""So long after a feed showed an article for the last time is that known; longer than a year, since
anniversaries bring old pieces back."""

NOTED = 30 * DAY
"""How exactly the last showing is known: to write it down at each poll would be all the work."""


FORGET_ARTICLE = (
    "DELETE FROM articles WHERE id = ?",
    *(f"DELETE FROM {it} WHERE article = ?" for it in ("aliases", "revisions", "sightings")),
)
"""Statements that forget all that is known of the article with an id."""


def forget_unshown(db: sqlite3.Connection, feed: str, before: float) -> set[str]:
    """Forget what this feed showed last before an epoch; gives the ids of the articles concerned.

    To be called when a document of the feed was examined, after what it shows was noted.
    """
    return _forget(db, "feed = ? AND last_shown < ?", (feed, before))


def forget_feed(db: sqlite3.Connection, feed: str) -> set[str]:
    """Forget a feed with what it alone showed; gives the ids of the articles concerned."""
    db.execute("DELETE FROM feeds WHERE feed = ?", (feed,))
    return _forget(db, "feed = ?", (feed,))


def _forget(db: sqlite3.Connection, which: str, values: tuple[object, ...]) -> set[str]:
    found = db.execute(f"DELETE FROM sightings WHERE {which} RETURNING article", values)
    concerned = {article for (article,) in found.fetchall()}
    shown = "SELECT EXISTS (SELECT 1 FROM sightings WHERE article = ?)"
    for id in concerned:
        if not db.execute(shown, (id,)).fetchone()[0]:
            for statement in FORGET_ARTICLE:
                db.execute(statement, (id,))
    return concerned
