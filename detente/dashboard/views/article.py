"""One article: its text with what was found in it, each finding with its score and its model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from detente.article import CollectedArticle
from detente.dashboard.highlight import Piece, actor_spans, paragraphs, spans_of, tone
from detente.dashboard.views.common import Line, line
from detente.store.base import Document
from detente.watch import Watch

MOST_TEXT = 60_000
"""Characters of a text that are shown; a book is left to its publisher."""


@dataclass(frozen=True, slots=True)
class Article:
    """`cut` is how many characters aren't shown; `story` where it belongs, if that is known."""

    line: Line
    document: Document
    title: list[Piece]
    body: list[list[Piece]]
    cut: int
    stances: tuple[Mapping[str, Any], ...]
    story: str | None


def article(document: Document, watch: Watch, story: str | None) -> Article:
    title, body = document["title"], document["body"]
    shown, named = body[:MOST_TEXT], document.get("actors") or ()
    pieces = paragraphs(title[:1_000], spans_of(document, "title"))
    return Article(
        line=line(document),
        document=document,
        title=pieces[0] if pieces else [],
        body=paragraphs(shown, [*spans_of(document, "body"), *actor_spans(shown, watch, named)]),
        cut=len(body) - len(shown),
        stances=tuple(
            {**one, "number": number, "tone": tone(one["score"])}
            for number, one in enumerate(document.get("stances") or (), 1)
        ),
        story=story,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """From one revision to the next: words that stayed (`same`), came (`added`) or went."""

    revision: int
    at: datetime
    kind: str
    title: tuple[tuple[str, str], ...]
    body: tuple[tuple[str, str], ...]


def changes(revisions: Sequence[CollectedArticle]) -> list[Change]:
    """What each revision changed, newest first."""
    found = [
        Change(
            revision=after.revision,
            at=after.collected,
            kind=after.change or "",
            title=_words(before.title, after.title),
            body=_words(before.body[:MOST_TEXT], after.body[:MOST_TEXT]),
        )
        for before, after in pairwise(revisions)
    ]
    return found[::-1]


_AROUND = 12
"""Words that are shown around a change."""


def _words(before: str, after: str) -> tuple[tuple[str, str], ...]:
    old, new = before.split(), after.split()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[tuple[str, str]] = []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            same = new[new_start:new_end]
            if len(same) > 2 * _AROUND:
                same = [*same[:_AROUND], "…", *same[-_AROUND:]]
            found.append(("same", " ".join(same)))
            continue
        if old_end > old_start:
            found.append(("gone", " ".join(old[old_start:old_end])))
        if new_end > new_start:
            found.append(("added", " ".join(new[new_start:new_end])))
    return tuple(found)
