"""What of the press the collectors see, and to what they are blind: from the feeds' states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collectors.catalog import Feed
from collectors.status import NO_TROUBLE, FeedStatus, PollState

UNKNOWN = "unknown"
"""Stands for a kind or country that the catalogue doesn't name."""


@dataclass(frozen=True, slots=True)
class Group:
    """Feeds of one kind and country: how many there are, work, say nothing new although they
    should, and don't work; and how many articles they were the first to show in the period."""

    kind: str
    country: str
    feeds: int
    working: int
    stale: int
    blind: int
    articles: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How all feeds that are polled stand. `blind` are those that bring nothing, for the longest
    first, and `outlets` those outlets of which no feed works."""

    groups: tuple[Group, ...]
    blind: tuple[FeedStatus, ...]
    outlets: tuple[str, ...]


def coverage(
    feeds: Iterable[Feed], statuses: Iterable[FeedStatus], articles: dict[str, int]
) -> Coverage:
    """Sum up; `articles` counts those of the period by feed id."""
    by_id = {status.feed: status for status in statuses}
    polled = [(feed, by_id[feed.id]) for feed in feeds if feed.enabled]
    grouped: dict[tuple[str, str], list[FeedStatus]] = {}
    outlets: dict[str, bool] = {}
    for feed, status in polled:
        key = (feed.kind or UNKNOWN, feed.country or UNKNOWN)
        grouped.setdefault(key, []).append(status)
        outlets[feed.outlet] = outlets.get(feed.outlet, False) or not is_blind(status)
    blind = [status for _, status in polled if is_blind(status)]
    return Coverage(
        groups=tuple(_group(*key, some, articles) for key, some in sorted(grouped.items())),
        blind=tuple(sorted(blind, key=lambda one: (one.since is None, one.since, one.feed))),
        outlets=tuple(sorted(outlet for outlet, seen in outlets.items() if not seen)),
    )


def _group(
    kind: str, country: str, statuses: Sequence[FeedStatus], articles: dict[str, int]
) -> Group:
    stale = sum(one.state is PollState.STALE for one in statuses)
    blind = sum(map(is_blind, statuses))
    return Group(
        kind=kind,
        country=country,
        feeds=len(statuses),
        working=len(statuses) - stale - blind,
        stale=stale,
        blind=blind,
        articles=sum(articles.get(one.feed, 0) for one in statuses),
    )


def is_blind(status: FeedStatus) -> bool:
    return status.state not in NO_TROUBLE | {PollState.STALE, PollState.TRUNCATED}
