"""Months on a virtual clock: what the collectors keep is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import soak


@pytest.mark.slow
def test_after_a_year_and_some_the_state_grows_no_more(tmp_path: Path) -> None:
    months = list(soak(feeds=2, months=19, polls_a_day=0.5, folder=tmp_path))
    by_number = {month.number: month for month in months}
    assert all(month.known <= month.shown_lately for month in months)
    assert by_number[12].known > 2.5 * by_number[4].known, "a year is remembered"
    first, last = by_number[16], by_number[19]
    assert last.published > first.published
    assert last.known <= first.known * 1.02
    assert last.state <= first.state * 1.05
    assert last.resident <= first.resident * 1.1
