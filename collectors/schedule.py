"""When a feed is polled next, as a pure function of what happened."""

from __future__ import annotations

from datetime import datetime, timedelta

from collectors.catalog import Feed
from collectors.politeness import MAX_RETRY_AFTER
from collectors.status import PollState
from detente.settings import CollectorSettings

GONE_INTERVAL = 30 * 86_400.0
"""A publisher who says 410 is believed, but asked again every month."""

_JITTER = 0.1
"""Spreads feeds that would otherwise come back at the same moment, as a part of the wait."""


def next_poll(
    feed: Feed,
    settings: CollectorSettings,
    *,
    now: datetime,
    state: PollState,
    failures: int,
    hints: tuple[float | None, ...] = (),
    retry_after: float | None = None,
    jitter: float = 0.0,
) -> datetime:
    """The instant of the next poll.

    `failures` counts those in a row, this one included: the wait grows with it. `hints` are waits
    in seconds that the server or the feed asks for; they bind only a feed whose catalogue entry
    names no interval. `retry_after` always binds. `jitter` is a random number in 0…1.
    """
    if state is PollState.GONE:
        return now + timedelta(seconds=GONE_INTERVAL)
    if feed.interval is not None:
        wait = feed.interval
    else:
        wait = max(settings.interval, *(hint or 0.0 for hint in hints), 0.0)
        wait *= 1 + _JITTER * jitter
    ceiling = max(settings.max_interval, feed.interval or settings.interval)
    wait = min(wait * (failures + 1), ceiling)
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_RETRY_AFTER) * (1 + _JITTER * jitter))
    return now + timedelta(seconds=wait)
