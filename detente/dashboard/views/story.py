"""One story: its articles in order, who has it, how its stance differs, who is quoted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from detente.alerts.reading import Member, StoryReader
from detente.dashboard.views.common import Line, documents_of, line
from detente.store.base import ArticleStore, Document

QUOTES_SHOWN = 20
_NOBODY = ("", "he", "she", "it", "they", "we", "i")


@dataclass(frozen=True, slots=True)
class Told:
    """An article as part of its story: `adds` is what was new, `copies` the outlet it copies."""

    article: Line
    adds: tuple[str, ...]
    copies: str | None


@dataclass(frozen=True, slots=True)
class KindStance:
    """The mean score of a dyad over the articles of one kind of outlet."""

    kind: str
    toward: str
    count: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quote:
    text: str
    speaker: str
    outlet: str
    article: str


@dataclass(frozen=True, slots=True)
class Story:
    """`low` and `high` of a stance are the least and the greatest article's."""

    id: str
    title: str
    told: tuple[Told, ...]
    outlets: int
    countries: tuple[tuple[str, int], ...]
    kinds: tuple[tuple[str, int], ...]
    stances: tuple[KindStance, ...]
    quotes: tuple[Quote, ...]


def story(store: ArticleStore, reader: StoryReader, id: str) -> Story | None:
    """None where there is no such story, or no article of it is stored yet."""
    members = reader.members(id)
    documents = documents_of(store, (one.article for one in members))
    members = [one for one in members if one.article in documents]
    if not members:
        return None
    found = [documents[one.article] for one in members]
    lead = next((one for one in found if one.get("relevance") == "core"), found[0])
    outlet_of = {one.article: one.outlet for one in members}
    return Story(
        id=members[0].story,
        title=line(lead).title,
        told=tuple(_told(one, documents[one.article], outlet_of) for one in members),
        outlets=len({one.outlet for one in members}),
        countries=_counted(found, "country"),
        kinds=_counted(found, "kind"),
        stances=_stances(found),
        quotes=_quotes(found),
    )


def _told(member: Member, document: Document, outlet_of: dict[str, str]) -> Told:
    copies = outlet_of.get(member.copies, member.copies) if member.copies else None
    return Told(line(document), member.adds, copies)


def _counted(documents: Sequence[Document], field: str) -> tuple[tuple[str, int], ...]:
    """Outlets by a field, most first."""
    outlets = {document["outlet"]: document.get(field) or "unknown" for document in documents}
    return tuple(Counter(outlets.values()).most_common())


def _stances(documents: Sequence[Document]) -> tuple[KindStance, ...]:
    scores: dict[tuple[str, str], list[float]] = {}
    for document in documents:
        for dyad in document.get("dyads") or ():
            key = (f"{dyad['holder']}>{dyad['target']}", document.get("kind") or "unknown")
            scores.setdefault(key, []).append(dyad["score"])
    return tuple(
        KindStance(kind, toward, len(some), sum(some) / len(some), min(some), max(some))
        for (toward, kind), some in sorted(scores.items(), reverse=True)
    )


def _quotes(documents: Sequence[Document]) -> tuple[Quote, ...]:
    """Each saying once, by who is reported to have said it first."""
    seen: dict[str, Quote] = {}
    for document in documents:
        quotation: Any
        for quotation in document.get("quotations") or ():
            key = "".join(quotation["text"].split()).casefold()[:80]
            speaker = quotation.get("speaker") or ""
            if speaker.lower() not in _NOBODY and len(quotation["text"]) > 20:
                quote = Quote(quotation["text"], speaker, document["outlet"], document["id"])
                seen.setdefault(key, quote)
    return tuple(seen.values())[:QUOTES_SHOWN]
