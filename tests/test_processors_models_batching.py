"""Batches: every place once, like lengths together, never more tokens than allowed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.models.batching import BATCH_TOKENS, batches

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""


@STEADY
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 100))
def test_every_place_once_and_within_bounds(lengths: list[int], most: int) -> None:
    found = list(batches(lengths, most))
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    for batch in found:
        padded = max(lengths[place] for place in batch) * len(batch)
        assert padded <= most or len(batch) == 1


@STEADY
@given(st.lists(st.integers(0, 40), max_size=60))
def test_longest_first_and_in_order_where_alike(lengths: list[int]) -> None:
    order = [place for batch in batches(lengths, 64) for place in batch]
    assert order == sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))


def test_one_batch_where_it_fits() -> None:
    assert list(batches([1, 3, 2])) == [[1, 2, 0]]
    assert list(batches([])) == []
    assert [len(batch) for batch in batches([BATCH_TOKENS // 2] * 5)] == [2, 2, 1]
