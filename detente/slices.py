"""Long sequences in parts that fit where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def slices(
    items: Sequence[T], size: Callable[[T], int], most_bytes: int, most: int | None = None
) -> Iterator[Sequence[T]]:
    """Consecutive parts of `items`, none of them empty, in order and as long as may be.

    A part has at most `most` items and `most_bytes` bytes; an item that is larger stands alone.
    """
    begin = total = 0
    for place, item in enumerate(items):
        bytes_here = size(item)
        if place > begin and (total + bytes_here > most_bytes or place - begin == most):
            yield items[begin:place]
            begin, total = place, 0
        total += bytes_here
    if begin < len(items):
        yield items[begin:]
