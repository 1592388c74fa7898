"""The article store: one document per article, found by words, fields and dates.

A document is a JSON object with the fields of `store.fields`; its `id` and `revision` name it.
What every backend holds to (tests/contracts/store.py tests each clause):

- `put` twice is as `put` once; an older revision never overwrites a newer one, an equal one
  rewrites the same document.
- An article is one document, whatever its revisions say of when it was first seen.
- `put` gives one outcome per document, in order; one bad document doesn't sink its batch.
- Dates go in with any offset and come back in UTC, to the millisecond; unknown fields are
  refused.
- `prepare` is idempotent.
- Equal queries give equal ids in equal order; pages neither repeat nor skip.
- Words, phrases and prefixes match alike (`store.analysis`).
- A document that `put` reported as written is found by `get` at once and by `search` within
  a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import sqrt
from typing import Any, Literal, Protocol

Document = Mapping[str, Any]

Change = Callable[[Sequence["Document"]], Sequence["Document"]]
"""Gives the documents as they shall be, in order; those that are right already as they are."""

OnProgress = Callable[[int], None]
"""Is told how many documents are done."""


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of one document.

    `written`; `stale` (a newer revision is there already: nothing to do); or `rejected`, with the
    reason, when the document itself is at fault.
    """

    id: str
    result: Literal["written", "stale", "rejected"]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` (included) to `end` (excluded); None leaves that side open."""

    start: datetime | float | None = None
    end: datetime | float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which documents: all conditions must hold.

    `text` has words, "phrases" and prefixes*, joined by AND (also where nothing stands between
    them), OR, NOT and parentheses. `terms` maps a keyword field to the values of which it must
    have one, `prefixes` a keyword field of one value to how it must begin, `ranges` a date or
    number field to a range. `order` is a date field, newest first; documents without that date
    come last. `after` is the `next` of the page before.
    """

    text: str = ""
    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    order: str = "first_seen"
    size: int = 20
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of documents, the number of all that match, and where the next page begins."""

    documents: Sequence[Document]
    total: int
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many documents have this value (a keyword), or fall on this day (`YYYY-MM-DD`)."""

    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Measure:
    """A number over the documents that have this value, or fall on this day: how many have it, its
    mean, and the standard deviation of the sample (0 where it is one)."""

    key: str
    count: int
    mean: float
    deviation: float

    @classmethod
    def of(cls, key: str, count: int, mean: float, squares: float) -> Measure:
        """From the mean of the number and that of its square."""
        spread = max(0.0, squares - mean * mean)
        return cls(key, count, mean, sqrt(spread * count / (count - 1)) if count > 1 else 0.0)


class ArticleStore(Protocol):
    """Used from any thread. Every method raises StoreUnavailable when the store can't answer."""

    def prepare(self) -> list[str]:
        """Create or verify what the store needs; gives a line on each thing that it did or found.

        Harmless while others are at work. Raises ConfigError where it can't be made right."""
        ...

    def check(self) -> None:
        """Raises ConfigError, saying what to do, where `prepare` has still to be called, or where
        the store can't be used as it is set. An embedded store prepares itself."""
        ...

    def put(self, documents: Sequence[Document]) -> Sequence[WriteOutcome]:
        """Write the documents, durable on return; one outcome each, in order."""
        ...

    def get(self, id: str) -> Document | None: ...

    def search(self, query: Query) -> Page:
        """Raises ConfigError with the position of the fault for a query that can't be read."""
        ...

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]:
        """Documents by the values of a keyword field (most first), or by the days of a date
        field (in order); with `by` None, one bucket `*` with the number of all."""
        ...

    def facets(self, query: Query, fields: Sequence[str]) -> Mapping[str, Sequence[Bucket]]:
        """As `count`, by each of several fields."""
        ...

    def measure(self, query: Query, field: str, by: str) -> Sequence[Measure]:
        """A number field over the documents that have it, by the values of a keyword field (most
        documents first), or by the days of a date field (in order)."""
        ...

    def rebuild(self, change: Change, on_progress: OnProgress) -> list[str]:
        """Write every document anew, as `change` gives it and in the layout of this version, while
        readers and writers go on: readers miss nothing at any time, and what is written meanwhile
        is kept, and changed as well. A newer revision is never overwritten. Gives a line on each
        thing that it did. Raises ConfigError where it can't be done.
        """
        ...

    def drop_old(self) -> list[str]:
        """Delete what `rebuild` has left of before; gives the names of what was deleted."""
        ...

    def close(self) -> None: ...
