"""A state shared out over a group: one writer a partition, whose successor finds what it wrote."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, ProducerFencedError

from detente.bus import open_bus
from detente.bus.kafka import KafkaBus
from detente.bus.kafka_state import PART_BYTES, KafkaState, is_fenced
from detente.errors import BusUnavailable, PartitionLost
from detente.settings import KafkaSettings
from tests.servers import Server, kafka, running, topics

TOPIC = "contract.state"
QUICK = KafkaSettings(session_timeout=6.0, delivery_timeout=5.0)


@pytest.fixture
def url(kafka: Server) -> Iterator[str]:
    with topics(kafka.address, {TOPIC: 3}, {"cleanup.policy": "compact"}) as url:
        yield url


@pytest.fixture
def bus(url: str) -> Iterator[KafkaBus]:
    bus = KafkaBus(url, QUICK)
    yield bus
    bus.close()


@pytest.fixture
def state(bus: KafkaBus) -> Iterator[KafkaState]:
    state = bus.partitioned_state(TOPIC, "keepers")
    yield state
    state.close()


def assigned(*states: KafkaState, count: int) -> list[frozenset[int]]:
    """What each is assigned, once all partitions are and each has `count` at least."""
    deadline = time.monotonic() + 60.0
    while True:
        held = [state.assigned() for state in states]
        if sum(map(len, held)) == 3 and min(map(len, held)) >= count:
            assert len(frozenset().union(*held)) == 3
            return held
        assert time.monotonic() < deadline, held
        time.sleep(0.1)


def test_an_embedded_bus_shares_nothing_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    bus = open_bus(f"sqlite:///{tmp_path_factory.mktemp('bus')}/bus.sqlite")
    assert bus.partitioned_state(TOPIC, "keepers") is None
    bus.close()


def test_what_is_appended_is_read_by_the_next_writer(state: KafkaState) -> None:
    first = state.changelog(1)
    assert list(first.take()) == []
    first.append([("a", b"1"), ("b", b"2"), ("пара/ключ", b"\x00\xff")])
    first.append([("a", b"3"), ("b", None)])
    expected = [("a", b"1"), ("b", b"2"), ("пара/ключ", b"\x00\xff"), ("a", b"3"), ("b", None)]
    assert list(state.changelog(1).read()) == expected
    assert list(state.changelog(0).read()) == []
    second = state.changelog(1)
    assert list(second.take()) == expected
    second.append([("c", b"")])
    assert list(state.changelog(1).read()) == [*expected, ("c", b"")]
    first.close()
    second.close()


def test_who_has_been_followed_writes_no_more(state: KafkaState) -> None:
    first, second = state.changelog(0), state.changelog(0)
    list(first.take())
    first.append([("a", b"first")])
    list(second.take())
    with pytest.raises(PartitionLost):
        first.append([("a", b"late"), ("b", b"late")])
    second.append([("a", b"second")])
    with pytest.raises(PartitionLost):  # also when it tries anew: it isn't assigned to it
        first.append([("a", b"later")])
    assert list(state.changelog(0).read()) == [("a", b"first"), ("a", b"second")]
    first.close()
    second.close()


def test_a_fence_that_the_client_met_before_a_send_is_one() -> None:
    """The client raises so or so, as its thread comes by before or after the send."""
    assert is_fenced(ProducerFencedError())
    assert is_fenced(KafkaError("Cannot perform send", ProducerFencedError()))
    assert not is_fenced(KafkaError("Cannot perform send", KafkaTimeoutError()))


def test_a_long_value_goes_in_parts(state: KafkaState) -> None:
    long, longer = os.urandom(PART_BYTES + 7), os.urandom(3 * PART_BYTES)
    log = state.changelog(2)
    list(log.take())
    log.append([("plan", longer), ("other", b"x")])
    log.append([("plan", long)])
    log.append([("plan", b"short")])
    log.append([("plan", longer)])
    values = [value for key, value in state.changelog(2).read() if key == "plan"]
    assert values == [longer, long, b"short", longer]
    again = state.changelog(2)
    assert dict(again.take())["plan"] == longer
    again.append([("plan", None)])
    assert dict(state.changelog(2).read()) == {"plan": None, "other": b"x"}
    log.close()
    again.close()


def test_partitions_are_shared_out_and_handed_over(url: str) -> None:
    buses = [KafkaBus(url, QUICK) for _ in range(2)]
    one, two = (bus.partitioned_state(TOPIC, "keepers") for bus in buses)
    assigned(one, count=3)
    before = assigned(one, two, count=1)
    log = one.changelog(min(before[0]))
    list(log.take())
    log.append([("kept", b"by one")])
    log.close()
    one.close()
    assigned(two, count=3)
    taken = two.changelog(min(before[0]))
    assert list(taken.take()) == [("kept", b"by one")]
    taken.close()
    two.close()
    for bus in buses:
        bus.close()


def test_an_assignment_that_is_only_believed_in_gives_no_right_to_write(
    bus: KafkaBus, url: str
) -> None:
    """As a process that was suspended believes: it is fenced off by who took over."""
    sleeper = bus.partitioned_state(TOPIC, "keepers")
    assigned(sleeper, count=3)
    log = sleeper.changelog(0)
    list(log.take())
    other = KafkaBus(url, QUICK)
    elsewhere = other.partitioned_state(TOPIC, "another group")
    successor = elsewhere.changelog(0)
    list(successor.take())
    successor.append([("a", b"new")])
    assert 0 in sleeper.assigned()
    with pytest.raises(PartitionLost):
        log.append([("a", b"old")])
    assert list(elsewhere.changelog(0).read()) == [("a", b"new")]
    for changelog in (log, successor):
        changelog.close()
    sleeper.close()
    elsewhere.close()
    other.close()


def test_without_a_broker_it_says_so_and_goes_on_later() -> None:
    with running(kafka) as broker, topics(broker.address, {TOPIC: 1}) as url:
        bus = KafkaBus(url, QUICK)
        state = bus.partitioned_state(TOPIC, "keepers")
        while not state.assigned():
            time.sleep(0.1)
        log = state.changelog(0)
        list(log.take())
        log.append([("a", b"1")])
        broker.freeze()
        began = time.monotonic()
        with pytest.raises(BusUnavailable):
            log.append([("a", b"2")])
        assert time.monotonic() - began < 15.0
        broker.thaw()
        deadline = time.monotonic() + 60.0
        while True:
            try:
                log.append([("a", b"2"), ("b", b"2")])
                break
            except BusUnavailable:
                assert time.monotonic() < deadline
        assert dict(state.changelog(0).read()) == {"a": b"2", "b": b"2"}
        log.close()
        state.close()
        bus.close()
