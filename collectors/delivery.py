"""The last step of a poll: publish what its plan holds, then settle the plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from collectors.feedstate import FeedState
from collectors.plan import Plan, PlannedRecord
from detente.bus.base import Bus, Record
from detente.deadletters import park
from detente.errors import OversizedRecord
from detente.flow import COLLECTED


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
            park(
                bus,
                record,
                topic=COLLECTED,
                stage="collectors",
                reason=error.reason,
                now=datetime.now(UTC),
            )
            dead[record.key] = error.reason
    return dead
