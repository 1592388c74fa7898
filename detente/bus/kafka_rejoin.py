"""A fault of kafka-python 3.0 (seen in 3.0.12) put right from outside.

Joining a group goes on while nobody polls, but its end is only taken in by a poll that waits for
it just then. When it ends between two polls, the next one throws the result away: it joins anew
(and so has the whole group rebalance again, perhaps for ever), or, as the group's leader, it takes
itself for joined, has no partitions and sends no heartbeats.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka.future import Future


def keep_joins(consumer: KafkaConsumer) -> None:
    """Have this consumer's polls take in a join that has ended before they began."""
    coordinator = consumer._coordinator
    asked = coordinator.need_rejoin

    def need_rejoin() -> bool:
        ended = coordinator._join_task
        if ended is None:
            needed: bool = asked()
            return needed
        if ended.is_done:
            # The same result once more, as of a join that is just about to end: that is waited for.
            coordinator._join_task = _again(ended, coordinator._manager)
        return True

    coordinator.need_rejoin = need_rejoin


def _again(ended: Future, manager: Any) -> Future:
    again = Future()

    def end() -> None:
        if ended.failed():
            again.failure(ended.exception)
        else:
            again.success(ended.value)

    manager.call_soon(end)
    return again
