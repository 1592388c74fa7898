"""When a feed publishes, and how often it is asked for it."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.rhythm import PRIOR_ENTRIES, PRIOR_SECONDS, Rhythm, first_rhythm, rate, seen
from collectors.schedule import EXPONENT, USUAL_RATE, usual_wait
from detente.settings import CollectorSettings

SETTINGS = CollectorSettings()
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR = 86_400.0, 3_600.0


def epoch(days: float, hours: float = 0.0) -> float:
    return (MONDAY + timedelta(days=days, hours=hours)).timestamp()


def watched(weeks: int, publishes: dict[tuple[int, int], int]) -> Rhythm:
    """Polled every hour; publishes so many entries at (weekday, hour), each week."""
    rhythm = Rhythm(epoch(0))
    for hour in range(1, weeks * 7 * 24 + 1):
        at = MONDAY + timedelta(hours=hour)
        rhythm = seen(rhythm, publishes.get((at.weekday(), at.hour), 0), at.timestamp())
    return rhythm


def test_an_unknown_feed_is_taken_to_publish_now_and_then() -> None:
    assert rate(Rhythm(epoch(0)), epoch(0)) == pytest.approx(PRIOR_ENTRIES / PRIOR_SECONDS)


def test_the_hour_and_the_weekday_are_learnt() -> None:
    rhythm = watched(6, {(day, 9): 4 for day in range(5)})
    nine, midnight, saturday = epoch(44, 9), epoch(44, 23), epoch(47, 9)
    assert rate(rhythm, nine) > 5 * rate(rhythm, midnight)
    assert rate(rhythm, nine) > 1.5 * rate(rhythm, saturday)
    mean = sum(rate(rhythm, epoch(42 + day, hour)) for day in range(7) for hour in range(24))
    assert mean / (7 * 24) == pytest.approx(20 / (7 * DAY), rel=0.2)


def test_what_was_seen_fades() -> None:
    busy = watched(3, {(day, 9): 24 for day in range(7)})
    quiet = busy
    for day in range(21, 21 + 84):
        quiet = seen(quiet, 0, epoch(day + 1))
    assert rate(quiet, epoch(105, 9)) < rate(busy, epoch(21, 9)) / 5


def test_a_burst_is_followed_at_once_and_soon_over() -> None:
    rhythm = watched(3, {(day, 9): 1 for day in range(7)})
    now = epoch(21, 15)
    hot = seen(seen(rhythm, 2, now), 2, now + 600)
    assert rate(hot, now + 600) > 20 * rate(rhythm, now)
    assert rate(hot, now + 3 * HOUR) < 3 * rate(rhythm, now + 3 * HOUR)
    # One entry more is no burst.
    assert rate(seen(rhythm, 1, now), now) < 3 * rate(rhythm, now)


def test_a_first_document_tells_the_rhythm_by_its_dates() -> None:
    now = epoch(14, 12)
    daily = first_rhythm([epoch(day, 8) for day in range(14)], now)
    assert sum(daily.hours) == pytest.approx(daily.hours[8])
    assert rate(daily, epoch(15, 8)) == pytest.approx(1 / DAY * 8, rel=0.6)
    # Neither what is old nor what is yet to come counts; nor does a document without dates.
    assert first_rhythm([epoch(-400), epoch(99)], now) == first_rhythm([], now) == Rhythm(now)


def test_the_state_of_a_feed_keeps_it() -> None:
    rhythm = watched(1, {(3, 3): 2})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(rhythm), type=Rhythm) == rhythm
    assert len(msgspec.msgpack.encode(rhythm)) < 400


@given(
    polls=st.lists(st.tuples(st.floats(-DAY, 40 * DAY), st.integers(0, 10_000)), max_size=30),
    later=st.floats(0, 400 * DAY),
)
def test_the_wait_stays_within_its_bounds(polls: list[tuple[float, int]], later: float) -> None:
    """Also by a clock that is put back."""
    now = epoch(0)
    rhythm = Rhythm(now)
    for passed, new in polls:
        now += passed
        rhythm = seen(rhythm, new, now)
    assert rate(rhythm, now + later) > 0
    wait = usual_wait(SETTINGS, rhythm, datetime.fromtimestamp(now + later, UTC))
    assert SETTINGS.shortest_interval <= wait <= SETTINGS.longest_interval


def test_the_usual_feed_is_asked_at_the_interval() -> None:
    assert usual_wait(SETTINGS, None, MONDAY) == SETTINGS.interval
    hourly = watched(12, {(day, hour): 1 for day in range(7) for hour in range(24)})
    for hour in range(24):
        wait = usual_wait(SETTINGS, hourly, MONDAY + timedelta(days=84, hours=hour))
        # So much as seven entries a day are to twenty-four.
        assert wait == pytest.approx(SETTINGS.interval * (7 / 24) ** EXPONENT, rel=0.1)
    assert USUAL_RATE == 7 / DAY


def test_for_as_many_requests_articles_arrive_sooner_than_at_a_fixed_interval() -> None:
    """Feeds of very different rates, each with a peak at some hour, over three weeks."""
    dice = random.Random(7)
    asked = fixed_delay = delay = published = 0.0
    for _ in range(60):
        daily, peak = math.exp(dice.gauss(math.log(4), 1.3)), dice.randrange(24)
        of_day = [round(daily * (1.2 if day % 7 < 5 else 0.5)) for day in range(21)]
        weights = [max(0.05, math.cos((hour - peak) / 12 * math.pi)) for hour in range(24)]
        entries = [
            day * DAY + hour * HOUR + dice.random() * HOUR
            for day in range(21)
            for hour in dice.choices(range(24), weights, k=of_day[day])
        ]
        entries.sort()
        rhythm, at, place = Rhythm(epoch(0)), dice.random() * 600, 0
        while at < 21 * DAY:
            found = place
            while found < len(entries) and entries[found] <= at:
                found += 1
            if at > 10 * DAY:
                asked += 1
                published += found - place
                delay += sum(at - entry for entry in entries[place:found])
                fixed_delay += sum(-entry % 600 for entry in entries[place:found])
            rhythm, place = seen(rhythm, found - place, epoch(0) + at), found
            at += usual_wait(SETTINGS, rhythm, datetime.fromtimestamp(epoch(0) + at, UTC))
    assert asked <= 60 * 11 * DAY / 600
    assert delay / published < 0.7 * fixed_delay / published
