"""News as it comes: one look at the store every two seconds, told to every open page.

What is told is only that there is something; a page then asks for the part of itself that changed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from starlette.concurrency import run_in_threadpool

from detente.dashboard.views.common import headline, scores
from detente.errors import DetenteError
from detente.store.base import ArticleStore, Document, Query

EVERY = 2.0
"""Seconds between two looks."""

_LOOKED_AT = 100
_HEARTBEAT = 15.0
MOST_PAGES = 200


class Live:
    """Looks while a page is open. Used in the server's event loop."""

    def __init__(self, store: ArticleStore, every: float = EVERY) -> None:
        self._store = store
        self._every = every
        self._seen: dict[tuple[str, int], None] = {}
        self._listeners: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events for one page: `article` for each that is relevant, `news` after any,
        and a comment now and then, so that nobody between takes the connection for dead."""
        if len(self._listeners) >= MOST_PAGES:
            yield "retry: 60000\n\n"
            return
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=500)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield "retry: 3000\n\n"
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), _HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._listeners.discard(queue)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        log = structlog.get_logger("detente.dashboard")
        self._seen = {}
        first = True
        while self._listeners:
            try:
                page = await run_in_threadpool(
                    self._store.search, Query(order="assessed", size=_LOOKED_AT)
                )
            except DetenteError as error:
                log.warning("the store doesn't answer", reason=str(error))
            else:
                new = self._new(list(page.documents))
                if not first:
                    self._tell(new)
                first = False
            await asyncio.sleep(self._every)

    def _new(self, documents: list[Document]) -> list[Document]:
        """Those that weren't there at the last look, oldest first."""
        keys = {(one["id"], one["revision"]): one for one in reversed(documents)}
        new = [one for key, one in keys.items() if key not in self._seen]
        self._seen = dict.fromkeys(keys)
        return new

    def _tell(self, documents: list[Document]) -> None:
        told = [
            _event("article", {"id": it["id"], "title": headline(it), "scores": scores(it)})
            for it in documents
            if it.get("relevance") in ("core", "peripheral")
        ]
        if documents:
            told.append(_event("news", {"articles": len(documents)}))
        for queue in self._listeners:
            for one in told:
                with suppress(asyncio.QueueFull):  # a page that doesn't read hears of the next
                    queue.put_nowait(one)


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
