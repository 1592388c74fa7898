"""`make bench-collectors`: how many feeds one process can watch, and how soon it sees what is new.

First 5,000 feeds of 50 entries, some of them at fault, are polled over HTTP on loopback, round
after round, on the embedded log: polls a second, the share of 304, processor time for each, and
memory. Then the same scheduler runs on a virtual clock over weeks, with feeds of very different
rates, each with hours and days of its own and bursts, against one that asks every ten minutes.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import resource
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.publisher import HOSTILE, serve
from collectors.catalog import Feed
from collectors.rhythm import Rhythm, seen
from collectors.schedule import usual_wait
from collectors.stage import collect
from collectors.status import PollEvent
from detente.bus import open_bus
from detente.settings import CollectorSettings, Settings
from detente.telemetry import configure_logging

DAY = 86_400.0
FIXED = 600.0
"""Seconds between two polls of the poller that ours is compared with."""

HOSTS = 250
MEDIAN, SPREAD = 4.0, 1.3
"""A feed's entries a day are log-normal about this median, with this deviation of the logarithm."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--virtual", type=int, default=500, help="feeds on the virtual clock")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--beside", type=int, default=120, help="feeds beside hostile ones")
    options = parser.parse_args(arguments)
    configure_logging("error")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core for us
    poll_over_http(options.feeds, options.rounds)
    compare_schedules(options.virtual, options.days)
    beside_hostile(options.beside)


def poll_over_http(feeds: int, rounds: int) -> None:
    """Poll everything `rounds` times and say what it took."""
    dice = random.Random(5)
    # Entries a second such that a tenth of the feeds have something new in a round.
    rates = [0.02 * dice.random() ** 4 for _ in range(feeds)]
    with _published(feeds, rates) as port, tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        catalogue = [_feed(number, port, interval=0.001) for number in range(feeds)]
        bus = open_bus(settings.bus)
        bus.prepare()
        for number in range(1, rounds + 1):
            events: list[PollEvent] = []
            wall, cpu = time.monotonic(), time.process_time()
            collect(
                settings,
                catalogue,
                bus,
                stop=threading.Event(),
                on_event=events.append,
                rounds=1,
            )
            wall, cpu = time.monotonic() - wall, time.process_time() - cpu
            _say_round(number, events, wall, cpu)
        bus.close()


@contextmanager
def _published(feeds: int, rates: Sequence[float]) -> Iterator[int]:
    """The publishers, in a process of their own; gives their port."""
    here, there = multiprocessing.Pipe()
    publisher = multiprocessing.Process(target=serve, args=(there, feeds, rates), daemon=True)
    publisher.start()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(publisher.pid or 0, set(range(os.cpu_count() or 1)))
    try:
        yield here.recv()
    finally:
        publisher.kill()


def _settings(folder: Path) -> Settings:
    return Settings(
        bus=f"sqlite:///{folder}/bus.sqlite",
        state=f"sqlite:///{folder}/feeds.sqlite",
        feeds=folder / "none.toml",
        collectors=CollectorSettings(
            allow_loopback=True, host_spacing=0, concurrency=64, shortest_interval=0.001
        ),
    )


def _feed(number: int, port: int, interval: float | None) -> Feed:
    return Feed(
        id=f"f{number}",
        url=f"http://127.0.{1 + number % HOSTS}.1:{port}/{number}",
        outlet=f"Outlet {number}",
        full_text="feed",
        interval=interval,
    )


def beside_hostile(feeds: int, seconds: float = 120.0) -> None:
    """How soon the news of `feeds` feeds is there with hostile ones among them, and without."""
    means = []
    for hostile in (0, len(HOSTILE)):
        rates = [0.1] * feeds
        with _published(feeds, rates) as port, tempfile.TemporaryDirectory() as folder:
            settings = _settings(Path(folder))
            catalogue = [_feed(number, port, interval=2.0) for number in range(feeds)]
            catalogue += [_feed(-1 - number, port, interval=None) for number in range(hostile)]
            events: list[PollEvent] = []
            stop = threading.Event()
            threading.Timer(seconds, stop.set).start()
            bus = open_bus(settings.bus)
            bus.prepare()
            collect(settings, catalogue, bus, stop=stop, on_event=events.append)
            bus.close()
        good = [event for event in events if not event.feed.startswith("f-")]
        # The first polls bring fifty articles each, and are no feed's daily work.
        began = min(event.at for event in good).timestamp() + seconds / 4
        later = [event for event in good if event.at.timestamp() > began]
        # An article waits for half an interval, and for the poll itself.
        waits = [seconds * 0.75 * feeds / len(later) / 2 + event.duration for event in later]
        means.append(statistics.mean(waits))
        print(
            f"{feeds} feeds every 2 s, {hostile} hostile ones beside them: {len(later)} polls, "
            f"{1_000 * statistics.mean(event.duration for event in later):.0f} ms each, "
            f"delay of news {means[-1]:.2f} s in the mean"
        )
    print(f"  with / without hostile ones: delay {means[1] / means[0]:.2f}")


def _say_round(number: int, events: Sequence[PollEvent], wall: float, cpu: float) -> None:
    states = Counter(event.state.value for event in events)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(
        f"round {number}: {len(events)} polls, {sum(event.new for event in events)} new articles, "
        f"{len(events) / wall:.0f} polls/s, {1_000 * cpu / len(events):.1f} ms of one core a poll, "
        f"{states['unchanged'] / len(events):.0%} unchanged, {memory:.0f} MB at most"
    )


class Outcome(NamedTuple):
    """Requests, and the delay of each article from its publication to the poll that saw it."""

    requests: int
    delays: list[float]


def compare_schedules(feeds: int, days: int) -> None:
    """Both schedulers over the same publications; the first half is for ours to learn."""
    dice = random.Random(11)
    published = [list(_publications(dice, days)) for _ in range(feeds)]
    fixed, ours = Outcome(0, []), Outcome(0, [])
    settings = CollectorSettings(interval=FIXED)
    for entries in published:
        phase = dice.random() * FIXED
        fixed = _joined(fixed, _every(FIXED, entries, phase, days))
        ours = _joined(ours, _by_rhythm(settings, entries, phase, days))
    print(f"{feeds} feeds over {days / 2:.0f} days, {len(ours.delays)} articles:")
    for name, outcome in (("every ten minutes", fixed), ("ours", ours)):
        print(f"  {name:<18}{outcome.requests:>9} requests, {_percentiles(outcome.delays)}")
    mine, theirs = (statistics.quantiles(one.delays, n=100) for one in (ours, fixed))
    print(
        f"  ours / fixed: requests {ours.requests / fixed.requests:.2f}, "
        f"p50 {mine[49] / theirs[49]:.2f}, p99 {mine[98] / theirs[98]:.2f}, "
        f"mean {statistics.mean(ours.delays) / statistics.mean(fixed.delays):.2f}"
    )


def _percentiles(delays: Sequence[float]) -> str:
    cuts = statistics.quantiles(delays, n=100)
    return f"delay p50 {cuts[49]:.0f} s, p90 {cuts[89]:.0f} s, p99 {cuts[98]:.0f} s"


def _publications(dice: random.Random, days: int) -> Iterator[float]:
    """Seconds from the start: by the hour, fewer at the weekend, and now and then in a burst."""
    daily, peak = math.exp(dice.gauss(math.log(MEDIAN), SPREAD)), dice.randrange(24)
    weights = [max(0.05, math.cos((hour - peak) / 12 * math.pi)) for hour in range(24)]
    found = []
    for day in range(days):
        mean = daily * (0.5 if day % 7 >= 5 else 1.2)
        count = int(mean) + (dice.random() < mean % 1)
        for hour in dice.choices(range(24), weights, k=count):
            at = (day * 24 + hour + dice.random()) * 3_600
            found.append(at)
            if dice.random() < 0.05:
                for _ in range(dice.randint(2, 6)):
                    at += dice.expovariate(1 / 900)
                    found.append(at)
    return iter(sorted(found))


def _every(wait: float, entries: Sequence[float], phase: float, days: int) -> Outcome:
    half = days * DAY / 2
    delays = [math.ceil((at - phase) / wait) * wait + phase - at for at in entries if at >= half]
    return Outcome(round(half / wait), delays)


def _by_rhythm(
    settings: CollectorSettings, entries: Sequence[float], phase: float, days: int
) -> Outcome:
    start = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
    half, at, place, requests = days * DAY / 2, phase, 0, 0
    rhythm, delays = Rhythm(start), list[float]()
    dice = random.Random(int(phase * 1_000))
    while at < days * DAY:
        found = place
        while found < len(entries) and entries[found] <= at:
            found += 1
        if at >= half:
            requests += 1
            delays += [at - entry for entry in entries[place:found] if entry >= half]
        rhythm, place = seen(rhythm, found - place, start + at), found
        wait = usual_wait(settings, rhythm, datetime.fromtimestamp(start + at, UTC))
        at += wait * (1 + 0.1 * dice.random())
    return Outcome(requests, delays)


def _joined(one: Outcome, other: Outcome) -> Outcome:
    return Outcome(one.requests + other.requests, one.delays + other.delays)


if __name__ == "__main__":
    main()
