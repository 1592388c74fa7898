"""The last step of a poll: publish what its plan holds, then settle the plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from collectors.feedstate import FeedState
from collectors.plan import Plan, PlannedRecord
from detente.bus.base import MAX_RECORD_BYTES, Bus, Record
from detente.deadletters import dead_letter
from detente.errors import OversizedRecord
from detente.flow import COLLECTED, dead_letter_topic

_DEAD_BYTES = (MAX_RECORD_BYTES // 2, 100_000, 0)
"""How much of an oversized message its dead letter keeps (headers need room, too): the most that
the bus carries. A letter that it refused would hold up every plan behind it for ever."""


def deliver(bus: Bus, state: FeedState, plan: Plan) -> dict[str, str]:
    """Publish, then settle: the feed advances only over what the bus acknowledged.

    Gives the reasons of what had to be parked as dead letters, by article id. Raises BusUnavailable
    or StoreUnavailable: then the plan is still held, and delivering it again is harmless.
    """
    dead = _publish(bus, plan.records)
    state.settle(plan)
    return dead


def _publish(bus: Bus, planned: Sequence[PlannedRecord]) -> dict[str, str]:
    records = [Record(record.key, record.value) for record in planned]
    if not records:
        return {}
    try:
        bus.publish(COLLECTED, records)
    except OversizedRecord:
        # Refused as a whole, before anything was appended: find out which ones.
        return _publish_singly(bus, records)
    return {}


def _publish_singly(bus: Bus, records: Sequence[Record]) -> dict[str, str]:
    dead: dict[str, str] = {}
    for record in records:
        try:
            bus.publish(COLLECTED, [record])
        except OversizedRecord as error:
            _park(bus, record, error.reason)
            dead[record.key] = error.reason
    return dead


def _park(bus: Bus, record: Record, reason: str) -> None:
    now = datetime.now(UTC)
    for kept in _DEAD_BYTES:
        letter = dead_letter(
            record, topic=COLLECTED, stage="collectors", reason=reason, now=now, max_bytes=kept
        )
        try:
            bus.publish(dead_letter_topic(COLLECTED), [letter])
        except OversizedRecord:
            if kept == 0:
                raise
        else:
            return
