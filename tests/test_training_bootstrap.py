"""The figures of the model card: right by hand, with intervals that hold them."""

from __future__ import annotations

import pytest

from training.bootstrap import accuracy, first_f1, macro_f1, matrices, with_interval

LABELS = ("a", "b", "c")
WANTED = ["a", "a", "a", "b", "b", "c"]
FOUND = ["a", "a", "b", "b", "a", "c"]


def test_the_figures_by_hand() -> None:
    matrix = matrices(WANTED, FOUND, LABELS, ["one"] * 6)[0]
    assert matrix.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert accuracy(matrix) == pytest.approx(4 / 6)
    assert first_f1(matrix) == pytest.approx(2 / 3)
    assert macro_f1(matrix) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_a_label_that_never_comes_up_counts_as_wrong() -> None:
    matrix = matrices(["a"], ["a"], LABELS, ["one"])[0]
    assert macro_f1(matrix) == pytest.approx(1 / 3)
    assert first_f1(matrices(["b"], ["b"], LABELS, ["one"])[0]) == 0


def test_documents_are_drawn_whole() -> None:
    """Sentences that agree within their document say less than as many on their own."""
    wanted, found = ["a"] * 40, ["a"] * 20 + ["b"] * 20
    alone = with_interval(matrices(wanted, found, LABELS, [*map(str, range(40))]), accuracy)
    whole = with_interval(matrices(wanted, found, LABELS, ["x"] * 20 + ["y"] * 20), accuracy)
    assert alone.value == whole.value == 0.5
    assert whole.low == 0 < alone.low < 0.5 < alone.high < 1 == whole.high
    assert str(whole) == "0.500 (0.00 to 1.00)"


def test_the_same_draw_each_time() -> None:
    counted = matrices(WANTED, FOUND, LABELS, ["x", "x", "y", "y", "z", "z"])
    assert with_interval(counted, macro_f1) == with_interval(counted, macro_f1)
