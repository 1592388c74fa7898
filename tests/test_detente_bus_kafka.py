"""Kafka keeps the contract of the bus, and what is its own."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from detente.bus import kafka_admin, kafka_subscription
from detente.bus.base import Delivery, Record
from detente.bus.kafka import HEADROOM, KafkaBus
from detente.bus.kafka_client import Cluster, drop
from detente.bus.topics import declared_topics
from detente.errors import BusUnavailable, ConfigError, OversizedRecord
from detente.settings import KafkaSettings
from tests.contracts.bus import TOPIC, BusContract, read, records, values, values_of
from tests.servers import Server, free_port, kafka, running, topics

QUICK = KafkaSettings(session_timeout=6.0, delivery_timeout=5.0)


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus_url(self, kafka: Server) -> Iterator[str]:
        with topics(kafka.address, {TOPIC: 3, "contract.other": 2}) as url:
            yield url


@pytest.fixture
def url(kafka: Server) -> Iterator[str]:
    with topics(kafka.address, {TOPIC: 2}) as url:
        yield url


@pytest.fixture
def bus(url: str) -> Iterator[KafkaBus]:
    bus = KafkaBus(url, QUICK)
    yield bus
    bus.close()


def work(seconds: float) -> None:
    """Computes in Python, as a slow model would, and never lets go of the interpreter of itself."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(10_000))


OTHER_MEMBER = """
import sys, time
from detente.bus import open_bus
subscription = open_bus(sys.argv[1]).subscribe(sys.argv[2], sys.argv[3])
while not subscription.assigned():
    subscription.poll(1, 0.2)
print("joined", flush=True)
time.sleep(60)
"""


def test_a_batch_that_takes_long_keeps_its_place_in_the_group(bus: KafkaBus, url: str) -> None:
    """Twice the session's time-out, two threads computing in Python all the while: the client's
    thread has heartbeats to send, and a rebalance to take part in, beside them."""
    bus.publish(TOPIC, records(40))
    slow = bus.subscribe(TOPIC, "slow")
    batch = read(slow, 40)
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_MEMBER, url, TOPIC, "slow"], stdout=subprocess.PIPE
    )
    began = time.monotonic()
    try:
        while time.monotonic() < began + 13.0 or len(slow.assigned()) == 2:
            assert time.monotonic() < began + 60.0, "no rebalance beside the computing"
            second = threading.Thread(target=work, args=(2.0,))
            second.start()
            work(2.0)
            second.join()
        kept = slow.assigned()
        assert len(kept) == 1, "thrown out of the group"
        slow.commit(batch)
        mine = [delivery for delivery in batch if delivery.partition in kept]
        assert bus.lag(TOPIC, "slow") == 40 - len(mine)
        assert other.stdout is not None
        assert other.stdout.readline() == b"joined\n"
    finally:
        other.kill()
        other.communicate()
        slow.close()


def test_a_batch_that_never_ends_is_given_to_others(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_subscription, "EVICTED_AFTER", 3.0)
    settings = KafkaSettings(session_timeout=6.0, stall_timeout=10.0)
    stuck_bus, bus = KafkaBus(url, settings), KafkaBus(url, QUICK)
    bus.publish(TOPIC, records(10))
    stuck = stuck_bus.subscribe(TOPIC, "stuck")
    batch = read(stuck, 10)
    other = bus.subscribe(TOPIC, "stuck")
    got: list[Delivery] = []
    deadline = time.monotonic() + 60.0
    while len({delivery.value for delivery in got}) < 10:
        assert time.monotonic() < deadline
        got += other.poll(10, 0.5)
    other.commit(got)
    assert bus.lag(TOPIC, "stuck") == 0
    stuck.commit(batch[:1])  # late, and of no effect
    assert bus.lag(TOPIC, "stuck") == 0
    for subscription in (other, stuck):
        subscription.close()
    for opened in (stuck_bus, bus):
        opened.close()


def test_a_member_that_polls_now_and_then_joins_all_the_same(bus: KafkaBus) -> None:
    """Its joining ends while it is not waiting for that: the client alone would forget it."""
    bus.publish(TOPIC, records(10))
    members = [bus.subscribe(TOPIC, "seldom") for _ in range(2)]
    for member in members:
        member._closed.set()  # without the thread that polls for it
        member._keeper.join()
        member._closed.clear()
    deadline = time.monotonic() + 60.0
    while [len(member.assigned()) for member in members] != [1, 1]:
        assert time.monotonic() < deadline
        for member in members:
            member.poll(1, 0.001)
            time.sleep(0.1)
    for member in members:
        member.rewind()
    got = [delivery for member in members for delivery in read(member, 1)]
    assert len({delivery.partition for delivery in got}) == 2
    for member in members:
        member.close()


def test_who_lost_a_partition_moves_its_group_no_more(bus: KafkaBus) -> None:
    """Members that join one after the other, each committing late what it read before."""
    bus.publish(TOPIC, records(30))
    first = bus.subscribe(TOPIC, "late")
    early = read(first, 30)
    second = bus.subscribe(TOPIC, "late")
    deadline = time.monotonic() + 30
    while not (second.assigned() and len(first.assigned()) == 1):
        assert time.monotonic() < deadline
        first.poll(1, 0.1)
        second.commit(second.poll(10, 0.1))
    while bus.lag(TOPIC, "late") > sum(d.partition in first.assigned() for d in early):
        assert time.monotonic() < deadline
        second.commit(second.poll(10, 0.1))
    before = bus.lag(TOPIC, "late")
    gone = [d for d in early if d.partition in second.assigned()]
    first.commit(gone[:1])
    assert bus.lag(TOPIC, "late") == before
    first.commit(early)
    assert bus.lag(TOPIC, "late") == 0
    first.close()
    second.close()


def test_records_deleted_before_they_were_read_are_spoken_of(
    bus: KafkaBus, url: str, kafka: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    bus.publish(TOPIC, [Record("one-key", f"{i}".encode()) for i in range(10)])
    reader = bus.subscribe(TOPIC, "gap")
    reader.commit(read(reader, 4))
    reader.close()
    name = bus._cluster.name(TOPIC)
    with KafkaAdminClient(bootstrap_servers=kafka.address) as admin:
        ends = {TopicPartition(name, number): 7 for number in range(2)}
        offsets = admin.list_partition_offsets(dict.fromkeys(ends, -1))
        full = {place: 7 for place in ends if offsets[place].offset == 10}
        admin.delete_records(full)
    again = bus.subscribe(TOPIC, "gap")
    assert values(read(again, 3)) == [b"7", b"8", b"9"]
    again.close()
    assert "deleted by retention before they were read" in capsys.readouterr().out
    assert bus.lag(TOPIC, "gap") == 3


def test_a_static_member_keeps_its_partitions_over_a_restart(url: str) -> None:
    settings = {name: KafkaSettings(member=name) for name in ("one", "two")}
    buses = {name: KafkaBus(url, about) for name, about in settings.items()}
    members = {name: bus.subscribe(TOPIC, "static") for name, bus in buses.items()}
    deadline = time.monotonic() + 60.0
    while [len(member.assigned()) for member in members.values()] != [1, 1]:
        assert time.monotonic() < deadline
        for member in members.values():
            member.poll(1, 0.1)
    before = {name: member.assigned() for name, member in members.items()}
    members["one"].close()
    members["one"] = buses["one"].subscribe(TOPIC, "static")
    while not members["one"].assigned():
        assert time.monotonic() < deadline
        members["one"].poll(1, 0.1)
        assert members["two"].assigned() == before["two"], "the other one was disturbed"
    assert {name: member.assigned() for name, member in members.items()} == before
    for member in members.values():
        member.close()
    for bus in buses.values():
        bus.close()


def test_key_and_headers_have_their_limit_too(bus: KafkaBus) -> None:
    with pytest.raises(OversizedRecord, match="key and headers"):
        bus.publish(TOPIC, [Record("k", b"v", {"big": b"x" * (HEADROOM + 1)})])
    with pytest.raises(OversizedRecord, match="key and headers"):
        bus.publish(TOPIC, [Record("k" * HEADROOM, b"v")])
    assert bus.lag(TOPIC, "any") == 0


def test_a_topic_that_takes_less_than_we_send_is_told_apart_from_an_outage(
    url: str, kafka: Server
) -> None:
    with topics(kafka.address, {TOPIC: 1}, {"max.message.bytes": "2000"}) as small:
        bus = KafkaBus(small, QUICK)
        with pytest.raises(OversizedRecord, match="too large"):
            bus.publish(TOPIC, [Record("k", os.urandom(9_000))])
        bus.publish(TOPIC, [Record("k", b"fits")])
        assert bus.lag(TOPIC, "any") == 1
        bus.close()


def test_what_other_tools_write_is_read(bus: KafkaBus, kafka: Server) -> None:
    with KafkaProducer(bootstrap_servers=kafka.address) as producer:
        name = bus._cluster.name(TOPIC)
        producer.send(name, b"no key")
        producer.send(name, None, key=b"\xff\xfe tombstone")
        producer.send(name, b"twice", headers=[("h", b"1"), ("h", b"2"), ("n", b"")])
    subscription = bus.subscribe(TOPIC, "foreign")
    got = {delivery.value: delivery for delivery in read(subscription, 3)}
    subscription.close()
    assert got[b"no key"].key == ""
    assert got[b""].key.encode("utf-8", "surrogateescape") == b"\xff\xfe tombstone"
    assert dict(got[b"twice"].headers) == {"h": b"2", "n": b""}
    bus.publish(TOPIC, [Record(got[b""].key, b"again")])  # as a replay does


class BadHeader(str):
    """A header's name that isn't UTF-8, which the protocol lets anybody send."""

    def encode(self, *_: object) -> bytes:  # type: ignore[override]
        return b"\xff\xfe"


def test_a_record_that_can_not_be_read_holds_nothing_up(bus: KafkaBus, kafka: Server) -> None:
    bus.publish(TOPIC, [Record("one-key", f"before-{n}".encode()) for n in range(3)])
    name = bus._cluster.name(TOPIC)
    with KafkaProducer(bootstrap_servers=kafka.address) as producer:
        producer.send(name, b"odd", key=b"one-key", headers=[(BadHeader("x"), b"1")])
    bus.publish(TOPIC, [Record("one-key", f"after-{n}".encode()) for n in range(3)])
    bus.publish(TOPIC, [Record(f"other-{n}", b"elsewhere") for n in range(6)])
    subscription = bus.subscribe(TOPIC, "odd")
    got = read(subscription, 13)
    told = [value for value in values(got) if b"can't be read" in value]
    assert len(told) == 1
    assert sorted(values(got)) == sorted(
        [
            *(f"{when}-{n}".encode() for when in ("before", "after") for n in range(3)),
            *[b"elsewhere"] * 6,
            *told,
        ]
    )
    subscription.commit(got)
    assert bus.lag(TOPIC, "odd") == 0
    subscription.close()


def test_a_missing_topic_is_named(kafka: Server) -> None:
    bus = KafkaBus(f"kafka://{kafka.address}/?namespace=nothing-here", QUICK)
    with pytest.raises(BusUnavailable, match=r"nothing-here.contract.records.*detente prepare"):
        bus.lag(TOPIC, "any")
    with pytest.raises(BusUnavailable):
        bus.publish(TOPIC, records(1))
    bus.close()


def test_a_closed_bus_says_so(url: str) -> None:
    bus = KafkaBus(url, QUICK)
    bus.publish(TOPIC, records(1))
    bus.close()
    for attempt in (
        lambda: bus.publish(TOPIC, records(1)),
        lambda: bus.subscribe(TOPIC, "g"),
        lambda: bus.lag(TOPIC, "g"),
        lambda: bus.reset(TOPIC, "g"),
        lambda: bus.partitioned_state(TOPIC, "g"),
    ):
        with pytest.raises(BusUnavailable, match="closed"):
            attempt()


def test_an_outage_in_the_middle_is_waited_out_and_nothing_is_lost() -> None:
    """A broker of its own, killed and started again over its data."""
    with (
        running(kafka) as broker,
        topics(broker.address, {TOPIC: 2}) as url,
        closing(KafkaBus(url, QUICK)) as bus,
        closing(bus.subscribe(TOPIC, "outage")) as subscription,
    ):
        bus.publish(TOPIC, records(10))
        subscription.commit(read(subscription, 10))
        broker.kill()
        began = time.monotonic()
        with pytest.raises(BusUnavailable):
            bus.publish(TOPIC, records(5, start=10))
        assert time.monotonic() - began < 2 * QUICK.delivery_timeout + 6
        broker.start()
        bus.publish(TOPIC, records(5, start=10))
        got = read(subscription, 5)
        assert set(values(got)) <= set(values_of(records(5, start=10)))
        while more := subscription.poll(10, 2.0):
            got += more
        assert set(values(got)) == set(values_of(records(5, start=10)))
        subscription.commit(got)
        assert bus.lag(TOPIC, "outage") == 0


def test_a_dropped_producer_sends_nothing_later() -> None:
    """What it still held would arrive behind the records of the try that replaces it."""
    with (
        running(kafka) as broker,
        topics(broker.address, {TOPIC: 1}) as url,
        closing(KafkaBus(url, QUICK)) as bus,
        closing(bus.subscribe(TOPIC, "dropped")) as subscription,
    ):
        cluster = Cluster(url, QUICK)
        topic, producer = cluster.name(TOPIC), cluster.producer("dropped")
        producer.send(topic, b"sent", key=b"k").get(timeout=QUICK.delivery_timeout)
        broker.kill()
        waiting = producer.send(topic, b"unsent", key=b"k")
        drop(producer)
        assert waiting.failed()
        assert not producer._sender.is_alive()
        broker.start()
        bus.publish(TOPIC, records(1))
        got = read(subscription, 2)
        assert values(got + subscription.poll(10, 2.0)) == [b"sent", *values_of(records(1))]


@pytest.mark.parametrize("make", [KafkaProducer, KafkaConsumer, KafkaAdminClient])
def test_a_broker_that_is_not_there_costs_no_sockets(make: Callable[..., object]) -> None:
    """What the client left open would stay so until the collector comes by."""
    gc.collect()
    before = open_sockets()
    gc.disable()
    try:
        with pytest.raises(KafkaError):
            Cluster(f"kafka://127.0.0.1:{free_port()}", QUICK).client(make, "nowhere")
        assert open_sockets() <= before
    finally:
        gc.enable()


def open_sockets() -> set[int]:
    return {
        id(one) for one in gc.get_objects() if isinstance(one, socket.socket) and one.fileno() >= 0
    }


def test_reset_keeps_to_the_brokers_clock(bus: KafkaBus) -> None:
    bus.publish(TOPIC, records(4))
    bus.reset(TOPIC, "clock", datetime.fromtimestamp(0, UTC))
    assert bus.lag(TOPIC, "clock") == 4


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("kafka://", "write kafka://host:9092"),
        ("kafka://host:9092/path", "write kafka://host:9092"),
        ("kafka://host:9092?colour=red", "write kafka://host:9092"),
        ("kafka://host:port", "port"),
        ("kafka://:9092", "no host"),
        ("kafka://host?namespace=a/b", "namespace has letters"),
        ("kafka://user:secret@host:9092", "would not be sent"),
    ],
)
def test_an_address_that_names_no_cluster(address: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        KafkaBus(address)
    assert "secret" not in str(caught.value)


def test_several_brokers_and_default_ports() -> None:
    bus = KafkaBus("kafka://one,two:9093,[::1]:9094?namespace=staging")
    assert bus._cluster.brokers == ["one:9092", "two:9093", "[::1]:9094"]
    assert bus._cluster.name("articles.collected") == "staging.articles.collected"


def test_prepare_by_many_at_once_is_harmless(kafka: Server) -> None:
    url = f"kafka://{kafka.address}/?namespace=many"
    buses = [KafkaBus(url, QUICK) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        told = list(pool.map(lambda bus: bus.prepare(), buses))
    assert all(len(lines) == len(declared_topics()) for lines in told)
    for bus in buses:
        bus.check()
        bus.close()


def test_brokers_that_are_too_old_are_refused(
    kafka: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_admin, "OLDEST", (99, 0))
    bus = KafkaBus(f"kafka://{kafka.address}", QUICK)
    for attempt in (bus.prepare, bus.check):
        with pytest.raises(ConfigError, match=r"are of version 4\.\d+; at least 99\.0 is needed"):
            attempt()
    bus.close()
