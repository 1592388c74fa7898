"""The collectors' loop: every feed on its own schedule, until told to stop.

The order in which a poll becomes durable (see `collectors.feedstate`): its plan is held, its
messages are published, and on the bus's acknowledgement the plan is settled. A kill in between
publishes the very same messages again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import structlog

from collectors.catalog import Feed
from collectors.feedstate import CollectorLock, FeedState
from collectors.fetch import Fetcher
from collectors.plan import FeedRow
from collectors.politeness import HostGate
from collectors.poll import Poller
from collectors.status import HEALTHY, PollEvent, PollState
from detente.bus.base import Bus
from detente.errors import RetryLater
from detente.settings import Settings

PATIENCE = 3.0
"""Seconds that a stop waits for the bus to acknowledge what it is being given."""

_LOOK_AT_STOP = 0.1
_LONGEST_END = 1.0
_LONGEST_SLEEP = 60.0
"""A longer one would oversleep when the machine sleeps, or its clock is put right."""

OnEvent = Callable[[PollEvent], None]


def collect(
    settings: Settings,
    feeds: Iterable[Feed],
    bus: Bus,
    *,
    stop: threading.Event,
    on_event: OnEvent | None = None,
    rounds: int | None = None,
) -> None:
    """Poll the feeds and publish their articles until `stop` is set; returns within 5 s of it.

    With `rounds`, poll each feed so many times and return: the first time at once, but for feeds
    that are gone or whose host asked for a wait, the others on schedule. Then a bus that stays
    unavailable raises BusUnavailable, where it would be retried for ever otherwise. What was not
    acknowledged is published by the next call. `on_event` is called, in this thread, after each
    poll. Raises ConfigError when another collector uses the state file.
    """
    with CollectorLock(settings.state):
        state = FeedState(settings.state)
        loop = asyncio.new_event_loop()
        try:
            stage = _Stage(settings, [feed for feed in feeds if feed.enabled], rounds, on_event)
            loop.run_until_complete(stage.run(bus, state, stop))
        finally:
            # Not asyncio.run: that would wait for threads that hang in a name server.
            _close(loop)
            state.close()


class _Stage:
    def __init__(
        self,
        settings: Settings,
        feeds: Sequence[Feed],
        rounds: int | None,
        on_event: OnEvent | None,
    ) -> None:
        self._settings = settings
        self._feeds = feeds
        self._rounds = rounds
        self._on_event = on_event or (lambda event: None)

    async def run(self, bus: Bus, state: FeedState, stop: threading.Event) -> None:
        gate = HostGate(self._settings.collectors.host_spacing, state.blocked_hosts())
        attempts = None if self._rounds is None else self._settings.runner.attempts
        async with Fetcher(self._settings.collectors, gate) as fetcher:
            poller = Poller(self._settings, bus, state, fetcher, attempts)
            work = asyncio.ensure_future(self._work(poller, state))
            try:
                while not work.done() and not stop.is_set():
                    await asyncio.wait({work}, timeout=_LOOK_AT_STOP)
            finally:
                work.cancel()
                # Whatever doesn't heed that is left to `_close`.
                await asyncio.wait({work}, timeout=_LONGEST_END)
                await poller.close(PATIENCE)
            if work.done() and not work.cancelled():
                work.result()

    async def _work(self, poller: Poller, state: FeedState) -> None:
        await poller.recover()
        try:
            async with asyncio.TaskGroup() as group:
                for feed in self._feeds:
                    row = state.feed(feed.id, feed.url)
                    group.create_task(self._keep_polling(feed, poller, row))
        except BaseExceptionGroup as errors:
            # They all fail for the one bus; its error is what the caller can act upon.
            raise errors.exceptions[0] from None

    async def _keep_polling(self, feed: Feed, poller: Poller, row: FeedRow) -> None:
        standing, due = (row.state, row.message), _due(row, feed)
        done = failures = 0
        while self._rounds is None or done < self._rounds:
            if self._rounds is not None and _wants_peace(standing[0]) and due > time.time():
                self._on_event(PollEvent(feed.id, *standing, datetime.now(UTC), 0.0))
                return
            if self._rounds is None or done:
                await _sleep_until(due)
            try:
                event, due = await poller.poll(feed)
            except RetryLater as trouble:
                if self._rounds is not None:
                    raise
                # The poll is done over, so the publisher is asked again: less and less often.
                wait = min(
                    trouble.after * 2 ** min(failures, 10), self._settings.runner.max_backoff
                )
                due = time.time() + wait
                failures += 1
                log = structlog.get_logger("detente.collectors")
                log.warning("not polled", feed=feed.id, reason=trouble.reason, again_in=wait)
                continue
            self._on_event(event)
            standing = (event.state, event.message)
            failures = 0
            done += 1


def _due(row: FeedRow, feed: Feed) -> float:
    """When a feed is due after a start; an interval that was shortened since counts at once."""
    due = row.next_poll or 0.0
    if row.polled is not None and row.polled > time.time():
        return 0.0  # the clock was ahead then: nothing that was reckoned from it holds
    if feed.interval is not None and row.polled is not None and row.state in HEALTHY:
        due = min(due, row.polled + feed.interval)
    return due


def _wants_peace(state: PollState) -> bool:
    return state in (PollState.GONE, PollState.THROTTLED)


async def _sleep_until(epoch: float) -> None:
    while (left := epoch - time.time()) > 0:
        await asyncio.sleep(min(left, _LONGEST_SLEEP))


def _close(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
