"""Marked quotations to compare with: passages of our own, in tests/data, with an F1 over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from processors.quotes import Quote, Span

ALIKE = 0.8
"""Two spans are the same when they share so much of what both cover together."""


class Figures(NamedTuple):
    """F1 over spans, and over spans whose speaker is right, too; `count` are those marked."""

    count: int
    spans: float
    speakers: float


def load_passages(name: str) -> list[dict[str, Any]]:
    path = Path(__file__).parent / "data" / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def compare(find: Callable[[str], Sequence[Quote]], passages: Sequence[dict[str, Any]]) -> Figures:
    """A speaker is right when the words found and a place of the words marked overlap."""
    marked = right = spoken = given = 0
    for passage in passages:
        text = passage["text"]
        left = list(find(text))
        given += len(left)
        for wanted in passage["quotes"]:
            marked += 1
            places = _places(text, wanted["span"])
            found = next((one for one in left if any(_alike(one.said, at) for at in places)), None)
            if found:
                left.remove(found)
                right += 1
                speaker = found.speaker
                spoken += speaker is not None and any(
                    _shared(speaker, at) for at in _places(text, wanted["speaker"])
                )
    return Figures(marked, 2 * right / (marked + given), 2 * spoken / (marked + given))


def _places(text: str, words: str) -> list[Span]:
    starts = [at for at in range(len(text)) if text.startswith(words, at)]
    return [Span(at, at + len(words)) for at in starts]


def _shared(one: Span, other: Span) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _alike(one: Span, other: Span) -> bool:
    return _shared(one, other) >= ALIKE * (max(one.end, other.end) - min(one.start, other.start))
