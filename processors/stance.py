"""Who takes which position toward whom: a sentence's passage, its decision, and the article's.

Pure functions on plain values, shared by training and run time. Directions are named by position,
as the classifier's heads are: in `A>B`, A is the watch's first side and B its second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from processors.costs import Costs
from processors.models.base import STANCE_HEADS, Passage, Scores

if TYPE_CHECKING:
    from detente.article import Grade, StanceLabel

DIRECTIONS: Final[Mapping[str, tuple[int, int]]] = {"A>B": (0, 1), "B>A": (1, 0)}
"""Each stance head's holder and target, as places among the watch's sides."""

Label: TypeAlias = 'Grade | Literal["n"]'

NONE: Final = "n"
"""The label of a direction that isn't in the sentence."""

GRADE_SCORES: Final[Mapping[Grade, float]] = {"2": 1.0, "1": 0.5, "0": 0.0, "-1": -0.5, "-2": -1.0}
"""What each grade counts: from material cooperation (1) to material conflict (-1)."""

SIGN_THRESHOLD: Final = 0.15
"""An article's dyad is cooperative from this mean on, adversarial from its negative on, and
neutral between: about where a third of its weight stands unopposed on one side, in words."""

_SIGNS: Final[tuple[tuple[Label, ...], ...]] = (("2", "1"), ("0",), ("-1", "-2"), (NONE,))

_NORMAL_95: Final = 1.96

UNSURE: Final = Costs().least_stance
"""Below this confidence a sentence's stance is neither counted nor shown, unless the settings name
other costs: on dev its sign is right in less than half of such cases (docs/model-card.md)."""


class SentenceStance(NamedTuple):
    """One direction of one sentence: the guide's label, and the probability of its sign.

    `spread` is the variance of the score under the model's probabilities, given that the sentence
    takes a stance at all. `least` is the confidence from which it is said.
    """

    label: Label
    confidence: float
    spread: float = 0.0
    least: float = UNSURE

    @property
    def grade(self) -> Grade | None:
        """The label where it is a stance, and one sure enough to be said; else None."""
        return None if self.label == NONE or self.confidence < self.least else self.label


class DyadStance(NamedTuple):
    """A direction over a whole article; `sentences` counts those that take a stance in it, and
    `low` and `high` bound the score at 95 %."""

    label: StanceLabel
    score: float
    sentences: int
    low: float = -1.0
    high: float = 1.0


def stance_passage(
    sentence: str, *, previous: str = "", title: str = "", voice: str = ""
) -> Passage:
    """Make the passage by which one sentence's stance is judged.

    Its context is the article's title and the sentence before it, as far as there are any: the
    previous sentence stands next to the one judged. A title is judged as a sentence of its own,
    with neither. `voice` is the outlet's host.
    """
    context = " … ".join(part for part in (_flat(title), _flat(previous)) if part)
    return Passage(_flat(sentence), context=context, voice=voice)


def stance_of(scores: Scores, least: float = UNSURE) -> dict[str, SentenceStance]:
    """Decide each direction of one sentence; what is less sure than `least` won't be said.

    First the sign (cooperative, neutral, adversarial or none) that has most probability over its
    grades, then the likelier grade of that sign. The confidence is the probability of the sign:
    that `-1` and `-2` compete is no doubt about who is against whom.
    """
    return {head: _decide(scores[head])._replace(least=least) for head in STANCE_HEADS}


def sign_of(grade: Grade) -> StanceLabel:
    """The category of a sentence's grade."""
    return _category(GRADE_SCORES[grade], threshold=0.5)


def article_stance(stances: Iterable[SentenceStance]) -> DyadStance | None:
    """Sum up one direction over an article's sentences.

    The score is the mean of the grades' scores (`GRADE_SCORES`), weighted by confidence, in -1…1.
    Sentences labelled `n`, or unsurely, say nothing about the direction and don't count. None
    where no sentence takes a stance: absence is never neutrality.

    The interval is the normal one for a weighted mean, `score ± 1.96 s`, within -1…1, where

        s² = Σ w² ((x - score)² n / (n - 1) + v) / (Σ w)²

    over the n sentences, their weights w, scores x and variances v (`SentenceStance.spread`): both
    that the sentences differ and that the model isn't sure of each make it wider.
    """
    taken = [(GRADE_SCORES[one.grade], one.confidence, one.spread) for one in stances if one.grade]
    total = sum(weight for _, weight, _ in taken)
    if total <= 0:
        return None
    score = _bounded(sum(grade * weight for grade, weight, _ in taken) / total)
    correction = len(taken) / max(1, len(taken) - 1)
    variance = sum(
        weight**2 * ((grade - score) ** 2 * correction + spread) for grade, weight, spread in taken
    )
    reach = _NORMAL_95 * sqrt(variance) / total
    return DyadStance(
        _category(score, threshold=SIGN_THRESHOLD),
        score,
        len(taken),
        _bounded(score - reach),
        _bounded(score + reach),
    )


def _decide(head: Mapping[str, float]) -> SentenceStance:
    sign = max(_SIGNS, key=lambda labels: sum(head[label] for label in labels))
    confidence = min(1.0, sum(head[label] for label in sign))
    return SentenceStance(max(sign, key=lambda label: head[label]), confidence, _spread(head))


def _spread(head: Mapping[str, float]) -> float:
    total = sum(head[grade] for grade in GRADE_SCORES)
    if total <= 0:
        return 0.0
    mean = sum(head[grade] * score for grade, score in GRADE_SCORES.items()) / total
    squares = sum(head[grade] * score**2 for grade, score in GRADE_SCORES.items()) / total
    return max(0.0, squares - mean**2)


def _bounded(score: float) -> float:
    return max(-1.0, min(1.0, score))


def _category(score: float, *, threshold: float) -> StanceLabel:
    if score >= threshold:
        return "cooperative"
    if score <= -threshold:
        return "adversarial"
    return "neutral"


def _flat(text: str) -> str:
    return " ".join(text.split())
