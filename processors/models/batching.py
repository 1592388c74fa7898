"""Batches of like length: less padding to compute, and a bound on memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

BATCH_TOKENS: Final = 2048
"""The most tokens of one batch, padding included; what bounds memory, whatever is asked."""


def batches(lengths: Sequence[int], most: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Group places by length (in tokens), longest first, so that each padded batch holds at most
    `most` tokens. One that is longer by itself is a batch of its own.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
