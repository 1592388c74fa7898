"""The field table: which documents conform, and every problem of those that don't."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.document import article_document
from detente.store.fields import (
    BY_NAME,
    FIELDS,
    MAX_KEYWORD,
    Kind,
    date_text,
    normalised,
    problems,
)
from tests.articles import assessed

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""


def document(**changes: Any) -> dict[str, Any]:
    return {**article_document(assessed(), ("USA", "RUS")), **changes}


def test_a_document_as_it_should_be() -> None:
    assert problems(document()) == []
    assert problems(document(authors=None, published="2026-03-01T12:00:00+03:00")) == []
    assert problems(document(url="x" * MAX_KEYWORD, revision=2**63 - 1)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"surprise": 1}, "surprise: no such field"),
        ({"id": None}, "id: missing"),
        ({"id": 5}, "id: int where a keyword belongs"),
        ({"revision": "1"}, "revision: str where a long belongs"),
        ({"revision": True}, "revision: bool where a long belongs"),
        ({"revision": 1.5}, "revision: float where a long belongs"),
        ({"revision": 2**63}, "revision: 9,223,372,036,854,775,808 is too large"),
        ({"relevance_score": "high"}, "relevance_score: str where a double belongs"),
        ({"relevance_score": float("nan")}, "relevance_score: nan is no number"),
        ({"relevance_score": float("inf")}, "relevance_score: inf is no number"),
        ({"title": b"x"}, "title: bytes where a text belongs"),
        ({"published_claim": 5}, "published_claim: int where a stored belongs"),
        ({"authors": "one"}, "authors: str where a keywords belongs"),
        ({"authors": ["one", None]}, "authors[1]: NoneType where a keyword belongs"),
        (
            {"authors": ["x" * (MAX_KEYWORD + 1)]},
            "authors[0]: 8,001 characters, at most 8,000 can be searched",
        ),
        ({"url": "x" * (MAX_KEYWORD + 1)}, "url: 8,001 characters"),
        ({"first_seen": "soon"}, "first_seen: 'soon' is no date"),
        ({"first_seen": 5}, "first_seen: int where a date belongs"),
        ({"first_seen": datetime(2026, 3, 1)}, "first_seen: 2026-03-01 00:00:00 has no time zone"),  # noqa: DTZ001
        ({"first_seen": "2026-03-01"}, "first_seen: 2026-03-01 has no time zone"),
        ({"dyads": {}}, "dyads: dict where a nested belongs"),
        ({"dyads": ["x"]}, "dyads[0]: str where an object belongs"),
        ({"dyads": [None]}, "dyads[0]: NoneType where an object belongs"),
    ],
)
def test_each_problem_names_its_field(change: dict[str, Any], said: str) -> None:
    (found,) = problems(document(**change))
    assert found.startswith(said)


def test_problems_within_a_list_name_their_place() -> None:
    stance = document()["stances"][0]
    wrong = [stance, {**stance, "score": "x", "mood": 1}, {**stance, "text": None}]
    assert problems(document(stances=wrong)) == [
        "stances[1].mood: no such field",
        "stances[1].score: str where a double belongs",
        "stances[2].text: missing",
    ]


def test_every_problem_at_once() -> None:
    found = problems({"surprise": 1, "revision": "1", "authors": [1, 2]})
    assert len(found) == 4 + sum(field.needed for field in FIELDS) - 1
    assert problems({})[0] == "id: missing"


def test_normalised_has_dates_in_utc_and_no_nulls() -> None:
    there = datetime(2026, 3, 1, 15, tzinfo=timezone(timedelta(hours=3)))
    clean = normalised(document(published=there, country=None, first_seen="2026-03-01T12:00:00Z"))
    assert clean["published"] == clean["first_seen"] == "2026-03-01T12:00:00.000Z"
    assert "country" not in clean
    assert problems(clean) == []


@STEADY
@given(
    st.datetimes(datetime(2, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_dates_are_ordered_as_texts_as_they_are_in_time(one: datetime, other: datetime) -> None:
    """Also before the year 1000, which a publisher's typing error can claim."""
    assert (date_text(one) < date_text(other)) == (one < other)
    assert date_text(date_text(one)) == date_text(one)
    assert len(date_text(one)) == len("2026-03-01T12:00:00.000Z")


def test_names_are_unique_and_lists_of_objects_have_fields() -> None:
    assert len(BY_NAME) == len(FIELDS)
    assert all(bool(field.fields) == (field.kind is Kind.NESTED) for field in FIELDS)
