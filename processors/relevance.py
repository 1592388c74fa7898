"""Is a document about the dyad's diplomacy? Its passage for the classifier, and the decision.

Pure functions on plain values, shared by training and run time: a model is only as good at run
time as its input resembles what it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from processors.costs import Costs
from processors.models.base import RELEVANCE, Passage, Scores
from processors.text import sentences

if TYPE_CHECKING:
    from detente.article import RelevanceLabel

PASSAGE_WORDS: Final = 130
"""How much of a document's body the model reads: most of what 256 tokens hold."""

LEAD_WORDS: Final = 50
"""The part of it that always goes to the beginning of the body, which tells what it is about."""

UNSURE: Final = Costs().least_relevance
"""Below this probability of the likeliest of three labels, with 0.33 for each if all are alike,
nothing is said, unless the settings name other costs. Up to 0.6 the label is often one step off,
mostly `peripheral` for `none` (docs/model-card.md); it comes with its score, for whoever wants to
be surer."""

GAP: Final = "…"
"""Stands where sentences were left out, so that a long document with few mentions looks it."""

# Which sentences are worth reading. These belong to the model's recipe, not to the watch: a change
# of aliases there must not change what the trained model is shown.
_SIDES: Final = (
    re.compile(
        r"\b(?:U\.S\.|US|USA|United States|Americans?|Washington|White House|State Department"
        r"|Pentagon|Oval Office|Trump|Biden|Obama|Bush|Clinton|Rubio|Blinken|Witkoff)(?!\w)"
    ),
    re.compile(
        r"\b(?:Russian?s?|Moscow|Kremlin|Putin|Medvedev|Lavrov|Peskov|Zakharova|Ushakov|Ryabkov"
        r"|Soviet)(?!\w)"
    ),
)


def relevance_passages(title: str, body: str, *, voice: str = "") -> tuple[Passage, ...]:
    """Make the passages by whose mean a document's relevance is judged: two, or one if they agree.

    Each has the title (may be empty). The first goes on with the sentences that name the sides,
    wherever they stand; the second with the beginning. The first finds what a long briefing says of
    the sides far down; alone it would make any passing mention look like the subject (figures in
    docs/model-card.md). `voice` is the outlet's host.
    """
    split = [_flat(one.text) for one in sentences(body)]
    texts = (_excerpt(split), _lead(split))
    whole = ("\n".join(line for line in (_flat(title), text) if line) for text in texts)
    return tuple(Passage(text, voice=voice) for text in dict.fromkeys(whole))


def naming_most(body: Sequence[str], most: int) -> list[int]:
    """The places of so many sentences at most that name a side, in order: those that weigh most."""
    weights = _weights(body)
    naming = (index for index, weight in enumerate(weights) if weight)
    return sorted(sorted(naming, key=lambda index: (-weights[index], index))[:most])


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of what several passages of one document got, for the head of relevance."""
    labels = scores[0][RELEVANCE]
    mean = {label: sum(one[RELEVANCE][label] for one in scores) / len(scores) for label in labels}
    return {RELEVANCE: mean}


def relevance_of(scores: Scores) -> tuple[RelevanceLabel, float]:
    """Decide relevance: the likeliest label, and a score in 0…1.

    The score is the probability of `core` plus half of that of `peripheral`: 1 is surely core, 0
    is surely none.
    """
    head = scores[RELEVANCE]
    return _likeliest(head), min(1.0, head["core"] + 0.5 * head["peripheral"])


def is_unsure(scores: Scores, least: float = UNSURE) -> bool:
    """Whether the likeliest label is too unlikely to be said."""
    head = scores[RELEVANCE]
    return head[_likeliest(head)] < least


def _likeliest(head: Mapping[str, float]) -> RelevanceLabel:
    labels: tuple[RelevanceLabel, ...] = ("core", "peripheral", "none")
    return max(labels, key=lambda label: head[label])


def _flat(text: str) -> str:
    return " ".join(text.split())


def _excerpt(body: Sequence[str]) -> str:
    """The beginning, and the sentences that name the sides in the document's order. A sentence
    weighs more the fewer others name that side: in a Kremlin transcript the words on America tell
    more than those on Russia."""
    lengths = [len(sentence.split()) for sentence in body]
    kept = set(_first(lengths, LEAD_WORDS))
    room = PASSAGE_WORDS - sum(lengths[index] for index in kept)
    weights = _weights(body)
    for index in sorted(range(len(body)), key=lambda index: (-weights[index], index)):
        if index not in kept and lengths[index] <= room:
            kept.add(index)
            room -= lengths[index]
    return _joined(body, sorted(kept))


def _lead(body: Sequence[str]) -> str:
    return _joined(body, _first([len(sentence.split()) for sentence in body], PASSAGE_WORDS))


def _first(lengths: Sequence[int], words: int) -> list[int]:
    """The places of the first sentences that have so many words together; of one at least."""
    places: list[int] = []
    for place, length in enumerate(lengths):
        words -= length
        if places and words < 0:
            break
        places.append(place)
    return places


def _weights(body: Sequence[str]) -> list[float]:
    weights = [0.0] * len(body)
    for side in _SIDES:
        naming = [index for index, sentence in enumerate(body) if side.search(sentence)]
        for index in naming:
            weights[index] += 1 / len(naming)
    return weights


def _joined(body: Sequence[str], kept: Sequence[int]) -> str:
    parts: list[str] = []
    following = 0
    for index in kept:
        if index != following:
            parts.append(GAP)
        parts.append(body[index])
        following = index + 1
    if kept and following < len(body):
        parts.append(GAP)
    return " ".join(parts)
