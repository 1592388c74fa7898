"""A keyed state shared out over a consumer group: a compacted topic, a partition a writer.

Who may write a partition follows from the group's assignment, but an assignment is only an opinion:
a process that was suspended still holds the one it had. So each partition is written through a
transactional producer with an id of its own. Whoever takes the partition over begins by fencing off
its predecessor, and reads what there is only then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    InvalidProducerEpochError,
    KafkaError,
    ProducerFencedError,
)

from detente.bus.base import Entry
from detente.bus.kafka_client import Cluster, drop, said
from detente.bus.kafka_subscription import KafkaSubscription
from detente.errors import BusUnavailable, PartitionLost

PART_BYTES = 1_000_000
"""A longer value is written in parts, as a message has its limits; one transaction holds them."""

_PARTS = "parts"
_SIZE = "size"
_SEPARATOR = "\x00"
_FENCED = (ProducerFencedError, InvalidProducerEpochError)


class KafkaState:
    """See `detente.bus.base.PartitionedState`."""

    def __init__(self, cluster: Cluster, topic: str, group: str, partitions: int) -> None:
        self.partitions = partitions
        self._cluster = cluster
        self._topic = topic
        self._group = group
        self._member: KafkaSubscription | None = None

    def assigned(self) -> frozenset[int]:
        if self._member is None:
            self._member = KafkaSubscription(self._cluster, self._topic, self._group)
        return self._member.assigned()

    def changelog(self, partition: int) -> KafkaChangelog:
        def ours() -> bool:
            return self._member is not None and partition in self._member.assigned()

        return KafkaChangelog(self._cluster, self._topic, partition, ours)

    def close(self) -> None:
        if self._member is not None:
            self._member.close()


class KafkaChangelog:
    """See `detente.bus.base.Changelog`; `ours` says whether the group still assigns it to us."""

    def __init__(
        self, cluster: Cluster, topic: str, partition: int, ours: Callable[[], bool]
    ) -> None:
        self._cluster = cluster
        self._topic = cluster.name(topic)
        self._partition = partition
        self._ours = ours
        self._producer: KafkaProducer | None = None
        self._parts: dict[str, int] = {}
        """How many parts the values of more than one have."""

    def take(self) -> Iterator[Entry]:
        with self._cluster.reaching():
            self._producer = self._writer()
        return self.read()

    def read(self) -> Iterator[Entry]:
        place = TopicPartition(self._topic, self._partition)
        with self._cluster.reaching():
            consumer = self._cluster.client(
                KafkaConsumer,
                "state",
                enable_auto_commit=False,
                isolation_level="read_committed",
                fetch_max_wait_ms=100,
            )
            try:
                consumer.assign([place])
                end = consumer.end_offsets([place])[place]
                consumer.seek_to_beginning(place)
                parts: dict[str, bytes] = {}
                while consumer.position(place) < end:
                    for records in consumer.poll(timeout_ms=1_000).values():
                        for record in records:
                            yield from self._entry(record, parts)
            finally:
                consumer.close(autocommit=False)

    def append(self, entries: Sequence[Entry]) -> None:
        if self._producer is None:
            # After a failure. To begin anew would fence off whoever has it by now.
            if not self._ours():
                raise PartitionLost(f"{self._topic}[{self._partition}]")
            with self._cluster.reaching():
                self._producer = self._writer()
        producer = self._producer
        patience = self._cluster.settings.delivery_timeout
        failure = _within(patience, lambda: self._transaction(producer, entries))
        if failure is None:
            return
        self.close()
        if is_fenced(failure):
            raise PartitionLost(f"{self._topic}[{self._partition}]") from failure
        if not isinstance(failure, KafkaError | OSError | TimeoutError):
            raise failure
        raise BusUnavailable(f"{self._cluster.url}: {self._topic}: {said(failure)}") from failure

    def close(self) -> None:
        producer, self._producer = self._producer, None
        drop(producer)

    def _writer(self) -> KafkaProducer:
        """A producer that has fenced off all others of this partition."""
        producer = self._cluster.producer(
            "state",
            transactional_id=f"{self._topic}-{self._partition}",
            max_request_size=PART_BYTES + 100_000,
        )
        try:
            producer.init_transactions()
        except BaseException:
            drop(producer)
            raise
        return producer

    def _transaction(self, producer: KafkaProducer, entries: Sequence[Entry]) -> None:
        producer.begin_transaction()
        futures = [
            producer.send(
                self._topic,
                key=key.encode(),
                value=part,
                headers=headers,
                partition=self._partition,
            )
            for name, value in entries
            for key, part, headers in self._written(name, value)
        ]
        producer.commit_transaction()
        for future in futures:
            future.get(timeout=0)

    def _written(
        self, name: str, value: bytes | None
    ) -> Iterator[tuple[str, bytes | None, list[tuple[str, bytes]]]]:
        """The records of an entry. Of several parts the last bears the name, and their number."""
        size = len(value or b"")
        number = max(1, -(-size // PART_BYTES))
        for place in range(self._parts.get(name, 1), number, -1):
            yield _part(name, place - 2), None, []
        for place in range(number - 1):
            yield _part(name, place), (value or b"")[place * PART_BYTES :][:PART_BYTES], []
        if value is None:
            yield name, None, []
        else:
            headers = [(_PARTS, str(number).encode()), (_SIZE, str(size).encode())]
            yield name, value[(number - 1) * PART_BYTES :], headers
        self._parts[name] = number

    def _entry(self, record: Any, parts: dict[str, bytes]) -> Iterator[Entry]:
        """The entry that ends with this record, if one does."""
        key = record.key.decode()
        headers = dict(record.headers)
        if _SEPARATOR in key:
            if record.value is not None:
                parts[key] = record.value
            return
        if record.value is None:
            self._parts.pop(key, None)
            yield key, None
            return
        number = int(headers[_PARTS])
        before = [parts.pop(_part(key, place), b"") for place in range(number - 1)]
        value = b"".join([*before, record.value])
        self._parts[key] = number
        # Of an older value compaction may have left an end without its parts.
        if len(value) == int(headers[_SIZE]):
            yield key, value


def is_fenced(failure: BaseException) -> bool:
    """Whether another writer has followed; of a later send the client says so in its error only."""
    return isinstance(failure, _FENCED) or any(isinstance(one, _FENCED) for one in failure.args)


def _part(name: str, place: int) -> str:
    return f"{name}{_SEPARATOR}{place}"


def _within(seconds: float, work: Callable[[], None]) -> BaseException | None:
    """Do it, for so long at most (the client waits for a commit without an end); what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="kafka-transaction", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return TimeoutError("the transaction isn't committed in time")
    return raised[0] if raised else None
