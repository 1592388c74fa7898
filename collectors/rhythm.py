"""When a feed publishes, learnt from its polls: it is asked when something is likely to be new.

Kept small and forgetful, in each feed's row: how many new entries came in how long, by hour and by
weekday, older weeks counting less; and how many came just now.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

HALF_LIFE: Final = 21 * 86_400.0
"""Seconds after which what was seen counts half: three weeks tell a weekday from chance."""

BURST_HALF_LIFE: Final = 1_800.0
"""The same for what came just now."""

BURST: Final = 2.0
"""So many entries within about the last hour are more than chance."""

PRIOR_ENTRIES: Final = 1.0
PRIOR_SECONDS: Final = 4 * 3_600.0
"""A feed of which nothing is known is taken to publish once in four hours."""

_HOUR_PRIOR: Final = 12.0
_DAY_PRIOR: Final = 14.0
"""So many entries' worth of evenness over the hours, and over the week."""


class Rhythm(msgspec.Struct, frozen=True, array_like=True):
    """What was seen until `at` (epoch): new entries by hour of the day (UTC) and by weekday (Monday
    first), in so many seconds `watched`, all of them fading; `burst` counts those of just now."""

    at: float
    watched: float = 0.0
    hours: tuple[float, ...] = (0.0,) * 24
    days: tuple[float, ...] = (0.0,) * 7
    burst: float = 0.0


def first_rhythm(published: Iterable[float], now: float) -> Rhythm:
    """What a feed's first document tells: when its entries were published (epochs)."""
    recent = sorted(at for at in published if now - HALF_LIFE < at <= now)
    rhythm = Rhythm(recent[0] if recent else now)
    for at in recent:
        rhythm = seen(rhythm, 1, at)
    return seen(rhythm, 0, now)


def seen(rhythm: Rhythm, new: int, now: float) -> Rhythm:
    """The rhythm after a poll that found so many new entries; a clock put back adds nothing."""
    passed = max(0.0, now - rhythm.at)
    faded = 0.5 ** (passed / HALF_LIFE)
    when = datetime.fromtimestamp(now, UTC)
    return Rhythm(
        at=max(now, rhythm.at),
        watched=rhythm.watched * faded + passed,
        hours=_added(rhythm.hours, faded, when.hour, new),
        days=_added(rhythm.days, faded, when.weekday(), new),
        burst=rhythm.burst * 0.5 ** (passed / BURST_HALF_LIFE) + new,
    )


def a_day(rhythm: Rhythm, silent: float = 0.0) -> float:
    """How many entries the feed has a day, but for the last `silent` seconds, without any."""
    return sum(rhythm.hours) / max(rhythm.watched - silent, 1.0) * 86_400.0


def rate(rhythm: Rhythm, at: float) -> float:
    """How many new entries a second are to be expected at an instant (epoch)."""
    return max(_usual(rhythm, at), _just_now(rhythm, at))


def _usual(rhythm: Rhythm, at: float) -> float:
    when = datetime.fromtimestamp(at, UTC)
    total = sum(rhythm.hours)
    mean = (total + PRIOR_ENTRIES) / (rhythm.watched + PRIOR_SECONDS)
    hours = rhythm.hours
    # News keeps no full hours: the neighbours count half.
    around = (hours[when.hour - 1] + 2 * hours[when.hour] + hours[(when.hour + 1) % 24]) / 4
    of_hour = (around * 24 + _HOUR_PRIOR) / (total + _HOUR_PRIOR)
    of_day = (rhythm.days[when.weekday()] * 7 + _DAY_PRIOR) / (total + _DAY_PRIOR)
    return mean * of_hour * of_day


def _just_now(rhythm: Rhythm, at: float) -> float:
    burst = rhythm.burst * 0.5 ** (max(0.0, at - rhythm.at) / BURST_HALF_LIFE)
    return burst * math.log(2) / BURST_HALF_LIFE if burst >= BURST else 0.0


def _added(counts: Sequence[float], faded: float, place: int, new: int) -> tuple[float, ...]:
    return tuple(
        count * faded + (new if number == place else 0) for number, count in enumerate(counts)
    )
