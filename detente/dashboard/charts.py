"""Charts as SVG, drawn here: a page shows them without a script, and a brief has the same ones.

Colours and widths are in the style sheet, by class; nothing in the drawing is inline style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt

from markupsafe import Markup, escape

from detente.store.base import Measure

WIDTH, HEIGHT = 760, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 10, 26
_MOST_POINTS = 100
_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Point:
    """A day (or the first of a week), the mean of so many articles, and its 95 % interval."""

    day: date
    count: int
    mean: float
    low: float
    high: float


def points(measures: Sequence[Measure]) -> list[Point]:
    """Days with their intervals; weeks where there are more than a hundred days.

    The interval is the normal one of a mean, with the standard deviation within all days together:
    that of a single day rests on a few articles.
    """
    days = [(date.fromisoformat(one.key), one) for one in measures]
    if len(days) > _MOST_POINTS:
        weeks: dict[date, list[Measure]] = {}
        for day, one in days:
            weeks.setdefault(day - timedelta(days=day.weekday()), []).append(one)
        days = [(week, pooled(some)) for week, some in weeks.items()]
    spread = pooled([one for _, one in days]).deviation if days else 0.0
    within = _within([one for _, one in days]) or spread
    return [
        Point(day, one.count, one.mean, *interval(one.mean, within, one.count)) for day, one in days
    ]


def interval(mean: float, deviation: float, count: int) -> tuple[float, float]:
    """The normal 95 % interval of a mean score of so many articles, within -1 to 1."""
    half = _NORMAL_95 * deviation / sqrt(count)
    return max(-1.0, mean - half), min(1.0, mean + half)


def pooled(measures: Sequence[Measure]) -> Measure:
    """Several groups as one."""
    count = sum(one.count for one in measures)
    if not count:
        return Measure("", 0, 0.0, 0.0)
    mean = sum(one.count * one.mean for one in measures) / count
    squares = sum(one.deviation**2 * (one.count - 1) + one.count * one.mean**2 for one in measures)
    return Measure.of("", count, mean, squares / count)


def _within(measures: Sequence[Measure]) -> float:
    """The standard deviation within groups."""
    free = sum(one.count - 1 for one in measures)
    squares = sum(one.deviation**2 * (one.count - 1) for one in measures)
    return sqrt(squares / free) if free > 0 else 0.0


def trend_chart(
    series: Mapping[str, Sequence[Point]], start: date, end: date, *, title: str
) -> Markup:
    """Lines with their intervals between two days, over -1 (hostile) to 1 (friendly)."""
    days = max(1, (end - start).days)

    def x(day: date) -> float:
        return _LEFT + (day - start).days / days * (WIDTH - _LEFT - _RIGHT)

    def y(score: float) -> float:
        return _TOP + (1 - score) / 2 * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"'
        ' xmlns="http://www.w3.org/2000/svg">'
    ]
    for score, name in ((1, "friendly"), (0.5, ""), (0, "0"), (-0.5, ""), (-1, "hostile")):
        kind = "axis" if score == 0 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}"'
            f' y1="{y(score):.1f}" y2="{y(score):.1f}"/>'
        )
        if name:
            parts.append(
                f'<text class="tick" x="{_LEFT - 5}" y="{y(score) + 4:.1f}"'
                f' text-anchor="end">{name}</text>'
            )
    parts += [
        f'<text class="tick" x="{x(day):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{day:%-d %b}</text>"
        for day in _ticks(start, end)
    ]
    for number, (name, line) in enumerate(series.items(), 1):
        shown = [one for one in line if start <= one.day <= end]
        if len(shown) > 1:
            above = " ".join(f"{x(p.day):.1f},{y(p.high):.1f}" for p in shown)
            below = " ".join(f"{x(p.day):.1f},{y(p.low):.1f}" for p in reversed(shown))
            parts.append(f'<polygon class="band band{number}" points="{above} {below}"/>')
            middle = " ".join(f"{x(p.day):.1f},{y(p.mean):.1f}" for p in shown)
            parts.append(f'<polyline class="line line{number}" points="{middle}"/>')
        for p in shown:
            said = f"{name}, {p.day:%-d %B}: {p.mean:+.2f} ({p.low:+.2f} to {p.high:+.2f})"
            parts.append(
                f'<circle class="dot line{number}" cx="{x(p.day):.1f}" cy="{y(p.mean):.1f}"'
                f' r="{2.2 if len(shown) > 40 else 3}"><title>{escape(said)},'
                f" {p.count} articles</title></circle>"
            )
    parts.append("</svg>")
    return Markup("".join(parts))


def _ticks(start: date, end: date) -> list[date]:
    step = max(1, (end - start).days // 7)
    return [start + timedelta(days=n) for n in range(step // 2, (end - start).days + 1, step)]


def bar(score: float | None, low: float | None = None, high: float | None = None) -> Markup:
    """One score on a small scale from -1 to 1, with its interval."""
    if score is None:
        return Markup("")
    tone = "friendly" if score > 0 else "hostile"
    span = ""
    if low is not None and high is not None:
        span = f'<rect class="span" x="{50 + low * 48:.1f}" y="3" height="6"'
        span += f' width="{max(1.0, (high - low) * 48):.1f}"/>'
    return Markup(
        '<svg class="scale" viewBox="0 0 100 12" aria-hidden="true">'
        f'<line class="axis" x1="2" x2="98" y1="6" y2="6"/>{span}'
        '<line class="axis" x1="50" x2="50" y1="2" y2="10"/>'
        f'<circle class="{tone}" cx="{50 + score * 48:.1f}" cy="6" r="3.4"/></svg>'
    )
