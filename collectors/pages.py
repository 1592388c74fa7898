"""The pages of a document's articles, as far as one poll may fetch them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import structlog

from collectors.fetch import ACCEPT_PAGE, Fetched, Fetcher, FetchFailure
from collectors.fulltext import PageFailure, PageResult, extract_page
from collectors.identity import Identified
from collectors.reading import READ_TIMEOUT, Reading
from collectors.robots import Robots
from collectors.status import TRANSIENT, PollState

HOST_IN_TROUBLE = 3
"""After so many transient failures of one host's pages in a row the rest wait for a later poll."""

POLLS_WITH_PAGES = 64
"""Polls that fetch pages at a time; further ones bring their articles without, and leave the pages
to their next poll."""

MAX_PAGES = 200
PAGES_TIME = 120.0
"""Pages that one poll fetches, and seconds that it takes for them; further ones wait for the next
poll, or the news that needs none would wait for them."""


class Pages:
    """Fetches article pages within one event loop, as robots.txt allows."""

    def __init__(self, fetcher: Fetcher, reading: Reading, max_bytes: int) -> None:
        self._fetcher = fetcher
        self._reading = reading
        self._max_bytes = max_bytes
        self._robots = Robots(fetcher)
        self._polls = asyncio.Semaphore(POLLS_WITH_PAGES)

    async def fetch(
        self, wanted: Sequence[Identified], feed: str, *, begin: Callable[[], None]
    ) -> dict[str, PageResult]:
        """A result for each wanted article, by its identity key; `begin` is called once there is
        a place for this poll among those that fetch pages."""
        if not wanted or self._polls.locked():
            return {item.key: _has_to_wait(item, "its turn") for item in wanted}
        async with self._polls:
            begin()
            return await self._fetch(wanted, feed)

    async def _fetch(self, wanted: Sequence[Identified], feed: str) -> dict[str, PageResult]:
        pages: dict[str, PageResult] = {}
        troubles: dict[str, int] = {}
        enough = time.monotonic() + PAGES_TIME
        for item in wanted:
            host = urlsplit(item.url).hostname or ""
            late = len(pages) >= MAX_PAGES or time.monotonic() > enough
            if late or troubles.get(host, 0) >= HOST_IN_TROUBLE:
                pages[item.key] = _has_to_wait(item, host)
                continue
            page = pages[item.key] = await self._page(item)
            transient = isinstance(page, PageFailure) and page.transient
            troubles[host] = troubles.get(host, 0) + 1 if transient else 0
            if isinstance(page, PageFailure):
                log = structlog.get_logger("detente.collectors")
                log.info("no page", url=item.url, feed=feed, reason=page.reason)
        return pages

    async def _page(self, item: Identified) -> PageResult:
        answer = await self._fetcher.fetch(
            item.url, max_bytes=self._max_bytes, accept=ACCEPT_PAGE, check=self._robots.check
        )
        if isinstance(answer, FetchFailure):
            # A host that wants peace isn't asked: waiting for it uses up no tries.
            tried = answer.state is not PollState.THROTTLED
            return PageFailure(answer.message, answer.state in TRANSIENT, tried)
        assert isinstance(answer, Fetched)  # nothing else without validators
        try:
            return await self._reading.run(
                extract_page, answer.body, answer.content_type, answer.url, item.entry
            )
        except TimeoutError:
            message = f"{item.url}: extracting takes longer than {READ_TIMEOUT:g} s"
            return PageFailure(message, transient=False)


def _has_to_wait(item: Identified, reason: str) -> PageFailure:
    return PageFailure(f"{item.url} has to wait for {reason}", transient=True, tried=False)
