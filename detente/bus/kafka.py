"""The bus on Apache Kafka, through kafka-python.

Only this module and its neighbours `kafka_…` know the client: how brokers are reached, what they
are asked about themselves, one member of a group, how it joins again, and a shared state.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from detente.bus.base import MAX_RECORD_BYTES, Record, refuse_oversized
from detente.bus.kafka_admin import KafkaAdmin
from detente.bus.kafka_client import Cluster, drop, said
from detente.bus.kafka_state import KafkaState
from detente.bus.kafka_subscription import KafkaSubscription
from detente.errors import BusUnavailable, OversizedRecord
from detente.settings import KafkaSettings
from detente.slices import slices

HEADROOM = 256 * 1024
"""Bytes that key and headers may have beside the largest value."""

_CHUNK_BYTES = 16 * 1024 * 1024
_CHUNK_RECORDS = 5_000
"""The client keeps what isn't acknowledged in a buffer without bounds: these are ours."""


class KafkaBus:
    """See `detente.bus.base.Bus`."""

    def __init__(
        self,
        url: str,
        settings: KafkaSettings | None = None,
        *,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._cluster = Cluster(url, settings or KafkaSettings())
        self._admin = KafkaAdmin(self._cluster)
        self._max_record_bytes = max_record_bytes
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._closed = False

    def prepare(self) -> list[str]:
        return self._admin.prepare()

    def check(self) -> None:
        self._admin.check()

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        refuse_oversized(records, self._max_record_bytes)
        for record in records:
            around = _bytes_around(record)
            if around > HEADROOM:
                raise OversizedRecord(
                    f"{record.key[:100]}: {around:,} bytes of key and headers, but the bus carries "
                    f"at most {HEADROOM:,}"
                )
        for chunk in slices(records, lambda one: len(one.value), _CHUNK_BYTES, _CHUNK_RECORDS):
            self._publish(self._cluster.name(topic), chunk)

    def subscribe(self, topic: str, group: str) -> KafkaSubscription:
        self._refuse_when_closed()
        return KafkaSubscription(self._cluster, topic, group)

    def reset(self, topic: str, group: str, since: datetime | None = None) -> None:
        self._refuse_when_closed()
        self._admin.reset(topic, group, since)

    def lag(self, topic: str, group: str) -> int:
        self._refuse_when_closed()
        return self._admin.lag(topic, group)

    def partitioned_state(self, topic: str, group: str) -> KafkaState:
        self._refuse_when_closed()
        return KafkaState(self._cluster, topic, group, self._admin.partitions(topic))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._drop_producer()
        self._admin.close()

    def _publish(self, topic: str, records: Sequence[Record]) -> None:
        """Send these and wait for every acknowledgement: only its future says that one failed."""
        failure: BaseException | None = None
        with self._cluster.reaching():
            producer = self._connected()
            try:
                futures = [
                    producer.send(
                        topic,
                        key=record.key.encode("utf-8", "surrogateescape"),
                        value=record.value,
                        headers=list(record.headers.items()),
                    )
                    for record in records
                ]
                producer.flush(timeout=self._cluster.settings.delivery_timeout + 5.0)
                failure = next((f.exception for f in futures if not f.succeeded()), None)
            except KafkaError as error:
                failure = error
        if failure is None:
            return
        # What this producer still has in its buffer would arrive after a second try's records.
        with self._lock:
            self._drop_producer()
        if isinstance(failure, MessageSizeTooLargeError | RecordListTooLargeError):
            raise OversizedRecord(f"{topic}: the brokers refuse a message as too large")
        raise BusUnavailable(f"{self._cluster.url}: {topic}: {said(failure)}") from failure

    def _connected(self) -> KafkaProducer:
        with self._lock:
            if self._closed:
                raise BusUnavailable(f"{self._cluster.url}: this bus is closed")
            if self._producer is None:
                self._producer = self._cluster.producer(
                    "producer",
                    batch_size=256 * 1024,
                    max_request_size=self._max_record_bytes + HEADROOM,
                )
            return self._producer

    def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        drop(producer)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise BusUnavailable(f"{self._cluster.url}: this bus is closed")


def _bytes_around(record: Record) -> int:
    headers = sum(len(name) * 4 + len(value) + 20 for name, value in record.headers.items())
    return len(record.key) * 4 + headers
