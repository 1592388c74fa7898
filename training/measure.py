"""The figures of the evaluation, each a plain function of predictions and truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from processors.models.base import (
    RELEVANCE,
    RELEVANCE_LABELS,
    STANCE_HEADS,
    STANCE_LABELS,
    Passage,
    Scores,
    Weights,
)
from processors.relevance import relevance_of
from processors.stance import NONE, sign_of, stance_of
from processors.weighing import weighed
from training.bootstrap import (
    Interval,
    accuracy,
    first_f1,
    macro_f1,
    matrices,
    with_interval,
)
from training.labelled import Document

SIGNS = ("cooperative", "neutral", "adversarial", "none")

CORE_SCORE = 0.5
"""From this relevance score on a document counts as core where only core and none count."""


class StanceFigures(NamedTuple):
    """One direction: macro-F1 of the six labels and of the four signs, accuracy of the sign."""

    count: int
    grades: float
    signs: float
    accuracy: float


class RelevanceFigures(NamedTuple):
    """F1 of core against none (peripheral left out), macro-F1 and accuracy of all three, each with
    its interval over resamples of the documents."""

    count: int
    core: Interval
    three: Interval
    accuracy: Interval


def stance_figures(
    scores: Sequence[Scores], truth: Sequence[tuple[str, str]]
) -> dict[str, StanceFigures]:
    """Per direction, how the decisions on the scores compare with the labels."""
    decisions = [stance_of(one) for one in scores]
    figures = {}
    for side, head in enumerate(STANCE_HEADS):
        wanted = [labels[side] for labels in truth]
        found = [decision[head][0] for decision in decisions]
        figures[head] = StanceFigures(
            count=len(wanted),
            grades=_macro(wanted, found, STANCE_LABELS),
            signs=_macro(list(map(sign, wanted)), list(map(sign, found)), SIGNS),
            accuracy=float(accuracy_score(list(map(sign, wanted)), list(map(sign, found)))),
        )
    return figures


def judged_documents(
    judge: Callable[[Sequence[Passage]], Sequence[Scores]],
    documents: Sequence[Document],
    weights: Weights | None = None,
    **parts: bool,
) -> list[Scores]:
    """Each document's relevance, with some of its parts left out; without weights by the head of
    relevance alone."""
    readings = [one.reading(**parts) for one in documents]
    if weights is None:
        readings = [one._replace(telling=()) for one in readings]
    scores = iter(judge([passage for one in readings for passage in one.all]))
    return [weighed(one, [next(scores) for _ in one.all], weights) for one in readings]


def relevance_figures(scores: Sequence[Scores], truth: Sequence[str]) -> RelevanceFigures:
    """How the decisions on the scores compare with the labels."""
    decisions = [relevance_of(one) for one in scores]
    clear = [place for place, label in enumerate(truth) if label != "peripheral"]
    core = matrices(
        [truth[place] for place in clear],
        ["core" if decisions[place][1] >= CORE_SCORE else "none" for place in clear],
        ("core", "none"),
        list(map(str, clear)),
    )
    three = matrices(
        truth,
        [label for label, _ in decisions],
        RELEVANCE_LABELS,
        list(map(str, range(len(truth)))),
    )
    return RelevanceFigures(
        count=len(truth),
        core=with_interval(core, first_f1),
        three=with_interval(three, macro_f1),
        accuracy=with_interval(three, accuracy),
    )


def sign(label: str) -> str:
    """The sign of a label as a class of its own: `n` is none."""
    return "none" if label == NONE else sign_of(label)


def calibration_error(scores: Sequence[Scores], truth: Sequence[tuple[str, str]]) -> float:
    """Expected calibration error of the sign's confidence, both directions, ten equal bins."""
    pairs = [
        (decision[head][1], sign(decision[head][0]) == sign(labels[side]))
        for decision, labels in zip(map(stance_of, scores), truth, strict=True)
        for side, head in enumerate(STANCE_HEADS)
    ]
    confidence = np.array([pair[0] for pair in pairs])
    right = np.array([pair[1] for pair in pairs], dtype=float)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(confidence[bins == one].mean() - right[bins == one].mean()) * (bins == one).sum()
        for one in np.unique(bins)
    ]
    return float(sum(gaps) / len(pairs))


def certain(scores: Mapping[str, str]) -> Scores:
    """Scores that give one label of each head all probability: a baseline's decision."""
    known = {RELEVANCE: RELEVANCE_LABELS, **dict.fromkeys(STANCE_HEADS, STANCE_LABELS)}
    return {
        head: {label: float(label == scores[head]) for label in labels}
        for head, labels in known.items()
    }


def commonest(labels: Sequence[str]) -> str:
    """The label that a guesser who knows nothing but the counts would always say."""
    return Counter(labels).most_common(1)[0][0]


def _macro(truth: Sequence[str], found: Sequence[str], labels: Sequence[str]) -> float:
    return float(f1_score(truth, found, labels=list(labels), average="macro", zero_division=0))
