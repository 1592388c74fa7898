"""What several pages show of a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from detente.store.base import ArticleStore, Document, Query

LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Line:
    """An article in a list: `score` by dyad (`USA>RUS`), and the sentence that shows most."""

    id: str
    title: str
    outlet: str
    country: str
    kind: str
    language: str
    published: str | None
    first_seen: str
    relevance: str | None
    abstained: str | None
    scores: tuple[tuple[str, float], ...]
    evidence: Any
    issues: tuple[str, ...]
    link: str | None


def line(document: Document) -> Line:
    return Line(
        id=document["id"],
        title=headline(document),
        outlet=document["outlet"],
        country=document.get("country") or "",
        kind=document.get("kind") or "",
        language=document.get("language") or "",
        published=document.get("published"),
        first_seen=document["first_seen"],
        relevance=document.get("relevance"),
        abstained=document.get("abstained"),
        scores=scores(document),
        evidence=strongest(document),
        issues=tuple(document.get("issues") or ()),
        link=link(document),
    )


def link(document: Document) -> str | None:
    """The article's address, if a browser may be sent there, and no Markdown or HTML would end at
    a sign in it."""
    url: str = document["url"]
    is_web = url.startswith(("http://", "https://"))
    return url if is_web and not re.search(r"[<>\s\"]", url) else None


def headline(document: Document) -> str:
    """The title as it is shown: one that is a book is cut."""
    title: str = document["title"].strip() or document["url"]
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def scores(document: Document) -> tuple[tuple[str, float], ...]:
    return tuple(
        (f"{one['holder']}>{one['target']}", one["score"]) for one in document.get("dyads") or ()
    )


def strongest(document: Document) -> Any:
    """The sentence with the strongest stance that the model is surest of; None where there is
    none."""
    stances = document.get("stances") or ()
    # The headline says it best only where the text says nothing.
    stances = [one for one in stances if one["part"] == "body"] or stances
    return max(stances, key=lambda one: abs(one["score"]) * one["confidence"], default=None)


def documents_of(store: ArticleStore, ids: Iterable[str]) -> dict[str, Document]:
    """The documents with these ids that are there."""
    wanted: Sequence[str] = list(dict.fromkeys(ids))
    found: dict[str, Document] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        page = store.search(Query(terms={"id": part}, size=len(part)))
        found |= {document["id"]: document for document in page.documents}
    return found
