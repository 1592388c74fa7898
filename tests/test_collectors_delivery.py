"""The last step of a poll: publish, then settle; what is too large is parked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collectors.delivery import deliver
from collectors.feedstate import FeedState
from collectors.plan import PlannedRecord
from detente.bus.base import Record, refuse_oversized
from detente.bus.sqlite import SqliteBus
from detente.deadletters import list_dead_letters, read_all
from detente.errors import BusUnavailable, OversizedRecord
from detente.flow import COLLECTED
from tests.test_collectors_feedstate import plan


@pytest.fixture
def state(tmp_path: Path) -> Iterator[FeedState]:
    state = FeedState(f"sqlite:///{tmp_path}/feeds.sqlite")
    yield state
    state.close()


class Narrow(SqliteBus):
    """Carries so many bytes on a topic of dead letters, too, headers included, and counts."""

    def __init__(self, path: Path, limit: int, dead_limit: int) -> None:
        super().__init__(f"sqlite:///{path}/bus.sqlite", max_record_bytes=limit)
        self.asked: list[tuple[str, int]] = []
        self.fails_at = 0
        self._dead_limit = dead_limit

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        self.asked.append((topic, len(records)))
        if len(self.asked) == self.fails_at:
            raise BusUnavailable("gone")
        if topic.endswith(".dead"):
            refuse_oversized(records, self._dead_limit)
        super().publish(topic, records)


def records(*sizes: int) -> tuple[PlannedRecord, ...]:
    return tuple(PlannedRecord(f"a{n}", b"x" * size, 1) for n, size in enumerate(sizes))


def published(bus: SqliteBus) -> list[str]:
    return [delivery.key for delivery in read_all(bus, COLLECTED, "test")]


def test_what_fits_goes_in_one_piece(tmp_path: Path, state: FeedState) -> None:
    bus = Narrow(tmp_path, 1_000, 1_000)
    assert deliver(bus, state, plan(records=records(10, 10, 1_000))) == {}
    assert bus.asked == [(COLLECTED, 3)]
    assert published(bus) == ["a0", "a1", "a2"]
    assert state.rows() != {}
    bus.close()


def test_a_plan_without_messages_asks_no_bus(tmp_path: Path, state: FeedState) -> None:
    bus = Narrow(tmp_path, 1_000, 1_000)
    assert deliver(bus, state, plan(records=())) == {}
    assert bus.asked == []
    assert state.rows() != {}
    bus.close()


@pytest.mark.parametrize(
    ("dead_limit", "kept"), [(4_000_000, 2_097_152), (200_000, 100_000), (9, 0)]
)
def test_what_is_too_large_is_parked_with_as_much_as_fits(
    tmp_path: Path, state: FeedState, dead_limit: int, kept: int
) -> None:
    bus = Narrow(tmp_path, 4_000_000, dead_limit)
    dead = deliver(bus, state, plan(records=records(10, 5_000_000, 10)))
    assert list(dead) == ["a1"]
    assert "5,000,000 bytes" in dead["a1"]
    assert published(bus) == ["a0", "a2"]
    (letter,) = list_dead_letters(bus)
    assert (letter.key, letter.stage, letter.topic) == ("a1", "collectors", COLLECTED)
    assert (len(letter.value), letter.truncated_from) == (kept, 5_000_000)
    assert state.pending() == []
    bus.close()


def test_a_bus_that_refuses_even_an_empty_letter_is_an_error(
    tmp_path: Path, state: FeedState
) -> None:
    bus = Narrow(tmp_path, 100, -1)
    state.hold(plan(records=records(101)))
    with pytest.raises(OversizedRecord):
        deliver(bus, state, plan(records=records(101)))
    assert len(state.pending()) == 1
    bus.close()


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4, 5])
def test_a_break_anywhere_leaves_the_plan_held_and_the_repetition_completes_it(
    tmp_path: Path, state: FeedState, fails_at: int
) -> None:
    bus = Narrow(tmp_path, 100_000, 100_000)
    held = plan(records=records(10, 100_001, 10))
    state.hold(held)
    bus.fails_at = fails_at
    with pytest.raises(BusUnavailable):
        deliver(bus, state, held)
    assert state.rows() == {}
    assert state.pending() == [held]
    assert list(deliver(bus, state, *state.pending())) == ["a1"]
    assert state.pending() == []
    assert set(published(bus)) == {"a0", "a2"}
    assert len(list_dead_letters(bus)) == 1, "a letter posted twice is one"
    bus.close()
