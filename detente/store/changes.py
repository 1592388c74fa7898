"""What the stores' ways of changing everything that is stored have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detente.store.base import Document

BATCH = 100
"""Documents that are read and changed together: each may have to be judged anew."""

_PASSES = 5
"""Each has far less to change than the one before. Only another program that writes just what this
one changes would never let them end."""


def differing(before: Sequence[Document], after: Sequence[Document]) -> list[int]:
    """The places at which a change gave something else than it was given."""
    pairs = enumerate(zip(before, after, strict=True))
    return [place for place, (old, new) in pairs if dict(old) != dict(new)]


def change_what_came_meanwhile(change_all: Callable[[], int]) -> list[str]:
    """Change everything once more (`change_all` gives how many it changed) until nothing is left.
    Says what it did."""
    told = []
    for _ in range(_PASSES):
        if not (changed := change_all()):
            break
        told.append(f"{changed:,} documents that came meanwhile changed, too")
    return told
