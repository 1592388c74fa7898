"""What a brief says: the dashboard's first page, of a day or a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from detente.alerts.reading import StoryReader
from detente.dashboard.ports import Source
from detente.dashboard.rendering import clip
from detente.dashboard.views.today import Today, today
from detente.store.base import ArticleStore

STORIES = 6
"""As many as fit a page with their sentences."""

_CHART_DAYS = 30


@dataclass(frozen=True, slots=True)
class Brief:
    """`period` is `day` or `week`, `shown` what the first page shows of it."""

    period: str
    title: str
    made: datetime
    shown: Today

    @property
    def span(self) -> str:
        return "24 hours" if self.period == "day" else "seven days"

    @property
    def before(self) -> str:
        return "the day before" if self.period == "day" else "the week before"

    @property
    def rests_on(self) -> str:
        """A sentence on how much was read, and what couldn't be."""
        shown = self.shown
        blind = ", ".join(f"{clip(one.outlet, 50)}: {one.state}" for one in shown.troubled)
        return (
            f"{shown.articles} articles in the last 24 hours, {shown.core} of them about the two "
            f"sides; {shown.sources['working']} of {sum(shown.sources.values())} sources work, "
            f"{shown.sources['stale']} are silent, {shown.sources['blind']} bring nothing"
            + (f" ({blind})." if blind else ".")
        )


def brief(
    store: ArticleStore,
    reader: StoryReader,
    sources: Sequence[Source],
    sides: tuple[str, str],
    names: Mapping[str, str],
    now: datetime,
    period: str,
) -> Brief:
    """`period` is `day` or `week`; `names` are the dyads' names for people."""
    span = timedelta(days=1 if period == "day" else 7)
    shown = today(
        store, reader, sources, sides, names, now, _CHART_DAYS, span=span, story_span=span
    )
    first, _ = names.values()
    one, _, other = first.partition(" → ")
    day = now.astimezone(UTC)
    when = f"{day:%-d %B %Y}" if period == "day" else f"the week to {day:%-d %B %Y}"
    return Brief(period, f"{one} and {other}: {when}", now, shown)
