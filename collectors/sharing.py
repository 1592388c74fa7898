"""The feeds shared out over several collectors, each feed polled by one of them at a time.

A feed belongs to the partition of its publisher, so that one process asks a host, and knows all
the articles of that publisher. Which partitions are ours is the consumer group's to say; the state
of a partition's feeds is read from its changelog when it comes to us, and a copy of it lives in a
scratch file for as long as it is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.identity import registered_domain
from collectors.polling import Polling
from detente.bus.base import Changelog, PartitionedState
from detente.errors import PartitionLost, RetryLater

_LOOK = 0.5
"""Seconds between two looks at what is assigned to us."""

_FIRST_ASSIGNMENT = 60.0
"""Seconds that a run of some rounds waits for its share of the feeds."""


def partition_of(feed: Feed, partitions: int) -> int:
    """The partition of a feed: that of all feeds whose address is of the same owner."""
    owner = registered_domain(urlsplit(feed.url).hostname or "")
    digest = hashlib.blake2b(owner.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % partitions


def read_state(shared: PartitionedState, file: Path) -> FeedState:
    """What the collectors remember of all partitions, as a copy in a new file."""
    state = FeedState(f"sqlite:///{file}")
    for number in range(shared.partitions):
        state.restore(shared.changelog(number).read())
    return state


async def share_feeds(polling: Polling, feeds: Sequence[Feed], shared: PartitionedState) -> None:
    """Poll the feeds of the partitions that are ours, as these come and go.

    With `rounds`, return when those of our first share were polled so many times.
    """
    by_partition: dict[int, list[Feed]] = {}
    for feed in feeds:
        by_partition.setdefault(partition_of(feed, shared.partitions), []).append(feed)
    with tempfile.TemporaryDirectory(prefix="detente-") as scratch:
        sharing = _Sharing(polling, by_partition, shared, Path(scratch))
        try:
            await sharing.run()
        finally:
            await sharing.stop(list(sharing.tasks))


class _Sharing:
    def __init__(
        self,
        polling: Polling,
        feeds: Mapping[int, Sequence[Feed]],
        shared: PartitionedState,
        scratch: Path,
    ) -> None:
        self._polling = polling
        self._feeds = feeds
        self._shared = shared
        self._scratch = scratch
        self._opened = 0
        self._log = structlog.get_logger("detente.collectors")
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        began = time.monotonic()
        while True:
            assigned = await self._assigned()
            await self.stop([number for number in self.tasks if number not in assigned])
            for number in sorted(assigned - self.tasks.keys()):
                self.tasks[number] = asyncio.ensure_future(self._work(number))
            if self._polling.rounds is not None:
                if assigned:
                    await asyncio.gather(*self.tasks.values())
                    return
                if time.monotonic() - began > _FIRST_ASSIGNMENT:
                    return
            await asyncio.sleep(_LOOK)
            self._forget_ended()

    async def stop(self, numbers: Sequence[int]) -> None:
        """Stop the work on these partitions, having waited for deliveries under way."""
        ending = [self.tasks.pop(number) for number in numbers]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)

    async def _assigned(self) -> frozenset[int]:
        try:
            return await asyncio.to_thread(self._shared.assigned)
        except RetryLater as trouble:
            if self._polling.rounds is not None:
                raise
            self._log.warning("no share of the feeds yet", reason=trouble.reason)
            return frozenset()

    async def _work(self, number: int) -> None:
        """Poll one partition's feeds for as long as it is ours."""
        failures = 0
        while True:
            changelog = self._shared.changelog(number)
            try:
                state = await asyncio.to_thread(partial(self._open, number, changelog))
                try:
                    failures = 0
                    # Also without feeds: those of an earlier catalogue may have left a plan.
                    await self._polling.poll_all(self._feeds.get(number, ()), state)
                    break
                finally:
                    state.close()
            except PartitionLost:
                # If the group still assigns it to us, the next look begins again.
                self._log.info("taken over by another collector", partition=number)
                return
            except RetryLater as trouble:
                if self._polling.rounds is not None:
                    raise
                failures += 1
                wait = trouble.backoff(failures, self._polling.settings.runner.max_backoff)
                self._log.warning("state not read", reason=trouble.reason, again_in=wait)
                await asyncio.sleep(wait)
            finally:
                await asyncio.to_thread(changelog.close)
        if self._polling.rounds is None:
            await asyncio.Event().wait()  # no feeds: ours all the same

    def _open(self, number: int, changelog: Changelog) -> FeedState:
        self._opened += 1
        file = self._scratch / f"feeds-{number}-{self._opened}.sqlite"
        return FeedState(f"sqlite:///{file}", changelog)

    def _forget_ended(self) -> None:
        for number, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[number]
                task.result()
