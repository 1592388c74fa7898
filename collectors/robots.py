"""Which pages of a host may be fetched: its robots.txt, read as RFC 9309 says.

For article pages alone: a feed is there to be polled by programs.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from protego import Protego

from collectors.address import FetchProblem
from collectors.fetch import Fetched, Fetcher, FetchFailure
from collectors.status import PollState

AGENT: Final = "Detente"
"""By what name a robots.txt speaks of us: the product in our User-Agent."""

FRESH: Final = 86_400.0
"""Seconds; RFC 9309 (2.4) forbids to keep one for longer than a day."""

FAILED: Final = 3_600.0
"""After so many seconds one that couldn't be had is asked for again."""

MAX_BYTES: Final = 512_000
"""RFC 9309 (2.5) asks for 500 KiB at least to be read."""

LONGEST_DELAY: Final = 60.0
"""Seconds between two requests that a host's `Crawl-delay` may ask for."""

HOSTS: Final = 10_000
"""So many hosts' are kept; beyond it the oldest are forgotten."""

_NO_SUCH_FILE: Final = frozenset(
    {PollState.NOT_FOUND, PollState.GONE, PollState.FORBIDDEN, PollState.CLIENT_ERROR}
)
"""Any 4xx: there are no rules (RFC 9309, 2.3.1.3)."""


class _Rules(NamedTuple):
    until: float
    rules: Protego | None
    known: bool


class Robots:
    """The rules of the hosts, fetched once a day each. Used within one event loop."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._hosts: dict[str, _Rules] = {}

    async def check(self, url: str) -> None:
        """Raise FetchProblem where we mustn't fetch this page, or can't know yet whether we may.

        A `Crawl-delay` binds the host from then on.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        found = self._hosts.get(origin)
        if found is None or found.until < time.monotonic():
            found = await self._fetch(origin)
            self._keep(origin, found)
        self._respect_delay(parts.hostname or "", found.rules)
        if not found.known:
            message = f"{origin}/robots.txt can't be read, so whether {url} may be is unknown"
            raise FetchProblem(PollState.THROTTLED, message, FAILED)
        if found.rules is not None and not found.rules.can_fetch(url, AGENT):
            message = f"{origin}/robots.txt doesn't allow {url}"
            raise FetchProblem(PollState.FORBIDDEN, message)

    def _keep(self, origin: str, rules: _Rules) -> None:
        self._hosts.pop(origin, None)
        self._hosts[origin] = rules
        if len(self._hosts) > HOSTS:
            del self._hosts[next(iter(self._hosts))]

    async def _fetch(self, origin: str) -> _Rules:
        now = time.monotonic()
        answer = await self._fetcher.fetch(
            f"{origin}/robots.txt", max_bytes=MAX_BYTES, accept="text/plain, */*;q=0.1"
        )
        if isinstance(answer, Fetched):
            rules = Protego.parse(answer.body.decode("utf-8-sig", "replace"))
            return _Rules(now + FRESH, rules, known=True)
        assert isinstance(answer, FetchFailure)  # no validators were shown
        if answer.state in _NO_SUCH_FILE:
            return _Rules(now + FRESH, None, known=True)
        return _Rules(now + min(answer.retry_after or FAILED, FRESH), None, known=False)

    def _respect_delay(self, host: str, rules: Protego | None) -> None:
        delay = rules.crawl_delay(AGENT) if rules else None
        if delay:
            self._fetcher.gate.slow_down(host, min(float(delay), LONGEST_DELAY))
