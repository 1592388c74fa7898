"""How a feed's row moves on, and when it is polled next. Values in, values out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.catalog import Feed
from collectors.entry import ClaimedDate, Entry, ParsedFeed
from collectors.fetch import Fetched, FetchFailure, NotModified, Validators
from collectors.plan import FeedRow
from collectors.politeness import MAX_RETRY_AFTER
from collectors.progress import (
    HISTORY,
    MAX_MESSAGE,
    Moment,
    after_failure,
    after_reading,
    after_unchanged,
    validators_of,
)
from collectors.rhythm import Rhythm
from collectors.schedule import GONE_INTERVAL, next_poll
from collectors.status import HEALTHY, PollState
from detente.settings import CollectorSettings

SETTINGS = CollectorSettings(interval=600, max_interval=86_400)
URL = "https://sample.example/feed"
THERE = "https://sample.example/there"
FEED = Feed(id="sample", url=URL, outlet="Sample")
MOMENT = Moment(datetime(2026, 3, 1, 12, tzinfo=UTC), 0.0)
NOW = MOMENT.now.timestamp()
ROW = FeedRow(
    feed="sample",
    address=URL,
    state=PollState.WORKING,
    since=1.0,
    polled=2.0,
    next_poll=3.0,
    last_new=2.0,
    validators_url=URL,
    etag='"1"',
    modified="Sun, 01 Mar 2026 10:00:00 GMT",
    body_hash=b"old",
)
AN_ENTRY = Entry("1", None, "Envoys meet", None, None, (), ClaimedDate())
PARSED = ParsedFeed(version="rss20", title="Sample", language="en", entries=(AN_ENTRY,))


def fetched(**changes: Any) -> Fetched:
    return Fetched(
        **{
            "url": URL,
            "body": b"x",
            "content_type": "",
            "validators": Validators(URL, '"2"'),
            **changes,
        }
    )


def failed(state: PollState, row: FeedRow = ROW, **changes: Any) -> FeedRow:
    return after_failure(row, FEED, SETTINGS, FetchFailure(state, "why", **changes), MOMENT)


def read(row: FeedRow = ROW, new: int = 0, parsed: ParsedFeed = PARSED, **changes: Any) -> FeedRow:
    return after_reading(row, FEED, SETTINGS, fetched(**changes), parsed, b"new", new, MOMENT)


def wait(row: FeedRow) -> float:
    return (row.next_poll or 0.0) - NOW


# Failures


@pytest.mark.parametrize("state", [state for state in PollState if state not in HEALTHY])
def test_failures_are_counted_but_for_a_wish_to_wait(state: PollState) -> None:
    row = failed(state)
    assert (row.state, row.message, row.since, row.polled) == (state, "why", NOW, NOW)
    assert row.failures == (state is not PollState.THROTTLED)
    again = after_failure(
        row,
        FEED,
        SETTINGS,
        FetchFailure(state, "still"),
        Moment(datetime(2026, 3, 2, tzinfo=UTC), 0.0),
    )
    assert again.since == NOW, "since when it is so"
    assert again.failures == 2 * (state is not PollState.THROTTLED)


def test_a_message_can_be_stored_and_shown_whatever_it_quotes() -> None:
    quoted = FetchFailure(PollState.REDIRECT, "to \x9b31m\x1b[31m\ud800" + "x" * 9_000)
    message = after_failure(ROW, FEED, SETTINGS, quoted, MOMENT).message
    assert message.startswith("to 31m[31m\ufffdxx")
    assert len(message) == MAX_MESSAGE


@pytest.mark.parametrize("state", [PollState.EMPTY, PollState.NOT_A_FEED, PollState.PARSE_ERROR])
def test_a_body_that_was_no_feed_is_not_hidden_by_a_304(state: PollState) -> None:
    row = failed(state)
    assert validators_of(row) is None
    assert row.body_hash is None


@pytest.mark.parametrize("state", [PollState.TIMEOUT, PollState.SERVER_ERROR, PollState.THROTTLED])
def test_a_server_that_is_away_knows_the_validators_still(state: PollState) -> None:
    assert validators_of(failed(state)) == Validators(URL, ROW.etag, ROW.modified)


@pytest.mark.parametrize(
    ("state", "stays"),
    [
        (PollState.NOT_FOUND, False),
        (PollState.GONE, False),
        (PollState.NOT_A_FEED, False),
        (PollState.DNS, False),
        (PollState.TIMEOUT, True),
        (PollState.SERVER_ERROR, True),
        (PollState.THROTTLED, True),
    ],
)
def test_a_move_that_turns_out_wrong_is_taken_back(state: PollState, stays: bool) -> None:
    row = failed(state, msgspec.structs.replace(ROW, moved_to=THERE))
    assert row.moved_to == (THERE if stays else None)
    assert row.message == ("why" if stays else f"why; {URL} is asked again")
    assert wait(row) < GONE_INTERVAL, "the address in the catalogue didn't say that it's gone"


# Answers


def test_a_304_keeps_what_it_does_not_say_anew() -> None:
    row = after_unchanged(ROW, FEED, SETTINGS, NotModified(URL, Validators(URL)), MOMENT)
    assert (row.state, row.failures, row.since) == (PollState.UNCHANGED, 0, 1.0)
    assert validators_of(row) == validators_of(ROW)
    assert row.body_hash == b"old"
    said = after_unchanged(ROW, FEED, SETTINGS, NotModified(URL, Validators(URL, '"3"')), MOMENT)
    assert validators_of(said) == Validators(URL, '"3"', None)


def test_validators_need_a_url_and_a_value() -> None:
    assert validators_of(msgspec.structs.replace(ROW, validators_url=None)) is None
    assert validators_of(msgspec.structs.replace(ROW, etag=None, modified=None)) is None


def test_a_document_that_was_read() -> None:
    row = read(failed(PollState.TIMEOUT), new=2, fresh_for=1_200.0)
    assert (row.state, row.message, row.failures) == (PollState.WORKING, "", 0)
    assert (row.last_new, row.since, row.body_hash) == (NOW, NOW, b"new")
    assert validators_of(row) == Validators(URL, '"2"')
    assert wait(row) == 1_200
    assert read(new=0).last_new == 2.0
    assert read(new=0).since == 1.0, "it worked before"


@pytest.mark.parametrize(
    ("changes", "state", "message"),
    [
        ({"cut_off": True}, PollState.TRUNCATED, "1 whole entries taken"),
        ({"entries": ()}, PollState.EMPTY, "a valid feed (rss20) without entries"),
        ({"oddity": "broken characters"}, PollState.WORKING, "mended: broken characters"),
    ],
)
def test_what_was_odd_is_said(changes: dict[str, Any], state: PollState, message: str) -> None:
    row = read(parsed=ParsedFeed(**{**_fields(PARSED), **changes}))
    assert row.state is state
    assert message in row.message
    assert (validators_of(row) is None) == (state is not PollState.WORKING)


def _fields(parsed: ParsedFeed) -> dict[str, Any]:
    return {name: getattr(parsed, name) for name in parsed.__slots__}


@pytest.mark.parametrize("unchanged", [True, False])
def test_moves(unchanged: bool) -> None:
    def after(row: FeedRow, moved_to: str | None) -> FeedRow:
        if unchanged:
            answer = NotModified(URL, Validators(URL), moved_to)
            return after_unchanged(row, FEED, SETTINGS, answer, MOMENT)
        return read(row, moved_to=moved_to)

    moved = after(ROW, THERE)
    assert (moved.state, moved.moved_to) == (PollState.MOVED, THERE)
    assert moved.message == f"answers at {THERE}; change the catalogue"
    assert after(moved, None).moved_to == THERE
    assert after(moved, f"{THERE}/2").moved_to == f"{THERE}/2"
    back = after(moved, URL)
    assert (back.state in (PollState.WORKING, PollState.UNCHANGED), back.moved_to) == (True, None)


# When


def scheduled(feed: Feed = FEED, **changes: Any) -> float:
    given_ = {"now": MOMENT.now, "state": PollState.WORKING, "failures": 0, **changes}
    return (next_poll(feed, SETTINGS, **given_) - MOMENT.now).total_seconds()


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 600),
        ({"failures": 2}, 1_800),
        ({"failures": 10**6}, 86_400),
        ({"hints": (None, 7_200.0)}, 7_200),
        ({"hints": (5.0, None)}, 600),
        ({"hints": (1e10,)}, 86_400),
        ({"size": 60_000}, 600),
        ({"size": 12_000_000}, 1_200),
        ({"retry_after": 60.0}, 600),
        ({"retry_after": 3_600.0}, 3_600),
        ({"retry_after": 1e12}, MAX_RETRY_AFTER),
        ({"jitter": 1.0}, 660),
        ({"retry_after": 3_600.0, "jitter": 1.0}, 3_960),
        ({"state": PollState.GONE}, GONE_INTERVAL),
    ],
)
def test_the_next_poll(changes: dict[str, Any], seconds: float) -> None:
    assert scheduled(**changes) == pytest.approx(seconds)


def test_the_catalogues_interval_is_exact_and_outranks_wishes_but_not_a_retry_after() -> None:
    own = Feed(id="sample", url=URL, outlet="Sample", interval=60.0)
    assert scheduled(own, hints=(7_200.0,), size=12_000_000, jitter=1.0) == 60
    assert scheduled(own, failures=3) == 240
    assert scheduled(own, retry_after=3_600.0) == 3_600
    rare = Feed(id="sample", url=URL, outlet="Sample", interval=30 * 86_400.0)
    assert scheduled(rare, failures=5) == 30 * 86_400


@given(
    state=st.sampled_from(PollState),
    failures=st.integers(0, 10**9),
    hints=st.tuples(st.none() | st.floats(0, 1e18)),
    retry_after=st.none() | st.floats(0, 1e18),
    jitter=st.floats(0, 1),
)
def test_a_poll_is_never_in_the_past_nor_after_a_month(**changes: Any) -> None:
    assert 600 <= scheduled(**changes) <= GONE_INTERVAL


# Over many polls


def unchanged(row: FeedRow, at: float) -> FeedRow:
    moment = Moment(datetime.fromtimestamp(at, UTC), 0.0)
    return after_unchanged(row, FEED, SETTINGS, NotModified(URL, Validators(URL)), moment)


def published_daily(entries: int) -> FeedRow:
    """A feed's row after a month in which it published so many entries each day."""
    row, step = msgspec.structs.replace(ROW, history=()), 86_400.0 / entries
    row = msgspec.structs.replace(row, rhythm=Rhythm(NOW - 30 * 86_400.0))
    for number in range(30 * entries):
        moment = Moment(datetime.fromtimestamp(NOW - 30 * 86_400.0 + number * step, UTC), 0.0)
        row = after_reading(row, FEED, SETTINGS, fetched(), PARSED, b"new", 1, moment)
    return row


@pytest.mark.parametrize(
    ("daily", "days", "message"),
    [
        (24, 1.5, "nothing new for 2 days, though about 24 a day are usual"),
        (24, 0.9, None),  # a day of silence is no sign of anything
        (2, 3.0, None),  # six entries that didn't come may be chance
        (2, 7.0, "nothing new for 8 days, though about 2 a day are usual"),
    ],
)
def test_a_feed_that_falls_silent_is_stale(daily: int, days: float, message: str | None) -> None:
    row = unchanged(published_daily(daily), NOW + days * 86_400.0)
    state = PollState.STALE if message else PollState.UNCHANGED
    assert (row.state, row.message) == (state, message or "")
    moment = Moment(datetime.fromtimestamp(NOW + days * 86_400.0, UTC), 0.0)
    again = after_reading(row, FEED, SETTINGS, fetched(), PARSED, b"new", 0, moment)
    assert again.state is (PollState.STALE if message else PollState.WORKING)
    spoke = after_reading(again, FEED, SETTINGS, fetched(), PARSED, b"newer", 1, moment)
    assert (spoke.state, spoke.message) == (PollState.WORKING, "")


def test_the_last_polls_are_remembered() -> None:
    row = failed(PollState.DNS, read(new=3))
    assert [(note.state, note.new) for note in row.history] == [
        (PollState.WORKING, 3),
        (PollState.DNS, 0),
    ]
    for number in range(2 * HISTORY):
        row = unchanged(row, NOW + number)
    assert len(row.history) == HISTORY
    assert row.history[-1].at == NOW + 2 * HISTORY - 1
    assert len(msgspec.msgpack.encode(row)) < 2_500
