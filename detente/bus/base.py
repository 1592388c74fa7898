"""The bus: a durable log of records by topic, read by consumer groups.

What every backend holds to (tests/contracts/bus.py tests each clause):

- `publish` is durable on return; else it raises BusUnavailable, and what it was given may or may
  not be in the log (transport is at least once).
- Records of one key are delivered in the order in which they were published.
- Groups are independent; a new group starts at the beginning of the topic.
- What isn't committed is delivered again after `rewind`, or to the next subscription of the group.
- A commit never moves a group back.
- Of several live subscriptions of one group each record goes to one at a time; the others share
  the work where the backend has partitions, and stand by where it has not.
- Keys, bytes and headers arrive unchanged; `poll` returns within its timeout, perhaps empty.
- `lag` is the number of records that the group hasn't committed.
- `close` is idempotent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from detente.errors import OversizedRecord


@dataclass(frozen=True, slots=True)
class Record:
    """What a stage publishes. `key` is the article id, so that its revisions stay in order."""

    key: str
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A record as read back: where it stands in the log, and when it was appended (UTC)."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, bytes]
    appended: datetime


class Subscription(Protocol):
    """One group member's reading position in a topic; used by one thread."""

    def poll(self, max_records: int, timeout: float) -> Sequence[Delivery]:
        """The next records, at most `max_records`, after at most `timeout` seconds; may be empty.

        Raises BusUnavailable.
        """
        ...

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Mark these, and all before them in their partitions, as done for the group.

        Raises BusUnavailable: then they may be delivered again.
        """
        ...

    def rewind(self) -> None:
        """Go back to the group's last commit: what was polled since is delivered again."""
        ...

    def close(self) -> None:
        """Leave the group, without committing."""
        ...


class Bus(Protocol):
    """Used from any thread."""

    def prepare(self) -> list[str]:
        """Create or verify the topics of the flow; gives a line on each thing that it did or found.

        Harmless while others are at work. Raises ConfigError where it can't be made right."""
        ...

    def check(self) -> None:
        """Raises ConfigError, saying what to do, where `prepare` has still to be called, or where
        the bus can't be used as it is set. An embedded bus prepares itself."""
        ...

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Append the records, in order; they are durable when this returns.

        Raises OversizedRecord before anything is appended, BusUnavailable otherwise.
        """
        ...

    def subscribe(self, topic: str, group: str) -> Subscription:
        """Join a consumer group of a topic."""
        ...

    def reset(self, topic: str, group: str, since: datetime | None = None) -> None:
        """Forget what a group has committed, so that it begins anew: at the first record appended
        at or after `since`, or at the beginning.

        Raises ConfigError while the group has members at work, BusUnavailable.
        """
        ...

    def lag(self, topic: str, group: str) -> int:
        """How many records of the topic the group hasn't committed."""
        ...

    def partitioned_state(self, topic: str, group: str) -> PartitionedState | None:
        """A keyed state that the members of a group share out among them; None on an embedded bus,
        where one process works at a time and keeps its state in a file."""
        ...

    def close(self) -> None: ...


Entry = tuple[str, bytes | None]
"""A key of a state and its value; None deletes it."""


class Changelog(Protocol):
    """One partition of a keyed state, as a compacted topic keeps it."""

    def take(self) -> Iterator[Entry]:
        """Become its one writer, and read what it has; whoever wrote before can do so no more.

        Raises BusUnavailable, PartitionLost when it isn't assigned to this process.
        """
        ...

    def read(self) -> Iterator[Entry]:
        """What it has, without becoming its writer. Raises BusUnavailable."""
        ...

    def append(self, entries: Sequence[Entry]) -> None:
        """Write these, all or none, durable on return.

        Raises PartitionLost when another process has taken it; BusUnavailable, when they may or
        may not have been written: appending them again is harmless.
        """
        ...

    def close(self) -> None: ...


class PartitionedState(Protocol):
    """A keyed state in partitions, of which each is assigned to one member of a group at a time."""

    partitions: int

    def assigned(self) -> frozenset[int]:
        """The partitions that are this process's now. Joins the group when first called; to be
        called every few seconds, as whoever stops doing so is taken for stuck."""
        ...

    def changelog(self, partition: int) -> Changelog: ...

    def close(self) -> None:
        """Leave the group."""
        ...


MAX_RECORD_BYTES = 4 * 1024 * 1024
"""The largest value that a bus carries, unless set otherwise; the same on every backend."""


def refuse_oversized(records: Sequence[Record], max_record_bytes: int) -> None:
    """Raise OversizedRecord for the first record over the limit."""
    for record in records:
        if len(record.value) > max_record_bytes:
            raise OversizedRecord(
                f"{record.key}: {len(record.value):,} bytes, but the bus carries at most "
                f"{max_record_bytes:,}"
            )
