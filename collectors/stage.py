"""The collectors' loop, until told to stop: all feeds, or those that are shared out to us.

The order in which a poll becomes durable (see `collectors.feedstate`): its plan is held, its
messages are published, and on the bus's acknowledgement the plan is settled. A kill in between
publishes the very same messages again.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.polling import OnEvent, Polling
from collectors.sharing import share_feeds
from detente.bus.base import Bus
from detente.errors import RetryLater
from detente.flow import COLLECTORS, FEED_STATE
from detente.lock import StateLock
from detente.settings import Settings

_LOOK_AT_STOP = 0.1
_LONGEST_END = 4.0
_SWITCH = 0.0005
"""Seconds after which a thread lets another one run. A poll goes from thread to thread several
times: at Python's 5 ms, one long document would slow all the others."""


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

    Where the bus shares out the feeds (`collectors.sharing`), these are the ones assigned to this
    process, as they come and go; else all of them.

    With `rounds`, poll each feed so many times and return: the first time at once, but for feeds
    that are gone or whose host asked for a wait, the others on schedule. Then a bus that stays
    unavailable raises BusUnavailable, where it would be retried for ever otherwise. What was not
    acknowledged is published by the next call. `on_event` is called, in this thread, after each
    poll. Raises ConfigError when another collector uses the state file.
    """
    enabled = [feed for feed in feeds if feed.enabled]
    polling = Polling(settings, bus, rounds, on_event or (lambda event: None))
    shared = bus.partitioned_state(FEED_STATE, COLLECTORS)
    if shared is not None:
        try:
            _run(polling, lambda: share_feeds(polling, enabled, shared), stop)
        finally:
            with suppress(RetryLater):
                shared.close()
        return
    with StateLock(settings.state, "collector", "state"):
        state = FeedState(settings.state)
        try:
            _run(polling, lambda: polling.poll_all(enabled, state), stop)
        finally:
            state.close()


def _run(
    polling: Polling, work: Callable[[], Coroutine[Any, Any, None]], stop: threading.Event
) -> None:
    loop = asyncio.new_event_loop()
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        loop.run_until_complete(_until_stopped(polling, work, stop))
    finally:
        sys.setswitchinterval(before)
        # Not asyncio.run: that would wait for threads that hang in a name server.
        _close(loop)


async def _until_stopped(
    polling: Polling, work: Callable[[], Coroutine[Any, Any, None]], stop: threading.Event
) -> None:
    async with polling.connected():
        task = asyncio.ensure_future(work())
        try:
            while not task.done() and not stop.is_set():
                await asyncio.wait({task}, timeout=_LOOK_AT_STOP)
        finally:
            task.cancel()
            # Whatever doesn't heed that is left to `_close`.
            await asyncio.wait({task}, timeout=_LONGEST_END)
        if task.done() and not task.cancelled():
            task.result()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
