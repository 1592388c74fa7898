"""Fault matrix: the stages themselves, killed at random, joining and leaving."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.faults import Truth, assert_as_undisturbed, every, needs_polls, under_load
from tests.whole import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_polls]


def test_stages_killed_joining_and_leaving(
    truth: Truth, deployment: Callable[[str], Deployment]
) -> None:
    chance = random.Random(20260301)
    with under_load(truth, deployment) as run:
        for stage in ("collectors", "processors", "indexer"):
            with run.fault(f"{stage} killed four times"):
                every(chance.uniform(0.3, 1.2), lambda _, s=stage: run.processes.kill(s), 4)

        def join_or_leave(number: int) -> None:
            if number % 2:
                run.processes.leave("processors-3")
            else:
                run.processes.start("processors-3")

        with run.fault("a processor joining or leaving every 2 s, six times", load=16):
            every(2.0, join_or_leave, 6)
    assert_as_undisturbed(truth, run)
    assert {code for _, code in run.processes.ended} == {-9}
