"""Sentences that nobody has labelled, for a teacher to judge: what it says of them is learnt from.

Two kinds. Official ones stand next to words on the sides, in documents that pass the gate. News
ones are a set's sentences on the domestic politics of a country, in which one actor deals with
another: with the two replaced by a side's names, they are what news prose says of the dyad.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from detente.watch import load_watch
from processors.actors import ActorMatcher, names_dyad
from processors.text import sentences as split_sentences
from training.labelled import (
    NEWS_HOST,
    SOURCES,
    Sentence,
    digest,
    directed_texts,
    load_documents,
    load_sentences,
)

UNKNOWN = ("", "")
"""The labels of a sentence that has none."""

OFFICIAL = 2_000
NEWS = 1_000

SHORTEST = 40
"""In characters: what is shorter says nothing alone."""

# The set's labels: of its first entity toward the second, and of the second toward the first.
_DIRECTED = {"0": "nn", "1": "1n", "2": "n1", "3": ("-1", "n"), "4": ("n", "-1")}

_NAMES = (
    (
        "Washington",
        "the White House",
        "the Biden administration",
        "the Trump administration",
        "President Donald Trump",
        "the State Department",
        "U.S. officials",
        "the United States",
        "the Pentagon",
        "Secretary of State Marco Rubio",
        "Blinken",
        "the U.S. Treasury",
    ),
    (
        "Moscow",
        "the Kremlin",
        "President Vladimir Putin",
        "Putin",
        "Russia",
        "the Russian Foreign Ministry",
        "Russian officials",
        "Foreign Minister Sergei Lavrov",
        "Lavrov",
        "Kremlin spokesman Dmitry Peskov",
        "Russian diplomats",
        "Maria Zakharova",
    ),
)


def load_unlabelled(folder: Path, *, official: int = OFFICIAL, news: int = NEWS) -> list[Sentence]:
    """So many sentences of either kind at most, the same ones each time; none of a dev document."""
    return [*_first(_official(folder), official), *_first(_news(folder), news)]


def _first(sentences: Iterator[Sentence], number: int) -> list[Sentence]:
    # The sets have some sentences twice.
    once = {digest(one.text): one for one in sentences}
    return [once[key] for key in sorted(once)[:number]]


def _official(folder: Path) -> Iterator[Sentence]:
    watch = load_watch("usa-rus")
    matcher = ActorMatcher(watch)
    labelled = {digest(one.text) for one in load_sentences(folder)}
    kept = {one.id.split("#")[0] for one in load_sentences(folder) if one.split != "train"}
    for document in load_documents(folder):
        whole = f"{document.title}\n{document.body}"
        if (
            document.source not in SOURCES
            or document.split != "train"
            or document.id in kept
            or not names_dyad(matcher.mentions(whole), watch, document.voice)
        ):
            continue
        own = watch.speaks_for(document.voice)
        split = [one.text for one in split_sentences(document.body)]
        names_other = [
            any(mention.side != own for mention in matcher.mentions(text)) for text in split
        ]
        for number, text in enumerate(split):
            near = any(names_other[max(0, number - 2) : number + 2])
            if near and len(text) >= SHORTEST and digest(text) not in labelled:
                yield Sentence(
                    id=f"{document.id}@{number}",
                    source=SOURCES[document.source],
                    text=text,
                    previous=split[number - 1] if number else "",
                    title=document.title,
                    voice=document.voice,
                    labels=UNKNOWN,
                    split="train",
                )


def directed_sentences(folder: Path) -> Iterator[Sentence]:
    """The set of directed sentiment as if it were on the dyad: its two entities have become the two
    sides, and who is for or against whom verbal cooperation or conflict."""
    for text, one, other, label in directed_texts(folder):
        number = int(digest(text), 16)
        first = number % 2
        names = _names(first, number // 2)
        for entity, name in zip((one, other), names, strict=True):
            # The set's brackets cut names short: "[Putin]s".
            text = re.sub(rf"(?:\bthe )?\[{re.escape(entity)}\]\w*", name, text)
        text = text.replace("[", "").replace("]", "").strip()
        if not all(name in text for name in names):
            continue  # its brackets are elsewhere than its entities
        text = text[:1].upper() + text[1:]
        towards = _DIRECTED[label]
        yield Sentence(
            id=f"directed~{digest(text)}",
            source="directed",
            text=text,
            previous="",
            title="",
            voice=NEWS_HOST,
            labels=(towards[first], towards[1 - first]),
            split="train",
        )


def _news(folder: Path) -> Iterator[Sentence]:
    for one in directed_sentences(folder):
        # What is read elsewhere has enough of sentences without a position.
        if one.labels != ("n", "n"):
            yield one._replace(labels=UNKNOWN)


def _names(first: int, number: int) -> Sequence[str]:
    """A name of the side `first`, then one of the other."""
    ours, theirs = _NAMES[first], _NAMES[1 - first]
    return ours[number % len(ours)], theirs[number // len(ours) % len(theirs)]
