"""`make soak`: the collectors over months of a virtual clock: does anything grow that shouldn't?

Feeds publish, edit, rotate their guids, fail and come back, and are polled by the poller itself:
documents are parsed, decided about, published and settled in a real state file; only the network
and the clock are not real. Month by month it prints what is known and what that takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import time_machine

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.fetch import Fetched, FetchFailure, Validators
from collectors.forgetting import NOTED, REMEMBERED
from collectors.poll import Poller
from collectors.status import PollState
from detente.bus.base import Record
from detente.settings import Settings
from detente.telemetry import configure_logging

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = 20
"""Entries that a document shows."""


class Month(NamedTuple):
    """What stood at the end of a month; sizes in bytes."""

    number: int
    polls: int
    published: int
    known: int
    shown_lately: int
    state: int
    resident: int


class Publisher:
    """Feeds that write about nothing, in place of the network."""

    def __init__(self, feeds: int) -> None:
        self._dice = random.Random(3)
        self._daily = [self._dice.choice((0.2, 1, 3, 8)) for _ in range(feeds)]
        self.gate = SimpleNamespace(blocked={})

    def written(self, feed: int, now: datetime) -> int:
        """How many articles the feed has published by then."""
        return int((now - START).total_seconds() / 86_400 * self._daily[feed]) + 1

    async def fetch(self, url: str, **_: Any) -> Fetched | FetchFailure:
        now, feed = datetime.now(UTC), int(url.rsplit("/", 1)[1])
        if self._dice.random() < 0.03:
            return FetchFailure(PollState.SERVER_ERROR, f"{url} answers 500")
        last = self.written(feed, now)
        numbers = range(last, max(0, last - WINDOW), -1)
        items = "".join(self._item(feed, number, now) for number in numbers)
        body = f"<rss version='2.0'><channel><title>{feed}</title>{items}</channel></rss>"
        return Fetched(url, body.encode(), "application/rss+xml", Validators(url))

    def _item(self, feed: int, number: int, now: datetime) -> str:
        date = START + timedelta(days=number / self._daily[feed])
        edited = " It was edited." if number % 10 == 0 and (now - date).days >= 1 else ""
        text = f"The envoys met for the {number}th time and spoke of {feed}.{edited} " * 8
        guid = f"{'http' if now.day % 2 else 'https'}://feed{feed}.example/?p={number}"
        return (
            f"<item><title>Envoys meet for the {number}th time</title><guid>{guid}</guid>"
            f"<link>https://feed{feed}.example/{number}</link>"
            f"<pubDate>{format_datetime(date)}</pubDate>"
            f"<description>{escape(text)}</description></item>"
        )


class Sink:
    """A log that only counts."""

    def __init__(self) -> None:
        self.published = 0

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        self.published += len(records)


def soak(feeds: int, months: int, polls_a_day: float, folder: Path) -> Iterator[Month]:
    """Run, and give what stands after each month of thirty days."""
    catalogue = [
        Feed(
            id=f"f{n}",
            url=f"https://feed{n}.example/{n}",
            outlet=str(n),
            full_text="feed",
            interval=86_400 / polls_a_day,
        )
        for n in range(feeds)
    ]
    settings = Settings(bus=f"sqlite:///{folder}/bus.sqlite", feeds=folder / "none.toml")
    publisher, sink, file = Publisher(feeds), Sink(), folder / "feeds.sqlite"
    state, loop = FeedState(f"sqlite:///{file}"), asyncio.new_event_loop()
    poller = Poller(settings, sink, state, publisher)  # type: ignore[arg-type]
    due, polls, now = dict.fromkeys(range(feeds), START), 0, START
    with time_machine.travel(START, tick=False) as clock:
        for number in range(1, months + 1):
            end = START + timedelta(days=30 * number)
            while (feed := min(due, key=due.__getitem__)) is not None and due[feed] < end:
                now = max(now, due[feed])
                clock.move_to(now)
                _, wait = loop.run_until_complete(poller.poll(catalogue[feed]))
                due[feed] = now + timedelta(seconds=max(60.0, wait))
                polls += 1
            lately = max(START, end - timedelta(seconds=REMEMBERED + NOTED))
            shown = sum(
                publisher.written(n, end) - max(0, publisher.written(n, lately) - WINDOW)
                for n in range(feeds)
            )
            known = sum(state.article_counts().values())
            size = sum(one.stat().st_size for one in folder.glob(f"{file.name}*"))
            yield Month(number, polls, sink.published, known, shown, size, _resident())
    loop.run_until_complete(poller.close(1.0))
    state.close()
    loop.close()


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=30)
    parser.add_argument("--months", type=int, default=20)
    parser.add_argument("--polls", type=float, default=3.0, help="polls of each feed a day")
    options = parser.parse_args(arguments)
    configure_logging()
    months = []
    with tempfile.TemporaryDirectory() as folder:
        for month in soak(options.feeds, options.months, options.polls, Path(folder)):
            months.append(month)
            print(
                f"month {month.number:>2}: {month.polls:>7,} polls, {month.published:>6,} "
                f"published, {month.known:>6,} articles known ({month.shown_lately:,} were shown "
                f"lately), state {month.state / 1e6:.1f} MB, memory {month.resident / 1e6:.0f} MB",
                flush=True,
            )
    full = round((REMEMBERED + NOTED) / (30 * 86_400)) + 1
    if len(months) > full:
        first, last = months[full - 1], months[-1]
        print(
            f"month {last.number} against month {first.number}: articles known "
            f"{last.known / first.known:.2f}, state {last.state / first.state:.2f}, "
            f"memory {last.resident / first.resident:.2f}"
        )


if __name__ == "__main__":
    main()
