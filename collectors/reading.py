"""Work on strangers' bytes, off the event loop and bounded in time.

Two lanes. What is small is read in a few threads of this process. What is large, or took too long
before, is read in a process of its own: Python runs one thread at a time, so a document that takes
a minute would hold up all others, and a thread can't be stopped.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

READ_TIMEOUT = 60.0
"""Seconds for parsing a document or extracting a page; both can be made pathologically slow."""

READERS = 2
"""Threads for parsing and extracting, and how many of these run at once."""

LARGE = 1_000_000
"""Bytes of a document from which it is read in a process of its own: about a second of parsing."""

APART = 2
"""Such processes at a time."""

MAX_MEMORY = 2_000_000_000
"""Bytes of addresses that such a process may take."""

P = ParamSpec("P")
T = TypeVar("T")


class Reading:
    """The lanes. Used within one event loop."""

    def __init__(self) -> None:
        self._threads = _threads()
        self._free = asyncio.Semaphore(READERS)
        self._apart = ThreadPoolExecutor(APART, "collectors-apart")

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

    async def run_apart(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call the function, which must be a module's, in a process of its own.

        Raises TimeoutError after READ_TIMEOUT, and MemoryError where it takes more than MAX_MEMORY.
        """
        loop = asyncio.get_running_loop()
        work: Callable[[], T] = partial(_in_process, partial(function, *args, **named))
        return await loop.run_in_executor(self._apart, work)

    def close(self) -> None:
        """Start nothing any more; what runs is left to end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._apart.shutdown(wait=False, cancel_futures=True)


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, "collectors-read")


def _in_process(work: Callable[[], T]) -> T:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, work), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(READ_TIMEOUT):
            raise TimeoutError
        try:
            value, error = here.recv()
        except EOFError:
            raise MemoryError("the process that read it was killed") from None
    finally:
        process.kill()
        process.join()
        here.close()
    if error is not None:
        raise error
    result: T = value
    return result


def _answer(there: Connection, work: Callable[[], Any]) -> None:
    """What the process does: the result, or the error, goes through the pipe."""
    _be_modest()
    try:
        answer: tuple[Any, BaseException | None] = work(), None
    except Exception as error:
        answer = None, error
    there.send(answer)


def _be_modest() -> None:
    """Give way to everything else, and fail rather than take all memory."""
    try:
        import resource
    except ImportError:  # pragma: no cover - not on Windows
        return
    os.nice(5)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = MAX_MEMORY if most == resource.RLIM_INFINITY else min(MAX_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
