"""What an article adds to its story: an actor, an act, a number, or a side that has turned.

Most outlets write of an event within its first day, each in words and with facts of its own. What
is new in those is new to their readers, not to whoever was told: so an article counts as later
news only some time after the first and the latest one. A side that turns sharply counts at once.
(Measured by `training.novelty`; docs/decisions/0009-stories.md.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from detente.store.base import Document

New = Literal["actor", "act", "number", "reversal"]

ADDS: Mapping[str, str] = {
    "actor": "a new actor",
    "act": "another kind of act",
    "number": "a new figure",
    "reversal": "a reversal",
}
"""How each is said to people."""

TURNED = 0.5
"""How far a dyad's score must lie from the story's mean, on the other side of zero."""

TURNED_SHARPLY = 1.0
"""From here on it is told at once: half of what there is between the friendliest and the most
hostile."""

AFTER_FIRST = 18 * 3_600.0
AFTER_LATEST = 6 * 3_600.0
"""Seconds after its story's first and latest article from which one is later news."""

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
_YEAR = re.compile(r"(?:19|20)\d\d")
READ = 6_000


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What of an article can be new: actors and acts as judged, numbers in the text, dyads."""

    actors: frozenset[str]
    acts: frozenset[str]
    numbers: frozenset[str]
    dyads: dict[str, float]


def facts(document: Document) -> Facts:
    """The facts of a document; one-digit numbers and years tell nothing."""
    text = f"{document['title']} {document['body'][:READ]}"
    numbers = {one for one in _NUMBER.findall(text) if len(one) > 1 and not _YEAR.fullmatch(one)}
    return Facts(
        actors=frozenset(document.get("actors") or ()),
        acts=frozenset(document.get("events") or ()),
        numbers=frozenset(numbers),
        dyads={f"{it['holder']}>{it['target']}": it["score"] for it in document.get("dyads") or ()},
    )


def novelty(at: float, article: Facts, story: Sequence[tuple[float, Facts]]) -> tuple[New, ...]:
    """What an article that was seen at an epoch has that none of its story had; `story` are the
    epochs and facts of the articles before it. Nothing for the first one."""
    if not story:
        return ()
    before = [its for _, its in story]
    turned = reversed_dyads(article.dyads, [its.dyads for its in before])
    # A date that lies ahead is a publisher's mistake, and holds up nothing.
    epochs = [epoch for epoch, _ in story if epoch <= at]
    if not epochs or at < min(epochs) + AFTER_FIRST or at < max(epochs) + AFTER_LATEST:
        sharply = any(abs(now - then) >= TURNED_SHARPLY for then, now in turned.values())
        return ("reversal",) if sharply else ()
    found: list[New] = []
    if article.actors - frozenset().union(*(its.actors for its in before)):
        found.append("actor")
    if article.acts - frozenset().union(*(its.acts for its in before)):
        found.append("act")
    if article.numbers - frozenset().union(*(its.numbers for its in before)):
        found.append("number")
    if turned:
        found.append("reversal")
    return tuple(found)


def reversed_dyads(
    now: Mapping[str, float], before: Iterable[Mapping[str, float]]
) -> dict[str, tuple[float, float]]:
    """The dyads that have turned, each with its score before and now."""
    scores: dict[str, list[float]] = {}
    for one in before:
        for toward, score in one.items():
            scores.setdefault(toward, []).append(score)
    found = {}
    for toward, score in now.items():
        if toward in scores:
            then = sum(scores[toward]) / len(scores[toward])
            if then * score < 0 and abs(score - then) >= TURNED:
                found[toward] = (then, score)
    return found
