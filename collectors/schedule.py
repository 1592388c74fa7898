"""When a feed is polled next, as a pure function of what happened."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from collectors.catalog import Feed
from collectors.politeness import MAX_RETRY_AFTER
from collectors.rhythm import Rhythm, rate
from collectors.status import PollState
from detente.settings import CollectorSettings

GONE_INTERVAL = 30 * 86_400.0
"""A publisher who says 410 is believed, but asked again every month."""

USUAL_RATE = 7 / 86_400.0
"""New entries a second of the feed that is asked at the interval of the settings."""

EXPONENT = 0.4
"""A wait goes with the rate to minus this power. 0.5 gives the least mean delay of an article for a
number of requests: with rates λ and waits w, Σ λw/2 is least for a fixed Σ 1/w where w² ~ 1/λ. A
little less costs the mean next to nothing, and the rare feed's article comes a third sooner
(benchmarks/collectors.py)."""

BYTES_A_SECOND = 10_000
"""What a feed without an interval of its own may cost its publisher, and us: a document of 600 kB
that is new each time is asked for every minute at most, one of 12 MB every twenty."""

_JITTER = 0.1
"""Spreads feeds that would otherwise come back at the same moment, as a part of the wait."""


def next_poll(
    feed: Feed,
    settings: CollectorSettings,
    *,
    now: datetime,
    state: PollState,
    failures: int,
    rhythm: Rhythm | None = None,
    hints: tuple[float | None, ...] = (),
    retry_after: float | None = None,
    size: int = 0,
    jitter: float = 0.0,
) -> datetime:
    """The instant of the next poll.

    `failures` counts those in a row, this one included: the wait grows with it. A feed whose
    catalogue entry names no interval is asked by its `rhythm`, and no earlier than the `hints` say,
    waits in seconds that the server or the feed asks for, nor than the `size` (in bytes) of a new
    document allows. `retry_after` always binds. `jitter` is a random number in 0…1.
    """
    if state is PollState.GONE:
        return now + timedelta(seconds=GONE_INTERVAL)
    if feed.interval is not None:
        wait = feed.interval
    else:
        usual = usual_wait(settings, rhythm, now)
        wait = max(usual, size / BYTES_A_SECOND, *(hint or 0.0 for hint in hints))
        wait *= 1 + _JITTER * jitter
    ceiling = max(settings.max_interval, feed.interval or settings.interval)
    wait = min(wait * (failures + 1), ceiling)
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_RETRY_AFTER) * (1 + _JITTER * jitter))
    return now + timedelta(seconds=wait)


def usual_wait(settings: CollectorSettings, rhythm: Rhythm | None, now: datetime) -> float:
    """Seconds until a feed is worth asking, by when it publishes."""
    if rhythm is None:
        return settings.interval
    wait = settings.interval * math.pow(USUAL_RATE / rate(rhythm, now.timestamp()), EXPONENT)
    return min(max(wait, settings.shortest_interval), settings.longest_interval)
