"""Work on strangers' bytes, off the event loop and bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

READ_TIMEOUT = 60.0
"""Seconds for parsing a document or extracting a page; both can be made pathologically slow."""

READERS = 2
"""Threads for parsing and extracting, and how many of these run at once."""

P = ParamSpec("P")
T = TypeVar("T")


class Reading:
    """A few threads that parse and extract. Used within one event loop."""

    def __init__(self) -> None:
        self._threads = _threads()
        self._free = asyncio.Semaphore(READERS)

    async def run(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call the function in one of the threads. Raises TimeoutError after READ_TIMEOUT."""
        async with self._free:  # so that waiting for a free thread doesn't count
            future: Future[T] = self._threads.submit(partial(function, *args, **named))
            try:
                # Not wait_for, which before Python 3.12 may swallow a cancellation.
                async with asyncio.timeout(READ_TIMEOUT):
                    return await asyncio.wrap_future(future)
            except TimeoutError:
                # Its thread goes on; two such documents would leave none for the other feeds.
                self._threads.shutdown(wait=False)
                self._threads = _threads()
                raise

    def close(self) -> None:
        """Start nothing any more; what runs is left to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, "collectors-read")
