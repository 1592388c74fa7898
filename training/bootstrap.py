"""Figures with their intervals, by resampling the documents that sentences come from.

Sentences of one document resemble each other: to draw them one by one would make the intervals too
narrow. Each figure is a function of a confusion matrix, and a resample is a sum of the matrices of
the documents drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.int64]
"""What was wanted (rows) against what was found (columns), by the labels' places."""

ROUNDS = 2_000
SEED = 13


class Interval(NamedTuple):
    """A figure, and the bounds of the middle 95 % of its resamples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.2f} to {self.high:.2f})"


def matrices(
    wanted: Sequence[str], found: Sequence[str], labels: Sequence[str], groups: Sequence[str]
) -> Matrix:
    """A confusion matrix for each group (document): groups × labels × labels."""
    places = {label: place for place, label in enumerate(labels)}
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    counted = np.zeros((len(numbers), len(labels), len(labels)), dtype=np.int64)
    for want, find, group in zip(wanted, found, groups, strict=True):
        counted[numbers[group], places[want], places[find]] += 1
    return counted


def with_interval(counted: Matrix, figure: Callable[[Matrix], float]) -> Interval:
    """A figure over all groups, with its interval over `ROUNDS` resamples of them."""
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(len(counted), np.full(len(counted), 1 / len(counted)), ROUNDS)
    sums = np.tensordot(drawn, counted, axes=1)
    low, high = np.quantile([figure(one) for one in sums], [0.025, 0.975])
    return Interval(figure(counted.sum(0)), float(low), float(high))


def macro_f1(matrix: Matrix) -> float:
    """The mean of the labels' F1; of a label that is neither wanted nor found it is 0."""
    right = np.diag(matrix)
    both = matrix.sum(0) + matrix.sum(1)
    return float(np.mean(np.divide(2 * right, both, out=np.zeros(len(both)), where=both > 0)))


def accuracy(matrix: Matrix) -> float:
    """The share of what is right."""
    return float(np.trace(matrix) / matrix.sum())


def first_f1(matrix: Matrix) -> float:
    """The F1 of the first label."""
    both = matrix[0].sum() + matrix[:, 0].sum()
    return float(2 * matrix[0, 0] / both) if both else 0.0
