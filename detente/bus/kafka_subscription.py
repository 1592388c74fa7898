"""One member of a Kafka consumer group.

A thread of its own keeps the membership alive while the caller works on a batch: it polls with
every partition paused, so that rebalances go on and nothing is fetched that nobody asked for. A
caller that has not come back for `stall_timeout` is taken for stuck: then the thread lets go, and
the group gives its partitions to others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    CommitFailedError,
    CorruptRecordError,
    KafkaError,
    RebalanceInProgressError,
)

from detente.bus.base import Delivery
from detente.bus.kafka_client import Cluster, said
from detente.bus.kafka_rejoin import keep_joins
from detente.errors import BusUnavailable

KEEP_ALIVE = 1.0
"""Seconds without a call after which the membership is kept alive."""

_BEAT = 0.1
"""Seconds that such a poll takes; one follows the other, so that a rebalance isn't held up."""

EVICTED_AFTER = 120.0
"""Seconds without any poll, also from that thread, after which the client leaves the group."""

_UNREADABLE = (UnicodeDecodeError, CorruptRecordError)

_COMMIT_PATIENCE = 10.0
_CLOSE_PATIENCE = 2.0


@dataclass(slots=True)
class _Hold:
    """A partition while it is ours: where we began, how far we have read and committed."""

    first: int | None = None
    read: int = 0
    committed: int | None = None


class KafkaSubscription:
    """See `detente.bus.base.Subscription`."""

    def __init__(self, cluster: Cluster, topic: str, group: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._group = group
        self._lock = threading.Lock()
        self._holds: dict[TopicPartition, _Hold] = {}
        self._waiting: deque[Any] = deque()
        self._paused = False
        self._called = self._taken = time.monotonic()
        self._callers = 0
        self._closed = threading.Event()
        self._log = structlog.get_logger("detente.bus")
        with cluster.reaching():
            self._consumer = self._connected()
        self._keeper = self._started_keeper()

    def poll(self, max_records: int, timeout: float) -> Sequence[Delivery]:
        if self._closed.is_set():
            raise BusUnavailable(f"{self._cluster.url}: this subscription is closed")
        with self._turn():
            if not self._waiting:
                self._resume()
                self._fetch(max_records, timeout)
            given = [self._waiting.popleft() for _ in range(min(max_records, len(self._waiting)))]
            self._taken = time.monotonic()
            if not self._keeper.is_alive():
                self._keeper = self._started_keeper()  # it had given us up
            return [self._delivery(record) for record in given]

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        done: dict[TopicPartition, int] = {}
        for delivery in deliveries:
            partition = TopicPartition(self._cluster.name(self._topic), delivery.partition)
            done[partition] = max(done.get(partition, 0), delivery.offset + 1)
        if not done:
            return None
        deadline = time.monotonic() + _COMMIT_PATIENCE
        with self._turn():
            while offsets := self._committable(done):
                try:
                    self._consumer.commit(offsets, timeout_ms=_COMMIT_PATIENCE * 1_000)
                except RebalanceInProgressError:
                    if time.monotonic() > deadline:
                        return self._leave_to_others()
                    self._beat()  # a rebalance ends in a poll only
                except CommitFailedError:
                    return self._leave_to_others()
                else:
                    for partition, offset in offsets.items():
                        if (hold := self._holds.get(partition)) is not None:
                            hold.committed = offset.offset
                    return None
        return None

    def rewind(self) -> None:
        with self._turn():
            self._waiting.clear()
            for partition, hold in list(self._holds.items()):
                start = hold.committed if hold.committed is not None else hold.first
                if start is not None:
                    self._seek(partition, start)
                    hold.read = start

    def assigned(self) -> frozenset[int]:
        """The partitions that are ours, for a member that reads none of them."""
        if self._closed.is_set():
            raise BusUnavailable(f"{self._cluster.url}: this subscription is closed")
        self._taken = time.monotonic()
        return frozenset(partition.partition for partition in list(self._holds))

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        self._keeper.join(_CLOSE_PATIENCE)
        with self._cluster.reaching():
            self._consumer.close(autocommit=False, timeout_ms=_CLOSE_PATIENCE * 1_000)

    def _connected(self) -> KafkaConsumer:
        settings, group = self._cluster.settings, self._cluster.name(self._group)
        consumer = self._cluster.client(
            KafkaConsumer,
            self._group,
            group_id=group,
            group_instance_id=f"{settings.member}-{group}" if settings.member else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=round(settings.session_timeout * 1_000),
            heartbeat_interval_ms=round(min(3.0, settings.session_timeout / 4) * 1_000),
            max_poll_interval_ms=round(EVICTED_AFTER * 1_000),
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=1024 * 1024,
            allow_auto_create_topics=False,
        )
        keep_joins(consumer)
        consumer.subscribe([self._cluster.name(self._topic)], listener=_Listener(self))
        return consumer

    def _fetch(self, max_records: int, timeout: float) -> None:
        """Poll once; what comes waits to be given out. With the lock held."""
        try:
            found = self._consumer.poll(timeout_ms=round(timeout * 1_000), max_records=max_records)
        except _UNREADABLE as error:
            found = self._past_unreadable(error)
        gaps: list[tuple[TopicPartition, int]] = []
        ours = self._consumer.assignment()
        for partition, records in found.items():
            if partition not in ours:
                continue  # taken from us this moment: its next owner reads them
            hold = self._holds.setdefault(partition, _Hold())
            first = records[0].offset
            if hold.first is None:
                hold.first = first
                gaps.append((partition, first))
            elif first > hold.read:
                self._tell_of_gap(partition, first - hold.read)
            hold.read = records[-1].offset + 1
            self._waiting += records
        self._look_for_gaps(gaps)

    def _past_unreadable(self, error: Exception) -> dict[TopicPartition, list[Any]]:
        """A record that the client can't take apart would hold up its partition for ever, in
        silence: one that says so takes its place, and becomes a dead letter. With the lock held."""
        at_fault = self._consumer._fetcher._next_partition_records  # nothing public tells
        if at_fault is None:
            raise BusUnavailable(f"{self._cluster.url}: {self._topic}: {said(error)}") from error
        partition, offset = at_fault.topic_partition, at_fault.next_fetch_offset
        self._consumer.seek(partition, offset + 1)
        return {partition: [_Unreadable(partition.partition, offset, error)]}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The client is the caller's: it takes no calls from two threads at a time."""
        self._callers += 1
        try:
            self._lock.acquire()
        finally:
            self._callers -= 1
        try:
            with self._cluster.reaching():
                yield
        finally:
            self._called = time.monotonic()
            self._lock.release()

    def _started_keeper(self) -> threading.Thread:
        name = f"kafka-keep-{self._group}"
        keeper = threading.Thread(target=self._keep_alive, name=name, daemon=True)
        keeper.start()
        return keeper

    def _keep_alive(self) -> None:
        while not self._closed.wait(0.01 if self._callers else 0):
            now = time.monotonic()
            if now - self._taken > self._cluster.settings.stall_timeout:
                self._log.error("a batch takes too long, letting go", group=self._group)
                return
            if now - self._called < KEEP_ALIVE:
                self._closed.wait(KEEP_ALIVE / 4)
            elif not self._callers:
                with self._lock:
                    self._beat_quietly()

    def _beat_quietly(self) -> None:
        if self._closed.is_set():
            return
        try:
            self._beat()
        except Exception as error:  # the caller's next poll meets the same trouble
            self._log.debug("not kept alive", group=self._group, error=repr(error))
            self._closed.wait(_BEAT)

    def _beat(self) -> None:
        """A poll that fetches nothing. With the lock held."""
        self._paused = True
        self._consumer.pause(*self._consumer.assignment())
        self._fetch(max_records=100, timeout=_BEAT)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._consumer.resume(*self._consumer.assignment())

    def _committable(self, done: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
        """Of these positions the ones that move a partition forward that is still ours, and was
        when it was read: another member may have gone further in the meantime."""
        offsets = {}
        for partition, offset in done.items():
            hold = self._holds.get(partition)
            if hold is not None and hold.read >= offset > (hold.committed or 0):
                offsets[partition] = OffsetAndMetadata(offset)
        return offsets

    def _leave_to_others(self) -> None:
        self._log.info("not committed: the group has moved on", group=self._group)

    def _seek(self, partition: TopicPartition, offset: int) -> None:
        try:
            self._consumer.seek(partition, offset)
        except ValueError:
            self._holds.pop(partition, None)  # it was taken from us just now

    def _look_for_gaps(self, begun: Sequence[tuple[TopicPartition, int]]) -> None:
        """Retention may have deleted what this group hadn't read: say so, as nobody else will."""
        try:
            for partition, first in begun:
                committed = self._consumer.committed(partition, timeout_ms=1_000)
                if committed is not None and committed < first:
                    self._tell_of_gap(partition, first - committed)
        except KafkaError as error:
            self._log.debug("not looked for a gap", group=self._group, error=said(error))

    def _tell_of_gap(self, partition: TopicPartition, records: int) -> None:
        self._log.error(
            "records were deleted by retention before they were read",
            group=self._group,
            topic=self._topic,
            partition=partition.partition,
            records=records,
        )

    def _delivery(self, record: Any) -> Delivery:
        return Delivery(
            topic=self._topic,
            partition=record.partition,
            offset=record.offset,
            key=(record.key or b"").decode("utf-8", "surrogateescape"),
            value=record.value or b"",
            headers={name: value or b"" for name, value in record.headers},
            appended=datetime.fromtimestamp(record.timestamp / 1_000, UTC),
        )

    # What the client's own thread tells, in which nothing may wait

    def gained(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._holds[partition] = _Hold()
        if self._paused:
            self._consumer.pause(*partitions)

    def lost(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._holds.pop(partition, None)


class _Unreadable:
    """Stands for a record that can't be read: its value says why, and is no message of ours."""

    key = None
    headers = ()

    def __init__(self, partition: int, offset: int, error: Exception) -> None:
        self.partition = partition
        self.offset = offset
        self.value = f"the record can't be read: {error!r}".encode()
        self.timestamp = time.time() * 1_000


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, subscription: KafkaSubscription) -> None:
        self._subscription = subscription

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._subscription.gained(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._subscription.lost(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._subscription.lost(lost)
