"""Turns, bursts and first mentions; the expected probabilities are SciPy's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from detente.alerts.meaning import (
    BURST_WINDOW,
    DAY,
    FIRST_AFTER,
    has_shifted,
    is_burst,
    is_first,
    is_silent,
    poisson_tail,
    rank_sum,
)
from detente.alerts.stage import Alerts
from detente.alerts.state import AlertState
from detente.alerts.subscription import Subscription
from detente.article import AssessedArticle, Dyad
from tests.test_detente_alerts_stage import SIDES, Clock, article

FRIENDLY = [0.5, 0.5, 0.7, -0.1, 0.9]
HOSTILE = [-0.6, -0.5, -0.5, 0.1, -0.2, -0.9, 0.5, -0.4, -0.3, -0.8]


def test_the_rank_sum_test() -> None:
    assert rank_sum(FRIENDLY, HOSTILE) == pytest.approx(0.008168219098263277)
    assert rank_sum(HOSTILE, FRIENDLY) == pytest.approx(0.008168219098263277)
    assert rank_sum([0.1] * 5, [0.1] * 9) == 1.0
    assert rank_sum([], [0.1]) == 1.0


def test_the_tail_of_a_poisson_distribution() -> None:
    assert poisson_tail(4, 0.3) == pytest.approx(0.0002658111900217398)
    assert poisson_tail(20, 5.0) == pytest.approx(3.4521358e-07, rel=1e-3)
    assert (poisson_tail(0, 3.0), poisson_tail(1, 0.0)) == (1.0, 0.0)


def test_a_shift_needs_enough_stories_a_low_probability_and_some_size() -> None:
    assert has_shifted(FRIENDLY, HOSTILE)
    assert not has_shifted(FRIENDLY[:4], HOSTILE)
    assert not has_shifted(FRIENDLY, HOSTILE[:9])
    assert not has_shifted([0.11] * 20, [0.1] * 40), "certain, and too small to tell"
    assert not has_shifted([0.9, -0.9, 0.4, -0.5, 0.1], [0.0, 0.3, -0.3] * 4)


def test_a_burst_is_more_than_chance_explains() -> None:
    now = 100 * DAY
    often = [now - DAY * n / 4 for n in range(4, 48)]
    assert not is_burst(now, [*often, *[now - 60.0 * n for n in range(4)]])
    seldom = [now - 3 * DAY, now - 9 * DAY]
    assert is_burst(now, [*seldom, *[now - 60.0 * n for n in range(4)]])
    assert not is_burst(now, [*seldom, *[now - 60.0 * n for n in range(3)]])
    assert not is_burst(now, [now - BURST_WINDOW - n for n in range(9)])


def test_a_first_mention_comes_after_long() -> None:
    assert is_first(1.0, None)
    assert is_first(FIRST_AFTER + 5.0, 5.0)
    assert not is_first(FIRST_AFTER, 5.0)


def test_silence_is_longer_than_chance_explains() -> None:
    daily = [float(DAY) * n for n in range(1, 13)]
    last = daily[-1]
    assert not is_silent(last + 9 * DAY, daily)
    assert is_silent(last + 11 * DAY, daily)
    hourly = [3_600.0 * n for n in range(200)]
    assert not is_silent(hourly[-1] + 0.9 * DAY, hourly), "a day at least"
    assert is_silent(hourly[-1] + 1.1 * DAY, hourly)
    assert not is_silent(100 * DAY, [])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[AlertState]:
    state = AlertState(f"sqlite:///{tmp_path}/alerts.sqlite")
    yield state
    state.close()


def scored(id: str, title: str, score: float, hours: float) -> AssessedArticle:
    made = article(id, title, hours=hours)
    label = "cooperative" if score > 0 else "adversarial"
    dyad = Dyad(holder="RUS", target="USA", label=label, score=score, sentences=1)
    assessment = msgspec.structs.replace(made.assessment, dyads=(dyad,))
    return msgspec.structs.replace(made, assessment=assessment)


SUBJECTS = (
    "embassy roofs repaired in Yekaterinburg",
    "wheat tariffs reviewed by Duma committee",
    "satellite docking delayed near Baikonur",
    "icebreaker seized off Murmansk harbour",
    "uranium licences debated in Senate chamber",
    "ballet troupe refused entry at Newark",
    "hockey players interviewed about passports",
    "adoption law challenged before Strasbourg judges",
    "pipeline insurers sued by Houston traders",
    "veterans' letters exchanged over Arctic convoys",
    "chess federation quarrels over Elista money",
    "vaccine shipments inspected by customs officers",
    "telescope funding frozen until autumn",
    "whale research vessel turned away from Vladivostok",
    "film festival juror loses accreditation",
    "aluminium smelter shares change hands",
    "bishops meet over a burnt monastery",
    "wildfire smoke crosses Bering strait",
)


def test_a_turn_in_tone_is_told_once_with_its_test(state: AlertState) -> None:
    tone = Subscription(
        id="tone", kind="shift", dyad="RUS>USA", query="relevance:core", to=("desk",)
    )
    clock = Clock(article("x", "x").article.first_seen.timestamp() - 60)
    stage = Alerts(state, [tone], SIDES, clock=clock)
    start = clock.now
    for number, subject in enumerate(SUBJECTS):
        # One a day for twelve days, then six in a day.
        hours = 24.0 * number if number < 12 else 24.0 * 13 + number
        clock.now = start + hours * 3_600 + 60
        score = -0.5 + 0.02 * number if number < 12 else 0.6
        stage.handle([scored(f"a{number}", subject, score, hours)])
    [told] = [one.alert for one in state.told("tone")]
    assert told.note.startswith("RUS>USA has turned friendlier: +0.60 over 5 stories of two days")
    assert "rank-sum test, p = 0.00" in told.note
    assert len(state.outbox()) == 1


def test_a_burst_is_told_once_a_day(state: AlertState) -> None:
    burst = Subscription(id="burst", kind="burst", query="length:>0", to=("desk",))
    clock = Clock(article("x", "x").article.first_seen.timestamp() - 60)
    stage = Alerts(state, [burst], SIDES, clock=clock)
    for number, subject in enumerate(SUBJECTS[:6]):
        clock.now += 120
        stage.handle([article(f"a{number}", subject)])
    [told] = [one.alert for one in state.told("burst")]
    assert told.note == "burst: 4 stories in 6 hours"


def test_a_first_mention_is_told_and_the_next_one_is_not(state: AlertState) -> None:
    first = Subscription(id="whales", kind="first", query="whale", to=("desk",))
    clock = Clock(article("x", "x").article.first_seen.timestamp() - 60)
    stage = Alerts(state, [first], SIDES, clock=clock)
    stage.handle([article("a1", SUBJECTS[13])])
    clock.now += 10 * DAY
    stage.handle([article("a2", "Another whale, off Anadyr", hours=240)])
    assert [told.alert.article for told in state.told("whales")] == ["a1"]
    clock.now += FIRST_AFTER + DAY
    state.forget_traits(clock.now)
    stage.handle([article("a3", "Whale hunters fined", hours=240 + 24 * 91)])
    assert [told.alert.article for told in state.told("whales")] == ["a3", "a1"]


def test_a_source_that_falls_silent_is_told_once(state: AlertState) -> None:
    quiet = Subscription(
        id="quiet", kind="silence", query="source:sample.example", to=("desk",), name="The Sample"
    )
    clock = Clock(article("x", "x").article.first_seen.timestamp() - 60)
    told: list[int] = []
    stage = Alerts(state, [quiet], SIDES, clock=clock, on_told=lambda: told.append(1))
    for number in range(24):
        clock.now += 3_600
        stage.handle([article(f"a{number}", f"Envoys meet, hour {number}", hours=number)])
        stage.look()
    assert state.told("quiet") == []
    for _ in range(3):
        clock.now += 0.7 * DAY
        stage.look()
    [alert] = [one.alert for one in state.told("quiet")]
    assert alert.note.startswith("The Sample: nothing since 2026-03-02")
    assert told == [1]
