"""When feeds are polled: after a start, after a move, by a clock that isn't right."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.plan import FeedRow, Plan
from collectors.stage import collect
from collectors.status import PollEvent, PollState
from detente.bus.base import Bus
from detente.settings import Settings
from tests.httpserver import HttpServer, Reply, in_turn
from tests.test_collectors_polls import bus, document, feed, poll, server, settings
from tests.test_collectors_stage import row_of

__all__ = ["bus", "server", "settings"]  # fixtures


def settle(settings: Settings, **row: Any) -> None:
    state = FeedState(settings.state)
    state.settle(Plan(feed=FeedRow(**{"feed": "one", "since": 0.0, **row})))
    state.close()


def collect_for(
    seconds: float,
    settings: Settings,
    bus: Bus,
    feed: Feed,
    stop: threading.Event,
    on_event: Callable[[PollEvent], None],
) -> None:
    """Collect until `stop` is set, but for so long at most."""
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    collect(settings, [feed], bus, stop=stop, on_event=on_event)
    timer.cancel()


def first_event(settings: Settings, bus: Bus, server: HttpServer, within: float) -> bool:
    """Whether a collector that runs on polls the feed before so many seconds are over."""
    stop, polled = threading.Event(), threading.Event()

    def on_event(event: PollEvent) -> None:
        polled.set()
        stop.set()

    collect_for(within, settings, bus, feed(server, interval=600.0), stop, on_event)
    return polled.is_set()


@pytest.mark.parametrize(
    ("polled", "next_poll", "state", "asked"),
    [
        (-60.0, 540.0, PollState.WORKING, False),
        (-60.0, 86_400.0, PollState.WORKING, False),
        (-900.0, 86_400.0, PollState.WORKING, True),  # the interval was shortened since
        (-900.0, 86_400.0, PollState.NOT_FOUND, False),
        (-60.0, -1.0, PollState.NOT_FOUND, True),
        (3e8, 3e8 + 600, PollState.WORKING, True),  # the clock was ahead by years
    ],
)
def test_a_start_keeps_to_the_schedule(
    settings: Settings,
    bus: Bus,
    server: HttpServer,
    polled: float,
    next_poll: float,
    state: PollState,
    asked: bool,
) -> None:
    server.handlers["/one"] = document("On time")
    now = time.time()
    settle(
        settings,
        address=server.url("/one"),
        state=state,
        polled=now + polled,
        next_poll=now + next_poll,
    )
    assert first_event(settings, bus, server, 5.0 if asked else 0.4) is asked
    assert len(server.requests) == asked


def test_a_new_address_begins_anew(settings: Settings, bus: Bus, server: HttpServer) -> None:
    server.handlers["/one"] = document("Anew")
    there = time.time() + 10_000
    settle(settings, address="http://old.example/", state=PollState.GONE, next_poll=there)
    assert first_event(settings, bus, server, 5.0)
    assert row_of(settings).address == server.url("/one")


def test_a_feed_that_moves_back_is_at_home(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    moved = Reply(301, headers={"Location": "/there"})
    server.handlers["/one"] = in_turn(moved, document("Home"))
    server.handlers["/there"] = in_turn(document("Away"), Reply(301, headers={"Location": "/one"}))
    away, home, again = poll(settings, bus, feed(server), rounds=3)
    assert (away.state, home.state) == (PollState.MOVED, PollState.WORKING)
    assert (again.state, again.message) == (PollState.UNCHANGED, "")
    assert row_of(settings).moved_to is None


def test_a_clock_put_back_between_two_polls_delays_none(
    settings: Settings, bus: Bus, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/one"] = document("On time")
    stop, events, right = threading.Event(), list[PollEvent](), time.time

    def on_event(event: PollEvent) -> None:
        """Told after the next poll was reckoned, and before it is waited for."""
        events.append(event)
        monkeypatch.setattr(time, "time", lambda: right() - 172_800.0)
        if len(events) == 2:
            stop.set()

    collect_for(10.0, settings, bus, feed(server, interval=0.2), stop, on_event)
    assert len(events) == 2
