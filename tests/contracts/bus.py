"""The bus contract: every clause of `detente.bus.base`, run over each backend.

A backend's test module subclasses `BusContract` and gives the fixture `bus_url`: the address of
an empty bus, which may be opened any number of times.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from detente.bus import open_bus
from detente.bus.base import MAX_RECORD_BYTES, Bus, Delivery, Record, Subscription
from detente.errors import ConfigError, OversizedRecord

TOPIC = "contract.records"
PATIENCE = 30.0


def records(count: int, *, start: int = 0) -> list[Record]:
    return [Record(f"key-{i % 3}", f"value-{i}".encode()) for i in range(start, start + count)]


def read(subscription: Subscription, count: int, *, batch: int = 100) -> list[Delivery]:
    """Poll until `count` records have come; fails after a while."""
    got: list[Delivery] = []
    deadline = time.monotonic() + PATIENCE
    while len(got) < count:
        assert time.monotonic() < deadline, f"{len(got)} of {count} records came"
        got += subscription.poll(min(batch, count - len(got)), 0.5)
    return got


def values(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.value for delivery in deliveries]


def by_key(keyed: Sequence[Record] | Sequence[Delivery]) -> dict[str, list[bytes]]:
    ordered = sorted(keyed, key=lambda record: record.key)
    return {key: [r.value for r in group] for key, group in groupby(ordered, lambda r: r.key)}


class BusContract:
    """Subclass per backend, with a fixture `bus_url`."""

    @pytest.fixture
    def bus(self, bus_url: str) -> Iterator[Bus]:
        bus = open_bus(bus_url)
        yield bus
        bus.close()

    def test_keeps_order_per_key(self, bus: Bus) -> None:
        published = records(50)
        bus.publish(TOPIC, published[:20])
        bus.publish(TOPIC, published[20:])
        subscription = bus.subscribe(TOPIC, "order")
        got = read(subscription, 50, batch=7)
        subscription.close()
        assert by_key(got) == by_key(published)

    def test_published_is_durable_without_closing(self, bus: Bus, bus_url: str) -> None:
        bus.publish(TOPIC, records(3))
        other = open_bus(bus_url)
        subscription = other.subscribe(TOPIC, "reader")
        assert sorted(values(read(subscription, 3))) == [b"value-0", b"value-1", b"value-2"]
        subscription.close()
        other.close()

    def test_keys_bytes_and_headers_arrive_unchanged(self, bus: Bus) -> None:
        awkward = Record(
            "ключ/é 1", bytes(range(256)) * 3, {"a": b"\x00\xff", "empty": b"", "é": b"x"}
        )
        bus.publish(TOPIC, [awkward, Record("k", b"")])
        subscription = bus.subscribe(TOPIC, "bytes")
        got = {delivery.key: delivery for delivery in read(subscription, 2)}
        subscription.close()
        assert got["ключ/é 1"].value == awkward.value
        assert dict(got["ключ/é 1"].headers) == dict(awkward.headers)
        assert got["k"].value == b""
        assert dict(got["k"].headers) == {}

    def test_uncommitted_is_redelivered_after_reopen(self, bus_url: str) -> None:
        bus = open_bus(bus_url)
        bus.publish(TOPIC, records(6))
        subscription = bus.subscribe(TOPIC, "reopen")
        first = read(subscription, 6)
        subscription.commit(first[:2])
        subscription.close()
        bus.close()

        again = open_bus(bus_url)
        subscription = again.subscribe(TOPIC, "reopen")
        rest = read(subscription, again.lag(TOPIC, "reopen"))
        subscription.close()
        again.close()
        assert set(values(first[2:])) <= set(values(rest))
        assert not set(values(first[:2])) & set(values(rest))

    def test_rewind_goes_back_to_the_last_commit(self, bus: Bus) -> None:
        bus.publish(TOPIC, [Record("one-key", f"{i}".encode()) for i in range(5)])
        subscription = bus.subscribe(TOPIC, "rewind")
        got = read(subscription, 3, batch=1)
        subscription.commit(got[:1])
        subscription.rewind()
        assert values(read(subscription, 4)) == [b"1", b"2", b"3", b"4"]
        subscription.close()

    def test_rewind_without_a_commit_goes_to_the_beginning(self, bus: Bus) -> None:
        bus.publish(TOPIC, [Record("one-key", f"{i}".encode()) for i in range(3)])
        subscription = bus.subscribe(TOPIC, "rewind-all")
        read(subscription, 2)
        subscription.rewind()
        assert values(read(subscription, 3)) == [b"0", b"1", b"2"]
        subscription.close()

    def test_groups_are_independent(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(4))
        one, two = bus.subscribe(TOPIC, "one"), bus.subscribe(TOPIC, "two")
        one.commit(read(one, 4))
        assert bus.lag(TOPIC, "one") == 0
        assert bus.lag(TOPIC, "two") == 4
        assert len(read(two, 4)) == 4
        one.close()
        two.close()

    def test_new_group_starts_at_the_beginning(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(3))
        early = bus.subscribe(TOPIC, "early")
        early.commit(read(early, 3))
        early.close()
        bus.publish(TOPIC, records(2, start=3))
        late = bus.subscribe(TOPIC, "late")
        assert len(read(late, 5)) == 5
        late.close()

    def test_commit_never_moves_back(self, bus: Bus) -> None:
        bus.publish(TOPIC, [Record("one-key", f"{i}".encode()) for i in range(4)])
        subscription = bus.subscribe(TOPIC, "forward")
        got = read(subscription, 4)
        subscription.commit(got)
        subscription.commit(got[:1])
        assert bus.lag(TOPIC, "forward") == 0
        subscription.close()

    def test_commit_of_nothing_is_harmless(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(1))
        subscription = bus.subscribe(TOPIC, "nothing")
        subscription.commit([])
        assert bus.lag(TOPIC, "nothing") == 1
        subscription.close()

    def test_one_record_goes_to_one_live_member(self, bus: Bus) -> None:
        first = bus.subscribe(TOPIC, "shared")
        first.poll(1, 0.2)
        second = bus.subscribe(TOPIC, "shared")
        second.poll(1, 0.2)
        bus.publish(TOPIC, records(30))
        got: list[bytes] = []
        deadline = time.monotonic() + PATIENCE
        while len(set(got)) < 30 and time.monotonic() < deadline:
            for member in (first, second):
                deliveries = member.poll(5, 0.1)
                member.commit(deliveries)
                got += values(deliveries)
        assert sorted(got) == sorted(values_of(records(30)))
        first.close()
        second.close()

    def test_a_member_takes_over_what_another_left(self, bus: Bus) -> None:
        bus.publish(TOPIC, [Record("one-key", f"{i}".encode()) for i in range(4)])
        leaver = bus.subscribe(TOPIC, "handover")
        leaver.commit(read(leaver, 2))
        stayer = bus.subscribe(TOPIC, "handover")
        stayer.poll(1, 0.1)
        leaver.close()
        assert values(read(stayer, 2)) == [b"2", b"3"]
        stayer.close()

    def test_empty_poll_returns_in_time(self, bus: Bus) -> None:
        subscription = bus.subscribe(TOPIC, "empty")
        subscription.poll(10, 0.0)
        began = time.monotonic()
        assert list(subscription.poll(10, 0.3)) == []
        assert time.monotonic() - began < 2.0
        subscription.close()

    def test_poll_gives_at_most_what_was_asked(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(10))
        subscription = bus.subscribe(TOPIC, "few")
        read(subscription, 1, batch=1)
        assert len(subscription.poll(4, 5.0)) <= 4
        subscription.close()

    def test_poll_sees_what_is_published_while_it_waits(self, bus: Bus) -> None:
        subscription = bus.subscribe(TOPIC, "waiting")
        assert list(subscription.poll(10, 0.1)) == []
        bus.publish(TOPIC, records(1))
        assert values(read(subscription, 1)) == [b"value-0"]
        subscription.close()

    def test_lag_falls_to_zero(self, bus: Bus) -> None:
        assert bus.lag(TOPIC, "lag") == 0
        bus.publish(TOPIC, records(5))
        assert bus.lag(TOPIC, "lag") == 5
        subscription = bus.subscribe(TOPIC, "lag")
        got = read(subscription, 5)
        assert bus.lag(TOPIC, "lag") == 5
        subscription.commit(got)
        assert bus.lag(TOPIC, "lag") == 0
        subscription.close()

    def test_a_group_that_is_reset_begins_anew(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(4))
        subscription = bus.subscribe(TOPIC, "anew")
        subscription.commit(read(subscription, 4))
        with pytest.raises(ConfigError, match="at work"):
            bus.reset(TOPIC, "anew")
        subscription.close()
        bus.reset(TOPIC, "anew")
        assert bus.lag(TOPIC, "anew") == 4
        again = bus.subscribe(TOPIC, "anew")
        assert sorted(values(read(again, 4))) == values_of(records(4))
        again.close()
        bus.reset(TOPIC, "anew")
        bus.reset(TOPIC, "never seen")

    def test_a_group_begins_at_an_instant(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(3))
        time.sleep(0.05)
        between = datetime.now(UTC)
        time.sleep(0.05)
        bus.publish(TOPIC, records(2, start=3))
        bus.reset(TOPIC, "since", between)
        assert bus.lag(TOPIC, "since") == 2
        subscription = bus.subscribe(TOPIC, "since")
        assert sorted(values(read(subscription, 2))) == [b"value-3", b"value-4"]
        subscription.rewind()
        assert sorted(values(read(subscription, 2))) == [b"value-3", b"value-4"]
        subscription.close()
        bus.reset(TOPIC, "since", datetime.now(UTC) + timedelta(hours=1))
        assert bus.lag(TOPIC, "since") == 0

    def test_topics_are_apart(self, bus: Bus) -> None:
        bus.publish(TOPIC, records(2))
        bus.publish("contract.other", records(1, start=9))
        subscription = bus.subscribe("contract.other", "apart")
        assert values(read(subscription, 1)) == [b"value-9"]
        assert list(subscription.poll(10, 0.2)) == []
        subscription.close()

    def test_publish_of_nothing_is_harmless(self, bus: Bus) -> None:
        bus.publish(TOPIC, [])
        assert bus.lag(TOPIC, "none") == 0

    def test_oversized_is_refused_with_all_its_batch(self, bus: Bus) -> None:
        batch = [Record("fits", b"x"), Record("huge", b"x" * (MAX_RECORD_BYTES + 1))]
        with pytest.raises(OversizedRecord, match="huge"):
            bus.publish(TOPIC, batch)
        assert bus.lag(TOPIC, "oversized") == 0

    def test_the_largest_record_passes(self, bus: Bus) -> None:
        largest = Record("large", b"x" * MAX_RECORD_BYTES)
        bus.publish(TOPIC, [largest])
        subscription = bus.subscribe(TOPIC, "largest")
        assert values(read(subscription, 1)) == [largest.value]
        subscription.close()

    def test_appended_is_an_instant_in_utc(self, bus: Bus) -> None:
        before = time.time()
        bus.publish(TOPIC, records(1))
        subscription = bus.subscribe(TOPIC, "clock")
        appended = read(subscription, 1)[0].appended
        subscription.close()
        assert appended.utcoffset() is not None
        assert before - 1 <= appended.timestamp() <= time.time() + 1

    def test_close_is_idempotent(self, bus_url: str) -> None:
        bus = open_bus(bus_url)
        subscription = bus.subscribe(TOPIC, "close")
        subscription.close()
        subscription.close()
        bus.close()
        bus.close()


def values_of(published: Sequence[Record]) -> list[bytes]:
    return [record.value for record in published]
