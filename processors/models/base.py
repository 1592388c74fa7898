"""The seam between the pipeline and whatever model judges: passages in, probabilities out.

A classifier has *heads*; each gives a probability to each of its labels. The stance heads are
named by position: in `A>B`, A is the watch's first side (for the shipped watch the United States)
and B its second (Russia). All heads run on every passage; who asks takes the heads it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeAlias, get_args

import msgspec

from detente.article import EventType, ModelIdentity

__all__ = [
    "ABOUT",
    "ALL_HEADS",
    "EVENT",
    "EVENT_LABELS",
    "HEADS",
    "ISSUES",
    "OPTIONAL_HEADS",
    "RELEVANCE",
    "RELEVANCE_LABELS",
    "STANCE_HEADS",
    "STANCE_LABELS",
    "WEIGHED",
    "Classifier",
    "ModelIdentity",
    "Passage",
    "Scores",
    "Weights",
    "issue_head",
]

RELEVANCE: Final = "relevance"
RELEVANCE_LABELS: Final = ("core", "peripheral", "none")

STANCE_HEADS: Final = ("A>B", "B>A")
STANCE_LABELS: Final = ("2", "1", "0", "-1", "-2", "n")
"""Material and verbal cooperation, neutral, verbal and material conflict; `n`: this direction
isn't in the sentence."""

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    RELEVANCE: RELEVANCE_LABELS,
    **dict.fromkeys(STANCE_HEADS, STANCE_LABELS),
}
"""The heads that judging needs, with their labels in the order of the model's outputs."""

EVENT: Final = "event"
EVENT_LABELS: Final[tuple[str, ...]] = (*get_args(EventType), "NONE")
"""PLOVER's types of the main act between the sides; `NONE` where there is none."""

ISSUES: Final = (
    "embassies",
    "visas",
    "banking",
    "expulsions",
    "sanctions",
    "arms-control",
    "ukraine",
    "prisoners",
    "energy",
    "arctic",
    "cyber",
    "flights",
    "nato",
    "space",
    "trade",
)
"""The matters that the shipped model knows; a text may be about several, or none."""

ABOUT: Final = ("yes", "no")


def issue_head(issue: str) -> str:
    """The head that says whether a text is about an issue."""
    return f"issue:{issue}"


OPTIONAL_HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    EVENT: EVENT_LABELS,
    **{issue_head(issue): ABOUT for issue in ISSUES},
}
"""Heads that a model may have besides."""

ALL_HEADS: Final[Mapping[str, tuple[str, ...]]] = {**HEADS, **OPTIONAL_HEADS}


class Passage(msgspec.Struct, frozen=True):
    """What a classifier judges, with what helps to read it.

    `text` is judged. `context` is what stood before it (may be empty). `voice` is who speaks: the
    outlet's host, as "state.gov" (may be empty).
    """

    text: str
    context: str = ""
    voice: str = ""


Scores: TypeAlias = Mapping[str, Mapping[str, float]]
"""Head → label → probability; the probabilities of a head sum to 1."""


WEIGHED: Final = 5
"""So many numbers are weighed for each label of a document's relevance, the last one always 1."""

Weights: TypeAlias = Mapping[str, tuple[float, ...]]
"""Label of relevance → what weighs how much for it in a document (`processors.weighing`)."""


class Classifier(Protocol):
    """A model that judges passages. Making one is cheap; `warm_up` (or the first use) loads it."""

    @property
    def identity(self) -> ModelIdentity:
        """Name and revision: the first 12 hex digits of the SHA-256 over the model's files."""
        ...

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """The labels of each head that this model has, asserted when it was loaded."""
        ...

    @property
    def weights(self) -> Weights | None:
        """How its scores make a document's relevance; None where its head of relevance decides
        alone. Loads the model."""
        ...

    def warm_up(self) -> None:
        """Load the model; do nothing if it is loaded.

        Raises `detente.errors.ConfigError`, which says how to mend it, when it can't be loaded.
        """
        ...

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage: one `Scores` for each, in order. Memory is bounded by the batch.

        A passage's scores depend on nothing but itself: they are exactly the same alone, among
        others and in another order, or an article delivered again would be judged otherwise.
        """
        ...
