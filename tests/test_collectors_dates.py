"""Publishers' dates: what they claim, and whether to believe it."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dates import EARLIEST, FUTURE, feed_date, iso_date
from collectors.entry import ClaimedDate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def claimed(text: str) -> ClaimedDate:
    """As a feed's pubDate."""
    body = f'<rss version="2.0"><channel><item><pubDate>{text}</pubDate></item></channel></rss>'
    (entry,) = feedparser.parse(io.BytesIO(body.encode())).entries
    return feed_date(text, dict.get(entry, "published_parsed"), NOW)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Sat, 28 Feb 2026 10:00:00 GMT", "2026-02-28T10:00:00+00:00"),
        ("Sat, 28 Feb 2026 10:00:00 +0300", "2026-02-28T07:00:00+00:00"),
        ("Sat, 28 Feb 2026 10:00:00 EST", "2026-02-28T15:00:00+00:00"),
        ("Sat, 28 Feb 2026 10:00:00 MSK", "2026-02-28T07:00:00+00:00"),
        ("28 Feb 26 10:00:00 GMT", "2026-02-28T10:00:00+00:00"),
        ("2026-02-28T10:00:00Z", "2026-02-28T10:00:00+00:00"),
        ("2026-02-28T10:00:00.123+03:00", "2026-02-28T07:00:00"),
    ],
)
def test_dates_that_can_be_believed(text: str, instant: str) -> None:
    found = claimed(text)
    assert (found.quality, found.claim) == ("claimed", text)
    assert found.instant is not None
    assert found.instant.isoformat().startswith(instant.removesuffix("+00:00"))
    assert found.instant.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("the day before yesterday", "unparsable"),
        ("31/13/2026 25:61", "unparsable"),
        ("2016/6/29 15:07", "unparsable"),
        ("1772359200", "unparsable"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "implausible"),
        ("Sun, 01 Mar 2037 10:00:00 GMT", "future"),
        ("Tue, 03 Mar 2026 10:00:00 GMT", "future"),
    ],
)
def test_dates_that_cant(text: str, quality: str) -> None:
    found = claimed(text)
    assert (found.quality, found.instant, found.claim) == (quality, None, text)


def test_no_date_is_missing_and_never_now() -> None:
    assert feed_date("", None, NOW) == ClaimedDate(None, None, "missing")
    assert iso_date(None, NOW) == ClaimedDate(None, None, "missing")


def test_a_little_ahead_is_a_clock_and_a_zone() -> None:
    assert claimed("Mon, 02 Mar 2026 10:00:00 GMT").quality == "claimed"


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("2026-02-28T10:00:00Z", "claimed"),
        ("2026-02-28", "claimed"),
        ("2026-02-28T10:00:00", "claimed"),
        ("Sat, 28 Feb 2026 10:00:00 GMT", "unparsable"),
        ("0001-01-01T00:00:00+14:00", "implausible"),
        ("2026-02-31", "unparsable"),
        ("soon", "unparsable"),
    ],
)
def test_dates_of_json_feeds(text: str, quality: str) -> None:
    assert iso_date(text, NOW).quality == quality


def test_a_claim_is_kept_but_not_at_any_length() -> None:
    assert len(iso_date("x" * 10_000, NOW).claim or "") <= 200


@pytest.mark.parametrize(
    "text", ["Sat, 28 Feb 2026 10:00 PM", "Feb 28, 2026 9:15 p.m.", "2/28/2026 10:00:00 AM"]
)
def test_hours_by_halves_of_the_day_are_not_misread(text: str) -> None:
    """The parsers drop the PM: better unparsable than half a day off."""
    assert claimed(text).quality == "unparsable"


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]+ \d+ [\d:]+ \S+"))
def test_any_claim_is_a_date_that_can_be_believed_or_none(text: str) -> None:
    for found in (feed_date(text, None, NOW), iso_date(text, NOW)):
        assert (found.instant is None) == (found.quality != "claimed")
        if found.instant:
            assert EARLIEST <= found.instant <= NOW + FUTURE
            assert found.instant.tzinfo is UTC


@given(st.tuples(*[st.integers(-(10**6), 10**6)] * 9))
def test_whatever_the_parser_makes_of_a_claim(parsed: tuple[int, ...]) -> None:
    found = feed_date("some day", time.struct_time(parsed), NOW)
    assert (found.instant is None) == (found.quality != "claimed")
