"""Feeds polled each on its own schedule, over one state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.fetch import Fetcher
from collectors.forgetting import REMEMBERED
from collectors.plan import FeedRow
from collectors.politeness import HostGate
from collectors.poll import Poller
from collectors.status import HEALTHY, PollEvent, PollState
from collectors.websub import WebSub
from detente.bus.base import Bus
from detente.errors import RetryLater
from detente.settings import Settings, host_and_port

PATIENCE = 3.0
"""Seconds that a stop waits for the bus to acknowledge what it is being given."""

_LONGEST_SLEEP = 60.0
"""A longer one would oversleep when the machine sleeps, or its clock is put right."""

OnEvent = Callable[[PollEvent], None]


class Polling:
    """What all the feeds of a process share: how they are fetched, and who is told.

    Used within one event loop, in the context `connected`.
    """

    def __init__(self, settings: Settings, bus: Bus, rounds: int | None, on_event: OnEvent) -> None:
        self.settings = settings
        self.rounds = rounds
        self._bus = bus
        self._on_event = on_event
        self._gate = HostGate(
            settings.collectors.host_spacing, places=settings.collectors.host_concurrency
        )
        self._fetcher = Fetcher(settings.collectors, self._gate)
        base = settings.collectors.websub_url
        self.websub = WebSub(self._fetcher, base) if base and rounds is None else None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        async with self._fetcher:
            if self.websub is None:
                yield
                return
            host, port = host_and_port(self.settings.collectors.websub_listen)
            async with self.websub.listening(host, port):
                yield

    async def poll_all(self, feeds: Sequence[Feed], state: FeedState) -> None:
        """Poll these for ever, or `rounds` times; what an earlier run held is published first.

        However it ends, what the bus is just being given is waited for, a few seconds.
        """
        for host, until in state.blocked_hosts().items():
            self._gate.block(host, until - time.time())
        attempts = None if self.rounds is None else self.settings.runner.attempts
        poller = Poller(self.settings, self._bus, state, self._fetcher, attempts)
        try:
            await poller.recover()
            state.forget_feeds(time.time() - REMEMBERED)
            async with asyncio.TaskGroup() as group:
                for feed in feeds:
                    row = state.feed(feed.id, feed.url)
                    group.create_task(self._keep_polling(feed, poller, row))
        except BaseExceptionGroup as errors:
            # They all fail for the one bus; its error is what the caller can act upon.
            raise errors.exceptions[0] from None
        finally:
            await poller.close(PATIENCE)

    async def _keep_polling(self, feed: Feed, poller: Poller, row: FeedRow) -> None:
        standing, wait = (row.state, row.message), _due(row, feed) - time.time()
        done = failures = 0
        while self.rounds is None or done < self.rounds:
            if self.rounds is not None and _wants_peace(standing[0]) and wait > 0:
                self._on_event(PollEvent(feed.id, *standing, datetime.now(UTC), 0.0))
                return
            if self.rounds is None or done:
                await self._sleep(feed, wait)
            try:
                event, wait = await poller.poll(feed)
            except RetryLater as trouble:
                if self.rounds is not None:
                    raise
                # The poll is done over, so the publisher is asked again: less and less often.
                failures += 1
                wait = trouble.backoff(failures, self.settings.runner.max_backoff)
                log = structlog.get_logger("detente.collectors")
                log.warning("not polled", feed=feed.id, reason=trouble.reason, again_in=wait)
                continue
            self._on_event(event)
            if self.websub and event.state in HEALTHY:
                await self.websub.heed(feed.id, poller.hubs.get(feed.id))
            standing = (event.state, event.message)
            failures = 0
            done += 1

    async def _sleep(self, feed: Feed, wait: float) -> None:
        """Until the feed is due, or its hub says that there is something new."""
        if self.websub is None:
            await _sleep(wait, asyncio.Event())
            return
        if self.websub.is_subscribed(feed.id):
            wait = max(wait, self.settings.collectors.longest_interval)
        news = self.websub.news(feed.id)
        await _sleep(wait, news)
        news.clear()


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


async def _sleep(seconds: float, woken: asyncio.Event) -> None:
    """For so long, whether the clock is put back meanwhile or the machine sleeps, too; or until
    there is news."""
    due, ended = time.time() + seconds, time.monotonic() + seconds
    while (left := min(due - time.time(), ended - time.monotonic())) > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, _LONGEST_SLEEP)):
                await woken.wait()
                return
