"""How likely it is that two articles are about the same event, and whether one copies the other.

Pure functions of the two articles, so that neither the order in which they come nor how many
processes judged them changes anything. What counts are the words that they share, by their rarity,
and how far apart they are in time; the weights come from labelled pairs (`training.likeness`, and
docs/decisions/0009-stories.md for what else was tried).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from detente.alerts.frequency import weight
from detente.store.analysis import terms

MOST_TERMS = 120
"""The weightiest terms of an article are kept."""

READ = 6_000
"""Characters of the text that are read: the rest of a transcript has other subjects."""

_WORD = re.compile(r"\w+")
_SHINGLE = 5
"""Words that make one feature of a copy."""

_SKETCH = 64
"""So many of an article's shingles are kept, those with the least hashes: the share that two such
sketches have in common estimates that of the shingles (Broder 1997)."""

COPY = 0.65
"""The share of its shingles from which an article is a copy of another: of 65 labelled copies 64
have more, and of 210 other articles of a story none has more than 0.16."""


GOVERNMENT = "gov"
"""The kind of a publisher that is a government itself, as the catalogue has it."""


class Traits(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of an article to compare it by. `at` is an epoch; `terms` are normed to length
    1; `sketch` stands for the text's shingles; `official` is what a government itself publishes."""

    at: float
    terms: dict[str, float]
    sketch: tuple[int, ...]
    outlet: str = ""
    language: str = ""
    official: bool = False
    title: str = ""


def traits_of(document: Mapping[str, Any]) -> Traits:
    """The traits of an article by its document."""
    return traits(
        document["title"],
        document["body"],
        datetime.fromisoformat(document.get("published") or document["first_seen"]).timestamp(),
        document["outlet"],
        document.get("language") or "",
        official=document.get("kind") == GOVERNMENT,
    )


def traits(
    title: str,
    body: str,
    at: float,
    outlet: str = "",
    language: str = "",
    *,
    official: bool = False,
) -> Traits:
    """The traits of an article that appeared at an epoch."""
    text = body[:READ]
    counts = Counter(terms(f"{title}\n{title}\n{text}"))
    weights = {term: (1 + math.log(n)) * weight(term) for term, n in counts.items()}
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_TERMS]
    normed = _normed({term: weights[term] for term in kept})
    return Traits(at, normed, _sketch(text), outlet, language, official, title)


def _normed(weights: Mapping[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(value * value for value in weights.values()))
    return {term: value / length for term, value in weights.items() if value} if length else {}


def _sketch(text: str) -> tuple[int, ...]:
    words = _WORD.findall(text.casefold())
    shingles = {
        " ".join(words[place : place + _SHINGLE])
        for place in range(max(1, len(words) - _SHINGLE + 1))
    }
    hashes = (hashlib.blake2b(one.encode(), digest_size=4).digest() for one in shingles)
    return tuple(sorted({int.from_bytes(one, "big") for one in hashes})[:_SKETCH])


FEATURES = ("cosine", "log_hours", "days")


def features(cosine: float, seconds: float) -> tuple[float, float, float]:
    """What a pair is judged by, in the order of `FEATURES`: the cosine of their terms, and how far
    apart they are."""
    hours = abs(seconds) / 3_600
    return cosine, math.log1p(hours), hours / 24


def likeness(cosine: float, seconds: float) -> float:
    """The probability that a pair is about the same event."""
    weights = _weights()
    logit = weights.bias + sum(
        w * value for w, value in zip(weights.weights, features(cosine, seconds), strict=True)
    )
    return 1 / (1 + math.exp(-logit))


def threshold() -> float:
    """From this likeness on an article belongs to a story."""
    return _weights().threshold


class Weights(msgspec.Struct, frozen=True):
    """What `training.likeness` found."""

    weights: tuple[float, float, float]
    bias: float
    threshold: float


@cache
def _weights() -> Weights:
    text = (files("detente.alerts") / "likeness.json").read_bytes()
    return msgspec.json.decode(text, type=Weights)


def are_acts_of_one_office(article: Traits, other: Traits) -> bool:
    """Whether both are of the same government's own site, and not one document twice: such a site
    has one for each call, meeting and decision, in words as good as the same. On 240 labelled ones
    of two sites no likeness tells the few that go together from the many that don't."""
    if not (article.official and other.official and article.outlet == other.outlet):
        return False
    return article.title != other.title or not is_copy(article, other)


def is_copy(article: Traits, other: Traits) -> bool:
    """Whether an article's text is so much that of another that it was made from it. One that says
    all that the other says, and as much again, is none."""
    return overlap(article, other) >= COPY


def overlap(article: Traits, other: Traits) -> float:
    """About the share of an article's shingles that the other one has, in 0…1."""
    ours, theirs = set(article.sketch), set(other.sketch)
    if not ours or not theirs:
        return 0.0
    # Of full sketches only what lies below the lesser end is known of both.
    end = min(max(side) if len(side) == _SKETCH else math.inf for side in (ours, theirs))
    ours, theirs = ({it for it in side if it <= end} for side in (ours, theirs))
    return len(ours & theirs) / max(1, len(ours))


def cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Of two term vectors of length 1."""
    if len(one) > len(other):
        one, other = other, one
    return sum(value * other[term] for term, value in one.items() if term in other)
