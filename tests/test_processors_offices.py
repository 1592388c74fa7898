"""An office next to a side's name means its holder of the day, where that is certain."""

from __future__ import annotations

from datetime import date

import pytest

from detente.watch import load_watch
from processors.actors import ActorMatcher
from processors.offices import OfficeFinder

WATCH = load_watch("usa-rus")
MATCHER, OFFICES = ActorMatcher(WATCH), OfficeFinder(WATCH)


def actors(text: str, day: date | None) -> list[str]:
    found = OFFICES.with_offices(text, MATCHER.mentions(text), day)
    assert all(text[one.start : one.end].strip() for one in found)
    return [one.actor for one in found if one.actor]


@pytest.mark.parametrize(
    ("day", "secretary", "president"),
    [
        (date(2003, 5, 1), "colin-powell", "george-w-bush"),
        (date(2016, 9, 9), "john-kerry", "barack-obama"),
        (date(2018, 7, 16), "mike-pompeo", "donald-trump"),
        (date(2022, 1, 21), "antony-blinken", "joe-biden"),
        (date(2025, 8, 15), "marco-rubio", "donald-trump"),
    ],
)
def test_who_held_it_that_day(day: date, secretary: str, president: str) -> None:
    text = "The U.S. secretary of state spoke. Later America's president called him."
    assert actors(text, day) == [secretary, president]


def test_between_two_holders_and_without_a_day_it_is_no_person() -> None:
    text = "The U.S. secretary of state and the U.S. president spoke."
    assert actors(text, date(2018, 4, 10)) == ["us-state-department", "donald-trump"]
    assert actors(text, None) == ["us-state-department"]
    # Another one was president then, whom the watch knows in a later office.
    assert actors("The Russian president spoke.", date(2010, 1, 1)) == []
    assert actors("The Russian president spoke.", date(2014, 1, 1)) == ["vladimir-putin"]


@pytest.mark.parametrize(
    "text",
    [
        "A former U.S. president spoke.",
        "The then-Russian president spoke.",
        "The Russian president-elect spoke.",
        "Russian President Ivan Petrov spoke.",
        "The president spoke.",
        "The Russian presidential office spoke.",
        "Any American president would have been there.",
    ],
)
def test_where_it_is_not_certain_it_is_nobody(text: str) -> None:
    assert actors(text, date(2016, 9, 9)) == []


def test_a_name_beside_it_says_who() -> None:
    text = "Russian President Boris Yeltsin and the Russian foreign minister spoke."
    assert actors(text, date(2016, 9, 9)) == ["boris-yeltsin", "sergei-lavrov"]
    text = "Russian Foreign Minister Sergei Lavrov spoke."
    assert actors(text, date(2016, 9, 9))[-1] == "sergei-lavrov"
