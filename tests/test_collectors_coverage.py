"""What is seen and what isn't, by kind and country."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from collectors.catalog import Feed
from collectors.coverage import Group, coverage
from collectors.status import FeedStatus, PollState

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def feed(id: str, outlet: str = "", **given: str) -> Feed:
    return Feed(id=id, url=f"https://{id}.example/", outlet=outlet or id, **given)  # type: ignore[arg-type]


def status(feed: Feed, state: PollState, days: float | None = 1.0) -> FeedStatus:
    since = NOW - timedelta(days=days) if days is not None else None
    return FeedStatus(
        *(feed.id, feed.url, feed.outlet, state, "", since, NOW, NOW, NOW, 0, 9),
    )


def test_feeds_are_summed_up_by_kind_and_country() -> None:
    feeds = [
        feed("a", kind="gov", country="US"),
        feed("b", kind="gov", country="US"),
        feed("c", kind="gov", country="RU"),
        feed("d"),
        Feed("e", "https://e.example/", "e", enabled=False),
    ]
    states = [
        *(PollState.WORKING, PollState.DNS, PollState.STALE, PollState.NEVER, PollState.DISABLED),
    ]
    found = coverage(feeds, map(status, feeds, states), {"a": 3, "b": 2, "c": 0, "e": 7})
    assert found.groups == (
        Group("gov", "RU", feeds=1, working=0, stale=1, blind=0, articles=0),
        Group("gov", "US", feeds=2, working=1, stale=0, blind=1, articles=5),
        Group("unknown", "unknown", feeds=1, working=1, stale=0, blind=0, articles=0),
    )


def test_the_longest_blind_goes_first_and_an_outlet_is_lost_with_its_last_feed() -> None:
    feeds = [feed("a", "One"), feed("b", "One"), feed("c", "Two"), feed("d", "Two")]
    states = [
        status(feeds[0], PollState.WORKING),
        status(feeds[1], PollState.TLS, 1),
        status(feeds[2], PollState.FORBIDDEN, 5),
        status(feeds[3], PollState.NOT_A_FEED, None),
    ]
    found = coverage(feeds, states, {})
    assert [one.feed for one in found.blind] == ["c", "b", "d"]
    assert found.outlets == ("Two",)
