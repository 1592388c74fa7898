"""Several fields of the embedded store counted at once, each table read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detente.store.base import Bucket, Query
from detente.store.sqlite_layout import FACETED, LABELS
from detente.store.sqlite_query import where

Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]

_FEW = 13_000
"""Up to so many documents their labels are looked up one by one (7 µs each); from then on it is
sooner done to read all labels through (90 ms where 100,000 documents have some 450,000)."""


def counted_together(
    rows: Rows, query: Query, fields: Sequence[str]
) -> Mapping[str, Sequence[Bucket]]:
    """Those of the fields that can be counted together, most first. `rows` runs a query."""
    conditions, values = where(query)
    names = ", ".join(FACETED)
    found: dict[str, Counter[str]] = {name: Counter() for name in fields if name in FACETED}
    total = 0
    for *row, count in rows(
        f"SELECT {names}, count(*) FROM facts WHERE {conditions} GROUP BY {names}", values
    ):
        total += count
        for name, value in zip(FACETED, row, strict=True):
            if value is not None and name in found:
                found[name][value] += count
    labels = [name for name in fields if name in LABELS]
    found |= {name: Counter() for name in labels}
    if labels:
        marks = ", ".join("?" * len(labels))
        tables, condition, values = _labels_of(conditions, values, total)
        for name, value, count in rows(
            f"SELECT field, value, count(*) FROM {tables} WHERE {condition}"
            f" AND field IN ({marks}) GROUP BY 1, 2",
            [*values, *labels],
        ):
            found[name][value] = count
    return {name: _most_first(counts) for name, counts in found.items()}


def _labels_of(conditions: str, values: list[Any], total: int) -> tuple[str, str, list[Any]]:
    """Which tables the labels are read from, and the condition on them."""
    if conditions == "1":
        return "labels", "1", []
    if total <= _FEW:
        return "facts CROSS JOIN labels USING (number)", conditions, values
    # NOT INDEXED: else each label of each field would be found by way of the documents.
    numbers = f"SELECT number FROM facts WHERE {conditions}"
    return "labels NOT INDEXED", f"number IN ({numbers})", values


def _most_first(counts: Counter[str]) -> list[Bucket]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [Bucket(value, count) for value, count in ordered]
