"""The first page: where relations stand, what moved, the day's stories, what can't be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import log2, sqrt

from detente.alerts.reading import Member, StoryReader
from detente.dashboard.charts import Point, interval, points, pooled
from detente.dashboard.ports import Source
from detente.dashboard.views.common import Line, documents_of, line, scores
from detente.store.base import ArticleStore, Document, Measure, Query, Range

PERIODS = (30, 90, 365)
STORIES_SHOWN = 15
_STORY_SPAN = timedelta(hours=36)
_MOST_LOOKED_AT = 400
_WEEK = timedelta(days=7)
_MOVES_SHOWN = 3
_LEAST_ON_A_DAY = 3
_CLEAR = 2.0
"""Standard errors from the week before, from which on a day is said to have moved something."""

WEIGHTS: Mapping[str, float] = {"reversal": 3.0, "act": 2.0, "actor": 1.0, "number": 0.5}
"""What an addition to a story counts in its rank; a new story counts 2, and so does a core one."""
_FIRST = 2.0
_CORE = 2.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One side toward the other over the last while, with the 95 % interval, and the one before."""

    toward: str
    name: str
    count: int
    mean: float | None
    low: float | None
    high: float | None
    before: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """A day that differs from the week before it, with the article that shows it best."""

    toward: str
    name: str
    day: date
    mean: float
    before: float
    article: Line | None


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A story of the day: its first relevant article, how many outlets, and what is new in it."""

    story: str
    article: Line
    articles: int
    outlets: int
    adds: tuple[str, ...]
    latest: float


@dataclass(frozen=True, slots=True)
class Today:
    """All of the page. `days` is the period of the charts, which end on `end`."""

    standings: tuple[Standing, ...]
    series: Mapping[str, Sequence[Point]]
    start: date
    end: date
    days: int
    moves: tuple[Move, ...]
    stories: tuple[StoryLine, ...]
    latest: tuple[Line, ...]
    articles: int
    core: int
    sources: Mapping[str, int]
    troubled: tuple[Source, ...]


def dyad_fields(sides: tuple[str, str]) -> dict[str, str]:
    """The flat score field of each dyad, by `USA>RUS`."""
    first, second = sides
    return {
        f"{first}>{second}": "first_toward_second",
        f"{second}>{first}": "second_toward_first",
    }


def today(
    store: ArticleStore,
    reader: StoryReader,
    sources: Sequence[Source],
    sides: tuple[str, str],
    names: Mapping[str, str],
    now: datetime,
    days: int,
    *,
    span: timedelta = _WEEK,
    story_span: timedelta = _STORY_SPAN,
) -> Today:
    """`names` are the dyads' names for people. The standings are of the last `span` and the one
    before it, the stories of those that had an article in the last `story_span`."""
    end = now.astimezone(UTC).date()
    start = end - timedelta(days=days - 1)
    relevant = _published(
        start - max(_WEEK, 2 * span), end, terms={"relevance": ["core", "peripheral"]}
    )
    measures = {
        toward: store.measure(relevant, field, "published")
        for toward, field in dyad_fields(sides).items()
    }
    day = Query(ranges={"first_seen": Range(now - timedelta(days=1), None)})
    counts = {one.key: one.count for one in store.count(day, "relevance")}
    states = Counter(
        "blind" if one.blind else "stale" if one.stale else "working" for one in sources
    )
    core = Query(terms={"relevance": ["core"]}, order="first_seen", size=10)
    return Today(
        standings=tuple(_standing(t, names[t], some, end, span) for t, some in measures.items()),
        series={
            names[t]: points([one for one in some if one.key >= str(start)])
            for t, some in measures.items()
        },
        start=start,
        end=end,
        days=days,
        moves=_moves(store, measures, names, start),
        stories=_stories(store, reader, now, story_span),
        latest=tuple(line(document) for document in store.search(core).documents),
        articles=store.count(day)[0].count,
        core=counts.get("core", 0),
        sources={name: states.get(name, 0) for name in ("working", "stale", "blind")},
        troubled=tuple(one for one in sources if one.blind or one.stale)[:5],
    )


def _published(start: date, end: date, terms: Mapping[str, Sequence[str]]) -> Query:
    """Articles that claim to be published from one day to another, both included."""
    within = Range(
        datetime.combine(start, datetime.min.time(), UTC),
        datetime.combine(end + timedelta(days=1), datetime.min.time(), UTC),
    )
    return Query(terms=terms, ranges={"published": within}, order="published", size=50)


def _standing(
    toward: str, name: str, measures: Sequence[Measure], end: date, span: timedelta
) -> Standing:
    since, before_that = str(end - span), str(end - 2 * span)
    now = pooled([one for one in measures if one.key > since])
    before = pooled([one for one in measures if before_that < one.key <= since])
    low, high = interval(now.mean, now.deviation, now.count) if now.count > 1 else (None, None)
    return Standing(
        toward=toward,
        name=name,
        count=now.count,
        mean=now.mean if now.count else None,
        low=low,
        high=high,
        before=before.mean if before.count else None,
    )


def _moves(
    store: ArticleStore,
    measures: Mapping[str, Sequence[Measure]],
    names: Mapping[str, str],
    start: date,
) -> tuple[Move, ...]:
    found: list[tuple[float, str, Measure, float]] = []
    for toward, some in measures.items():
        for one in some:
            day = date.fromisoformat(one.key)
            if one.count < _LEAST_ON_A_DAY or day < start:
                continue
            before = pooled([it for it in some if str(day - _WEEK) <= it.key < one.key])
            if before.count < _LEAST_ON_A_DAY:
                continue
            error = sqrt(before.deviation**2 / before.count + before.deviation**2 / one.count)
            apart = abs(one.mean - before.mean) / error if error else 0.0
            if apart >= _CLEAR:
                found.append((apart, toward, one, before.mean))
    found.sort(key=lambda one: -one[0])
    moves = []
    for _, toward, one, before_mean in found[:_MOVES_SHOWN]:
        day = date.fromisoformat(one.key)
        shown = _shows(store, toward, day, friendlier=one.mean > before_mean)
        moves.append(Move(toward, names[toward], day, one.mean, before_mean, shown))
    return tuple(sorted(moves, key=lambda one: one.day, reverse=True))


def _shows(store: ArticleStore, toward: str, day: date, *, friendlier: bool) -> Line | None:
    """The article of a day that leans most the way that the day went."""
    documents = store.search(_published(day, day, {"relevance": ["core", "peripheral"]})).documents
    way = 1 if friendlier else -1

    def leaning(document: Document) -> float:
        return max((way * score for dyad, score in scores(document) if dyad == toward), default=-2)

    best = max(documents, key=leaning, default=None)
    return line(best) if best and leaning(best) > -2 else None


def _stories(
    store: ArticleStore, reader: StoryReader, now: datetime, span: timedelta
) -> tuple[StoryLine, ...]:
    """The stories with an article of the last while (or of the latest such while that there was
    one), most novel first."""
    newest = reader.latest()
    if newest is None:
        return ()
    start = min(newest, now.timestamp()) - span.total_seconds()
    members: dict[str, list[Member]] = {}
    for one in reader.recent(start, _MOST_LOOKED_AT):
        members.setdefault(one.story, []).append(one)
    documents = documents_of(store, (one.article for some in members.values() for one in some))
    lines = []
    for story, some in members.items():
        relevant = [
            one
            for one in reversed(some)
            if documents.get(one.article, {}).get("relevance") in ("core", "peripheral")
        ]
        if not relevant:
            continue
        lead = next(
            (one for one in relevant if documents[one.article]["relevance"] == "core"), relevant[0]
        )
        whole = reader.members(story)
        adds = tuple(dict.fromkeys(add for one in some for add in one.adds))
        is_new = whole[0].at >= start
        lines.append(
            (
                _rank(adds, len({one.outlet for one in whole}), is_new)
                + _CORE * (documents[lead.article]["relevance"] == "core"),
                StoryLine(
                    story=story,
                    article=line(documents[lead.article]),
                    articles=len(whole),
                    outlets=len({one.outlet for one in whole}),
                    adds=(*(("new",) if is_new else ()), *adds),
                    latest=some[0].at,
                ),
            )
        )
    lines.sort(key=lambda one: (-one[0], -one[1].latest))
    return tuple(found for _, found in lines[:STORIES_SHOWN])


def _rank(adds: Sequence[str], outlets: int, is_new: bool) -> float:
    """Novelty, then how many outlets have it: each doubling of these counts one."""
    novelty = sum(WEIGHTS.get(add, 0.0) for add in adds) + (_FIRST if is_new else 0.0)
    return novelty + log2(1 + outlets)
