"""How often one host is asked: a space between requests, and its own wishes (`Retry-After`)."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from collectors.dates import rfc822_date

MAX_RETRY_AFTER = 86_400.0
"""A server that asks for longer than a day is asked again after a day."""

DEFAULT_RETRY_AFTER = 60.0
"""For a 429 or 503 that says nothing, or something that can't be read."""


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """The wait that a `Retry-After` header asks for (seconds or a date), in 0…MAX_RETRY_AFTER."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    until = rfc822_date(text)
    if until is None:
        return DEFAULT_RETRY_AFTER
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, min((until - now).total_seconds(), MAX_RETRY_AFTER))


class HostGate:
    """Used within one event loop. `blocked` maps a host to the epoch until which it wants peace."""

    def __init__(self, spacing: float, blocked: Mapping[str, float] | None = None) -> None:
        self._spacing = spacing
        self._slower: dict[str, float] = {}
        self._next_start: dict[str, float] = {}
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ended: dict[str, float] = {}
        self.blocked: dict[str, float] = {}
        for host, until in (blocked or {}).items():
            self.block(host, until - time.time())

    def remaining(self, host: str) -> float:
        """Seconds until the host may be asked again; 0 when it may be now."""
        left = self.blocked.get(host, 0.0) - time.time()
        # No longer than was asked for, though the clock be put back meanwhile.
        return max(0.0, min(left, self._ended.get(host, 0.0) - time.monotonic()))

    def block(self, host: str, seconds: float) -> None:
        """Leave the host alone for so long; a longer block that stands is kept."""
        if seconds > self.remaining(host):
            self.blocked[host] = time.time() + seconds
            self._ended[host] = time.monotonic() + seconds

    def slow_down(self, host: str, spacing: float) -> None:
        """Leave so many seconds between two requests to this host from now on, or the usual if that
        is longer."""
        self._slower[host] = spacing

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until it is this caller's turn with the host; callers are served in order.

        The request starts when the context ends: what is still waited for within it (a free
        connection) holds up the host's next caller, so that they don't start all at once then.
        """
        async with self._queues[host]:
            wait = self._next_start.get(host, 0.0) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            yield
            spacing = max(self._spacing, self._slower.get(host, 0.0))
            self._next_start[host] = time.monotonic() + spacing
