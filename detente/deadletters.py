"""Dead letters: what can't be handled is parked beside its topic, with who, when, why and where.

A dead letter is the original record (its key and bytes) on `<topic>.dead`, with headers that
begin with `dead-`. A replay publishes the original onto its topic again, then marks the letter
with an empty record that names it. So the dead-letter topic is itself an append-only log, alike
on every bus, and a kill between the two steps replays twice rather than never.
"""

from __future__ import annotations

import hashlib
import os
import socket
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from detente.bus.base import MAX_RECORD_BYTES, Bus, Delivery, Record
from detente.errors import OversizedRecord
from detente.flow import DEAD_SUFFIX, TOPICS, dead_letter_topic

PREFIX = "dead-"
_READER = "dead-letters"
_PATIENCE = 10.0
"""Seconds for the first records to come: joining a group takes a while on some buses."""
_MAX_REASON = 8_000
_KEPT_BYTES = (MAX_RECORD_BYTES, MAX_RECORD_BYTES // 2, 100_000, 0)
"""How much of a record its letter keeps, the first of these that the bus takes."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One parked record. `id` is the hash of its topic, key, bytes and place, stable for good."""

    id: str
    topic: str
    key: str
    stage: str
    reason: str
    place: str
    by: str
    at: datetime
    value: bytes
    truncated_from: int | None = None
    replayed: datetime | None = None


def dead_letter(
    record: Record | Delivery,
    *,
    topic: str,
    stage: str,
    reason: str,
    now: datetime,
    error: BaseException | None = None,
    max_bytes: int | None = None,
) -> Record:
    """The record to publish on `dead_letter_topic(topic)`.

    `error` adds its traceback. A value over `max_bytes` is cut, and its full size is noted.
    """
    value = record.value
    place = (
        f"{topic}[{record.partition}]@{record.offset}" if isinstance(record, Delivery) else topic
    )
    headers = {
        "id": _id(topic, place, record),
        "topic": topic,
        "stage": stage,
        "reason": reason[:_MAX_REASON],
        "place": place,
        "by": f"{socket.gethostname()}:{os.getpid()}",
        "at": now.astimezone(UTC).isoformat(),
    }
    if error is not None:
        headers["traceback"] = "".join(traceback.format_exception(error))[-_MAX_REASON:]
    if max_bytes is not None and len(value) > max_bytes:
        headers["truncated-from"] = str(len(value))
        value = value[:max_bytes]
    encoded = {PREFIX + name: text.encode(errors="replace") for name, text in headers.items()}
    return Record(record.key, value, {**record.headers, **encoded})


def park(
    bus: Bus,
    record: Record | Delivery,
    *,
    topic: str,
    stage: str,
    reason: str,
    now: datetime,
    error: BaseException | None = None,
) -> None:
    """Publish a record of `topic` as a dead letter: whole, or the most of it that the bus carries.

    A letter that was refused would hold up all that stands behind it for ever. Raises
    BusUnavailable.
    """
    for kept in _KEPT_BYTES:
        letter = dead_letter(
            record,
            topic=topic,
            stage=stage,
            reason=reason,
            now=now,
            error=error if kept else None,
            max_bytes=kept,
        )
        try:
            bus.publish(dead_letter_topic(topic), [letter])
        except OversizedRecord:
            if kept == 0:
                raise
        else:
            return


def list_dead_letters(
    bus: Bus, topics: Sequence[str] = TOPICS, *, with_replayed: bool = False
) -> list[DeadLetter]:
    """The dead letters of these topics, oldest first; those already replayed only if asked for."""
    letters: dict[str, DeadLetter] = {}
    for topic in topics:
        for delivery in read_all(bus, dead_letter_topic(topic), _READER):
            header = {
                name: value.decode(errors="replace")
                for name, value in delivery.headers.items()
                if name.startswith(PREFIX)  # the original's own headers may be any bytes
            }
            # What another tool parked has no id of ours: its place tells it from the others.
            place = f"{delivery.topic}[{delivery.partition}]@{delivery.offset}"
            id = header[PREFIX + "id"] = header.get(PREFIX + "id") or place
            if PREFIX + "replayed" in header:
                if id in letters:
                    letters[id] = replace(letters[id], replayed=delivery.appended)
            elif id not in letters or letters[id].replayed:
                letters[id] = _from_headers(delivery, header)
    kept = [letter for letter in letters.values() if with_replayed or not letter.replayed]
    return sorted(kept, key=lambda letter: letter.at)


def replay(bus: Bus, letters: Sequence[DeadLetter]) -> int:
    """Publish the originals again and mark them; gives how many. Cut ones stay dead."""
    replayed = 0
    for letter in letters:
        if letter.truncated_from is not None:
            continue
        original = Record(letter.key, letter.value, {"replay-of": letter.id.encode()})
        bus.publish(letter.topic, [original])
        mark = {PREFIX + "id": letter.id.encode(), PREFIX + "replayed": b"1"}
        bus.publish(dead_letter_topic(letter.topic), [Record(letter.key, b"", mark)])
        replayed += 1
    return replayed


def read_all(bus: Bus, topic: str, group: str) -> Iterator[Delivery]:
    """What a topic has now, from its beginning, committing nothing."""
    reader = f"{group}-{os.getpid()}-{os.urandom(4).hex()}"
    left = bus.lag(topic, reader)
    subscription = bus.subscribe(topic, reader)
    try:
        while left > 0 and (deliveries := subscription.poll(min(left, 500), _PATIENCE)):
            left -= len(deliveries)
            yield from deliveries
    finally:
        subscription.close()


def _id(topic: str, place: str, record: Record | Delivery) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in (topic.encode(), place.encode(), record.key.encode(), record.value):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _from_headers(delivery: Delivery, header: dict[str, str]) -> DeadLetter:
    cut = header.get(PREFIX + "truncated-from", "")
    reason = header.get(PREFIX + "reason", "unknown")
    trace = header.get(PREFIX + "traceback")
    return DeadLetter(
        id=header[PREFIX + "id"],
        topic=header.get(PREFIX + "topic") or delivery.topic.removesuffix(DEAD_SUFFIX),
        key=delivery.key,
        stage=header.get(PREFIX + "stage", "unknown"),
        reason=f"{reason}\n{trace}" if trace else reason,
        place=header.get(PREFIX + "place", ""),
        by=header.get(PREFIX + "by", ""),
        at=_instant(header.get(PREFIX + "at", "")) or delivery.appended,
        value=delivery.value,
        truncated_from=int(cut) if cut.isdecimal() else None,
    )


def _instant(text: str) -> datetime | None:
    """An instant as `dead_letter` wrote it; None for what another tool may have put there, which
    mustn't hide all the letters beside it."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
