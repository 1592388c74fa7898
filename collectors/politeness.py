"""How often one host is asked: a space between requests, and its own wishes (`Retry-After`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from collectors.dates import rfc822_date

MAX_RETRY_AFTER = 86_400.0
"""A server that asks for longer than a day is asked again after a day."""

DEFAULT_RETRY_AFTER = 60.0
"""For a 429 or 503 that says nothing, or something that can't be read."""

HOSTS = 10_000
"""When so many hosts are known, those that are idle are forgotten: articles link everywhere."""


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


class _Host:
    """One host: whose turn it is, how many requests it has open, and what it asked for."""

    __slots__ = ("next_start", "peace_until", "places", "queue", "slower", "users")

    def __init__(self, places: int) -> None:
        self.queue = asyncio.Lock()
        self.places = asyncio.Semaphore(places)
        self.next_start = self.peace_until = self.slower = 0.0
        self.users = 0

    @property
    def idle(self) -> bool:
        """Whether nothing would be lost if it were forgotten, but how slow it wants us."""
        return not self.users and max(self.next_start, self.peace_until) < time.monotonic()


class HostGate:
    """Used within one event loop. `blocked` maps a host to the epoch until which it wants peace;
    `spacing` are seconds between the starts of two requests to one host, and `places` how many it
    has open at a time, so that a slow one takes no connection from the others."""

    def __init__(
        self, spacing: float, blocked: Mapping[str, float] | None = None, places: int = 4
    ) -> None:
        self._spacing = spacing
        self._places = places
        self._hosts: dict[str, _Host] = {}
        self.blocked: dict[str, float] = {}
        for host, until in (blocked or {}).items():
            self.block(host, until - time.time())

    def remaining(self, host: str) -> float:
        """Seconds until the host may be asked again; 0 when it may be now."""
        if host not in self.blocked:
            return 0.0
        left = self.blocked[host] - time.time()
        # No longer than was asked for, though the clock be put back meanwhile.
        left = max(0.0, min(left, self._host(host).peace_until - time.monotonic()))
        if not left:
            del self.blocked[host]
        return left

    def block(self, host: str, seconds: float) -> None:
        """Leave the host alone for so long; a longer block that stands is kept."""
        if seconds > self.remaining(host):
            self.blocked[host] = time.time() + seconds
            self._host(host).peace_until = time.monotonic() + seconds

    def slow_down(self, host: str, spacing: float) -> None:
        """Leave so many seconds between two requests to this host from now on, or the usual if that
        is longer."""
        self._host(host).slower = spacing

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Within it, one of the few requests that a host is asked to answer at a time."""
        one = self._host(host)
        one.users += 1
        try:
            async with one.places:
                yield
        finally:
            one.users -= 1

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until it is this caller's turn with the host; callers are served in order.

        The request starts when the context ends: what is still waited for within it (a free
        connection) holds up the host's next caller, so that they don't start all at once then.
        """
        one = self._host(host)
        one.users += 1
        try:
            async with one.queue:
                wait = one.next_start - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                yield
                one.next_start = time.monotonic() + max(self._spacing, one.slower)
        finally:
            one.users -= 1

    def _host(self, host: str) -> _Host:
        found = self._hosts.get(host)
        if found is None:
            if len(self._hosts) >= HOSTS:
                self._hosts = {name: one for name, one in self._hosts.items() if not one.idle}
            found = self._hosts[host] = _Host(self._places)
        return found
