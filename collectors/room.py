"""A bound on the documents in hand: fetched, but not taken in yet.

Without it, a start that finds thousands of feeds due would fetch them faster than they can be read,
and hold them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """So many documents may be in hand at a time. Used within one event loop."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    @contextmanager
    def guest(self) -> Iterator[Guest]:
        """One poll, which may take a place within the context and gives it back at the end."""
        guest = Guest(self._places)
        try:
            yield guest
        finally:
            guest.leave()


class Guest:
    """A poll's place in the room, or none yet."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._inside = False

    async def enter(self) -> None:
        """Wait for a place, but for a guest who has one."""
        if not self._inside:
            await self._places.acquire()
            self._inside = True

    def leave(self) -> None:
        """Give the place back, if there is one to give back."""
        if self._inside:
            self._inside = False
            self._places.release()
