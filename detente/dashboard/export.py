"""What a search found, for other programs: CSV, JSON Lines, Atom."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace

from detente.atom import Entry, atom_feed
from detente.dashboard.asking import Asked
from detente.dashboard.views.common import headline, strongest
from detente.store.base import ArticleStore, Document

MOST = 10_000
"""Articles in one file."""

_PAGE = 500
_COLUMNS = (
    *("id", "revision", "url", "title", "outlet", "source", "country", "kind", "language"),
    *("published", "first_seen", "relevance", "relevance_score", "abstained"),
    *("first_toward_second", "second_toward_first", "issues", "actors", "dyad_labels", "evidence"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def documents(store: ArticleStore, asked: Asked, most: int = MOST) -> Iterator[Document]:
    """All that a search finds, in its order."""
    asked, left = replace(asked, after=None, size=_PAGE), most
    while left > 0:
        page = store.search(replace(asked.query(), size=min(_PAGE, left)))
        yield from page.documents
        left -= len(page.documents)
        if page.next is None:
            return
        asked = asked.page(page.next)


def as_csv(found: Iterator[Document]) -> Iterator[str]:
    """Lists are joined by spaces. Text that a spreadsheet would take for a formula is set behind
    an apostrophe."""
    yield _row(_COLUMNS)
    for document in found:
        evidence = strongest(document)
        given = {**document, "evidence": evidence["text"] if evidence else ""}
        yield _row(tuple(_cell(given.get(name)) for name in _COLUMNS))


def as_json_lines(found: Iterator[Document]) -> Iterator[str]:
    for document in found:
        yield json.dumps(document, ensure_ascii=False) + "\n"


def as_atom(found: Iterator[Document], address: str, title: str) -> bytes:
    """An Atom feed whose entries link to the articles."""
    entries = list(found)
    updated = max((one["first_seen"] for one in entries), default="1970-01-01T00:00:00Z")
    return atom_feed(address, title, updated, map(_entry, entries), link=address)


def _entry(document: Document) -> Entry:
    evidence = strongest(document)
    return Entry(
        id=f"urn:detente:article:{document['id']}",
        title=headline(document),
        updated=document["collected"],
        link=document["url"],
        author=document["outlet"],
        summary=evidence["text"] if evidence else "",
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
