"""What a subscription would have told of in the past, so that it can be tried before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from detente.alerts.likeness import traits_of
from detente.alerts.match import Article, compiled
from detente.alerts.stories import Stories
from detente.errors import ConfigError
from detente.store.base import ArticleStore, Document, Query, Range
from detente.store.expression import parse_expression
from detente.store.query import refuse_what_no_store_has

PAGE = 500
MOST = 20_000
"""Articles that are looked at; a query that finds more says enough by that."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The documents that would have been told of, oldest first, one for each story; and how many
    articles match. `cut` says that there are more."""

    told: Sequence[Document]
    articles: int
    cut: bool


def dry_run(store: ArticleStore, text: str, start: datetime, end: datetime) -> DryRun:
    """Run a query over what was first seen between two instants. Raises ConfigError."""
    expression = parse_expression(text)
    if expression is None:
        raise ConfigError("search: the query asks for nothing")
    try:
        refuse_what_no_store_has(expression)
        ask = text
    except ConfigError:
        ask = ""  # all of them, to be looked at one by one
    found = list(_found(store, Query(text=ask, ranges={"first_seen": Range(start, end)})))
    cut = len(found) >= MOST
    matches = compiled(expression)
    stories, told, articles = Stories(), [], 0
    of = {document["id"]: traits_of(document) for document in found}
    for id, its in of.items():
        stories.observe(id, its)
    for document in reversed(found):
        placed = stories.place(document["id"], of[document["id"]])
        if not ask and not matches(Article(document, placed.story)):
            continue
        articles += 1
        if placed.is_new:
            told.append(document)
    return DryRun(told, articles, cut)


def _found(store: ArticleStore, query: Query) -> Iterator[Document]:
    after: str | None = None
    seen = 0
    while seen < MOST:
        page = store.search(Query(text=query.text, ranges=query.ranges, size=PAGE, after=after))
        yield from page.documents
        seen += len(page.documents)
        after = page.next
        if after is None:
            return
