"""The shipped model's figures on dev in depth: by source, with intervals; what is taken for what;
how far its confidence can be trusted; its events and issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from detente.watch import load_watch
from processors.events import NO_EVENT, event_of
from processors.issues import LEAST, IssueFinder
from processors.models.base import ISSUES, STANCE_HEADS, STANCE_LABELS, Scores, issue_head
from processors.stance import stance_of
from training.bootstrap import Matrix, accuracy, macro_f1, matrices, with_interval
from training.labelled import Sentence
from training.measure import SIGNS, sign
from training.tables import figure, table

REGISTERS: Mapping[str, Callable[[Sentence], bool]] = {
    "all": lambda one: True,
    "real text": lambda one: not one.synthetic,
    "invented text": lambda one: one.synthetic,
    "State Department": lambda one: one.source == "state",
    "Kremlin": lambda one: one.source == "kremlin",
    "news sentences": lambda one: one.source in ("newsmtsc", "directed"),
    "invented headlines": lambda one: one.source.endswith("headline"),
    "invented articles": lambda one: one.source.endswith("article"),
}
"""Parts of dev, each with what belongs to it."""

_FIGURES: Mapping[str, tuple[Callable[[str], str], Sequence[str], Callable[[Matrix], float]]] = {
    "six-way macro-F1": (str, STANCE_LABELS, macro_f1),
    "sign macro-F1": (sign, SIGNS, macro_f1),
    "sign accuracy": (sign, SIGNS, accuracy),
}


def interval_table(dev: Sequence[Sentence], scores: Sequence[Scores]) -> str:
    """Each figure with its 95 % interval, by part of dev and direction."""
    rows = []
    for name, belongs in REGISTERS.items():
        part = [(one, it) for one, it in zip(dev, scores, strict=True) if belongs(one)]
        documents = [one.id.split("#")[0] for one, _ in part]
        for side, head in enumerate(STANCE_HEADS):
            cells = []
            for convert, labels, of in _FIGURES.values():
                wanted = [convert(one.labels[side]) for one, _ in part]
                found = [convert(stance_of(it)[head].label) for _, it in part]
                cells.append(str(with_interval(matrices(wanted, found, labels, documents), of)))
            rows.append((name, head, str(len(part)), *cells))
    return table(("part", "direction", "sentences", *_FIGURES), rows)


def confusion_table(dev: Sequence[Sentence], scores: Sequence[Scores]) -> str:
    """How often each grade (rows) is taken for each (columns), both directions together."""
    wanted = [label for one in dev for label in one.labels]
    found = [stance_of(it)[head].label for it in scores for head in STANCE_HEADS]
    counted = matrices(wanted, found, STANCE_LABELS, [""] * len(wanted))[0]
    rows = [
        (label, *map(str, row), figure(row[place] / max(1, row.sum())))
        for place, (label, row) in enumerate(zip(STANCE_LABELS, counted.tolist(), strict=True))
        for row in [np.array(row)]
    ]
    return table(("wanted", *(f"found {label}" for label in STANCE_LABELS), "recall"), rows)


class _Bin(NamedTuple):
    """Decisions of like confidence: how many, its mean, and the share of them that is right."""

    count: int
    confidence: float
    right: float


def calibration_table(dev: Sequence[Sentence], scores: Sequence[Scores]) -> str:
    """By confidence in the sign: how many, the mean confidence, and the share that is right."""
    rows = [
        (
            f"{number / 10:.1f} to {(number + 1) / 10:.1f}",
            str(one.count),
            figure(one.confidence),
            figure(one.right),
        )
        for number, one in _bins(dev, scores).items()
    ]
    return table(("confidence", "decisions", "mean confidence", "right"), rows)


def calibration_chart(dev: Sequence[Sentence], scores: Sequence[Scores]) -> str:
    """The same as a chart in Mermaid: bars are what is right, the line is what would be perfect."""
    bins = _bins(dev, scores)
    names = ", ".join(f'"{number / 10:.1f}"' for number in bins)
    right = ", ".join(f"{one.right:.2f}" for one in bins.values())
    perfect = ", ".join(f"{one.confidence:.2f}" for one in bins.values())
    return f"""```mermaid
xychart-beta
    title "Right, by confidence (line: perfectly calibrated)"
    x-axis "confidence from" [{names}]
    y-axis "share that is right" 0 --> 1
    bar [{right}]
    line [{perfect}]
```"""


def _bins(dev: Sequence[Sentence], scores: Sequence[Scores]) -> dict[int, _Bin]:
    found: dict[int, list[tuple[float, bool]]] = {}
    for one, it in zip(dev, scores, strict=True):
        for side, head in enumerate(STANCE_HEADS):
            stance = stance_of(it)[head]
            right = sign(stance.label) == sign(one.labels[side])
            found.setdefault(min(9, int(stance.confidence * 10)), []).append(
                (stance.confidence, right)
            )
    return {
        number: _Bin(
            len(some),
            float(np.mean([confidence for confidence, _ in some])),
            float(np.mean([right for _, right in some])),
        )
        for number, some in sorted(found.items())
    }


def event_table(held: Sequence[Sentence], scores: Sequence[Scores]) -> str:
    """Events and issues on `held`: dev has no labels of theirs."""
    rows = []
    said = [(one, it) for one, it in zip(held, scores, strict=True) if one.event is not None]
    found = [event.type if (event := event_of(it)) else NO_EVENT for _, it in said]
    wanted = [one.event or NO_EVENT for one, _ in said]
    right = [want == find for want, find in zip(wanted, found, strict=True)]
    acts = [place for place, want in enumerate(wanted) if want != NO_EVENT]
    all_right, acts_right = np.mean(right), np.mean([right[one] for one in acts])
    rows.append(("event, all", str(len(said)), *[figure(float(all_right))] * 2))
    rows.append(("event, of acts", str(len(acts)), *[figure(float(acts_right))] * 2))
    rows += _issue_rows(
        [(one, it) for one, it in zip(held, scores, strict=True) if one.issues is not None]
    )
    return table(("what", "of", "accuracy, or F1 of an issue", "by the model alone"), rows)


def _issue_rows(said: Sequence[tuple[Sentence, Scores]]) -> Iterator[tuple[str, str, str, str]]:
    """As the product finds them, by terms and model, and as the model does."""
    finder = IssueFinder(load_watch("usa-rus"))
    found = [finder.of_sentence(one.text, it) for one, it in said]
    together = np.zeros((2, 3), dtype=int)
    for issue in ISSUES:
        wanted = np.array([issue in (one.issues or ()) for one, _ in said])
        ways = (
            np.array([issue in one for one in found]),
            np.array([it[issue_head(issue)]["yes"] >= LEAST for _, it in said]),
        )
        counts = np.array([[(wanted & way).sum(), wanted.sum(), way.sum()] for way in ways])
        together += counts
        yield (f"issue: {issue}", str(wanted.sum()), *map(_f1, counts))
    yield ("all issues together", str(together[0, 1]), *map(_f1, together))


def _f1(counts: np.ndarray) -> str:
    both, wanted, found = counts.tolist()
    return figure(2 * both / (wanted + found)) if wanted + found else "–"
