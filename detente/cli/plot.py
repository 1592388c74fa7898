"""Stance scores over time, drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

Point = tuple[datetime, float]

_HEIGHT = 9
_MARKS = (("●", "cyan"), ("○", "yellow"))
_BOTH = ("◉", "bold")


def plot_scores(series: Mapping[str, Sequence[Point]], width: int = 60) -> Text:
    """Up to two named series of (instant, score in -1…1), each averaged in `width` equal spans
    of time, zero in the middle row. An empty text where no series has a point."""
    from rich.text import Text

    instants = [instant for points in series.values() for instant, _ in points]
    if not instants:
        return Text()
    first, last = min(instants), max(instants)
    span = max((last - first) / width, timedelta(seconds=1))
    means = {name: _means(points, first, span, width) for name, points in series.items()}
    top = _scale([abs(mean) for line in means.values() for mean in line.values()])
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    for mark, line in zip(_MARKS, means.values(), strict=False):
        for column, mean in line.items():
            row = round((1 - mean / top) * (_HEIGHT - 1) / 2)
            cells[row, column] = _BOTH if (row, column) in cells else mark

    text = Text()
    for row in range(_HEIGHT):
        level = top * (1 - 2 * row / (_HEIGHT - 1))
        text.append(f"{level:+.2f} " if row % 2 == 0 else "      ", style="dim")
        blank = "·" if row == _HEIGHT // 2 else " "
        for column in range(width):
            sign, style = cells.get((row, column), (blank, "dim"))
            text.append(sign, style=style)
        text.append("\n")
    begin, end = f"{first:%d %b %Y}", f"{last:%d %b %Y}"
    text.append(f"      {begin}{end:>{max(1, width - len(begin))}}\n", style="dim")
    for (sign, style), name in zip(_MARKS, series, strict=False):
        text.append(f"      {sign} {name}", style=style)
    text.append(f"   {_BOTH[0]} both   (+ cooperative, - adversarial)\n", style="dim")
    return text


def _means(
    points: Sequence[Point], first: datetime, span: timedelta, width: int
) -> dict[int, float]:
    columns: dict[int, list[float]] = {}
    for instant, score in points:
        columns.setdefault(min(width - 1, int((instant - first) / span)), []).append(score)
    return {column: sum(scores) / len(scores) for column, scores in columns.items()}


def _scale(sizes: Sequence[float]) -> float:
    """The largest size, rounded up to a quarter."""
    return max(0.25, math.ceil(max(sizes) * 4) / 4)
