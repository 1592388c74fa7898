"""What an article adds to its story: an actor, an act, a number, or a side that has turned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from detente.store.base import Document

New = Literal["actor", "act", "number", "reversal"]

TURNED = 0.5
"""How far a dyad's score must lie from the story's mean, on the other side of zero."""

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


def novelty(article: Facts, story: Iterable[Facts]) -> tuple[New, ...]:
    """What an article has that none of its story before it had. Nothing for the first one."""
    before = list(story)
    if not before:
        return ()
    found: list[New] = []
    if article.actors - frozenset().union(*(one.actors for one in before)):
        found.append("actor")
    if article.acts - frozenset().union(*(one.acts for one in before)):
        found.append("act")
    if article.numbers - frozenset().union(*(one.numbers for one in before)):
        found.append("number")
    if reversed_dyads(article.dyads, [one.dyads for one in before]):
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
