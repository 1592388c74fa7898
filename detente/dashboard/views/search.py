"""The search page: what was found, and what else could be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from detente.dashboard.asking import FACETS, Asked
from detente.dashboard.views.common import Line, line
from detente.store.base import ArticleStore, Bucket

VALUES_SHOWN = 8
_POOL = ThreadPoolExecutor(4, "facets")
"""What a page asks of the store, it asks at once; nothing in here waits for another task."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet: how many articles have it with all else that is chosen, and the search
    that chooses it (or chooses it no more)."""

    value: str
    label: str
    count: int
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Found:
    asked: Asked
    lines: tuple[Line, ...]
    total: int
    facets: Mapping[str, tuple[Value, ...]]
    next: str | None
    first: str | None


def search(store: ArticleStore, asked: Asked, labels: Mapping[str, str]) -> Found:
    """`labels` are names for people of values (actors and issues). Raises ConfigError."""
    free = [FACETS[name] for name in FACETS if name not in asked.chosen]
    counting = _POOL.submit(store.facets, asked.query(), free)
    # A facet of which something is chosen counts what else could be.
    others = {
        FACETS[name]: _POOL.submit(store.count, asked.query(without=name), FACETS[name])
        for name in asked.chosen
    }
    page = store.search(asked.query())
    counted = {**counting.result(), **{name: one.result() for name, one in others.items()}}
    return Found(
        asked=asked,
        lines=tuple(line(document) for document in page.documents),
        total=page.total,
        facets={name: _values(asked, name, counted[FACETS[name]], labels) for name in FACETS},
        next=asked.page(page.next).address() if page.next else None,
        first=asked.page(None).address() if asked.after else None,
    )


def _values(
    asked: Asked, facet: str, buckets: Sequence[Bucket], labels: Mapping[str, str]
) -> tuple[Value, ...]:
    chosen = asked.chosen.get(facet, ())
    counts = {one.key: one.count for one in buckets}
    shown = [one.key for one in buckets[:VALUES_SHOWN]]
    shown += [value for value in chosen if value not in shown]
    return tuple(
        Value(
            value=value,
            label=labels.get(value, value),
            count=counts.get(value, 0),
            chosen=value in chosen,
            address=asked.toggled(facet, value).address(),
        )
        for value in shown
    )
