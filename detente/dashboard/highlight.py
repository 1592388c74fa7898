"""A text cut into pieces, each with what it is part of: a sentence with a stance, a quotation, an
actor's name. What marks them is left to the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from detente.watch import Actor, Watch


@dataclass(frozen=True, slots=True)
class Piece:
    """`stance` is the number of the first stance whose sentence it is in, from 1."""

    text: str
    stance: int | None = None
    tone: str = ""
    quoted: bool = False
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end` (excluded) in characters."""

    start: int
    end: int
    what: str
    value: Any = True


def spans_of(document: Mapping[str, Any], part: str) -> list[Span]:
    """The stances of one part (`title` or `body`), and the body's quotations."""
    spans = [
        Span(one["start"], one["end"], "stance", (number, tone(one["score"])))
        for number, one in enumerate(document.get("stances") or (), 1)
        if one["part"] == part
    ]
    if part == "body":
        spans += [
            Span(one["start"], one["end"], "quoted") for one in document.get("quotations") or ()
        ]
    return spans


def tone(score: float) -> str:
    """`friendly`, `hostile` or `neutral`, as a label of a stance's sign."""
    return "friendly" if score > 0 else "hostile" if score < 0 else "neutral"


def actor_spans(text: str, watch: Watch, found: Iterable[str]) -> list[Span]:
    """Where the actors that the judgement found are named."""
    wanted = set(found)
    spans = []
    for actor in watch.actors:
        if actor.id in wanted:
            spans += [
                Span(*it.span(), "actor", actor.name) for it in _pattern(actor).finditer(text)
            ]
    return spans


def _pattern(actor: Actor) -> re.Pattern[str]:
    """An actor's name and aliases, the longest first; the forms are those of `detente.watch`."""
    names = sorted({actor.name, *actor.aliases}, key=len, reverse=True)
    return re.compile("|".join(f"(?:{_alias(name)})" for name in names))


def _alias(name: str) -> str:
    body = re.escape(name.rstrip("*")) + (r"\w*" if name.endswith("*") else r"(?!\w)")
    return rf"(?<!\w)(?i:{body})" if name == name.lower() else rf"(?<!\w){body}"


def paragraphs(text: str, spans: Sequence[Span]) -> list[list[Piece]]:
    """The text's lines, each in pieces; spans may overlap, and what lies outside is passed over."""
    edges = {0, len(text)}
    for span in spans:
        edges |= {max(0, min(span.start, len(text))), max(0, min(span.end, len(text)))}
    for found in re.finditer("\n", text):
        edges |= {found.start(), found.end()}
    places = sorted(edges)
    ordered = sorted(spans, key=lambda one: one.start)
    lines: list[list[Piece]] = [[]]
    active: list[Span] = []
    upcoming = 0
    for start, end in pairwise(places):
        if text[start:end] == "\n":
            lines.append([])
            continue
        while upcoming < len(ordered) and ordered[upcoming].start <= start:
            active.append(ordered[upcoming])
            upcoming += 1
        active = [span for span in active if span.end > start]
        lines[-1].append(_piece(text[start:end], active))
    return [line for line in lines if line]


def _piece(text: str, spans: Sequence[Span]) -> Piece:
    of = {span.what: span.value for span in reversed(spans)}
    number, said = of.get("stance", (None, ""))
    return Piece(text, number, said, bool(of.get("quoted")), of.get("actor", ""))
