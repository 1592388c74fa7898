"""Is a document about the dyad's diplomacy? Its passage for the classifier, and the decision.

Pure functions on plain values, shared by training and run time: a model is only as good at run
time as its input resembles what it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from processors.models.base import RELEVANCE, Passage, Scores
from processors.text import sentences

if TYPE_CHECKING:
    from detente.article import RelevanceLabel

PASSAGE_WORDS: Final = 130
"""How much of a document's body the model reads: most of what 256 tokens hold."""

LEAD_WORDS: Final = 50
"""The part of it that always goes to the beginning of the body, which tells what it is about."""

UNSURE: Final = 0.40
"""Below this probability of the likeliest of three labels nothing is said. Between 0.33, where all
are alike, and this the label is right about as often as not (docs/model-card.md)."""

GAP: Final = "…"
"""Stands where sentences were left out, so that a long document with few mentions looks it."""

_LENGTHS: Final = ((12, "short"), (40, "medium"), (120, "long"), (float("inf"), "very long"))
"""Sentences, up to which a body is called so."""

_SHARES: Final = ((0.0, "no"), (0.03, "very few"), (0.1, "few"), (0.3, "some"), (1.0, "many"))
"""The part of the sentences, up to which it is called so."""

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


def relevance_passage(title: str, body: str, *, voice: str = "") -> Passage:
    """Make the passage by which a document's relevance is judged.

    The title (may be empty), then the beginning of the body (may be empty) and the sentences that
    name the sides, in the document's order. A sentence weighs more the fewer others name that
    side: in a Kremlin transcript the words on America tell more than those on Russia. As such an
    excerpt makes a passing mention look like the subject, the context says in words how long the
    body is, and how much of it names each side and both. `voice` is the outlet's host.
    """
    split = [_flat(one.text) for one in sentences(body)]
    lines = [_flat(title), _excerpt(split)]
    text = "\n".join(line for line in lines if line)
    return Passage(text, context=_density(split), voice=voice)


def relevance_of(scores: Scores) -> tuple[RelevanceLabel, float]:
    """Decide relevance: the likeliest label, and a score in 0…1.

    The score is the probability of `core` plus half of that of `peripheral`: 1 is surely core, 0
    is surely none.
    """
    head = scores[RELEVANCE]
    return _likeliest(head), min(1.0, head["core"] + 0.5 * head["peripheral"])


def is_unsure(scores: Scores) -> bool:
    """Whether the likeliest label is too unlikely to be said (`UNSURE`)."""
    head = scores[RELEVANCE]
    return head[_likeliest(head)] < UNSURE


def _likeliest(head: Mapping[str, float]) -> RelevanceLabel:
    labels: tuple[RelevanceLabel, ...] = ("core", "peripheral", "none")
    return max(labels, key=lambda label: head[label])


def _flat(text: str) -> str:
    return " ".join(text.split())


def _excerpt(body: Sequence[str]) -> str:
    lengths = [len(sentence.split()) for sentence in body]
    kept: set[int] = set()
    room = PASSAGE_WORDS
    for index, length in enumerate(lengths):
        if kept and PASSAGE_WORDS - room + length > LEAD_WORDS:
            break
        kept.add(index)
        room -= length
    weights = _weights(body)
    for index in sorted(range(len(body)), key=lambda index: (-weights[index], index)):
        if index not in kept and lengths[index] <= room:
            kept.add(index)
            room -= lengths[index]
    return _joined(body, sorted(kept))


def _density(body: Sequence[str]) -> str:
    """How much of a body is about the sides, in words that an encoder knows; empty without one."""
    if not body:
        return ""
    first, second = ({at for at, one in enumerate(body) if side.search(one)} for side in _SIDES)
    shares = [_share(len(found) / len(body)) for found in (first, second, first & second)]
    length = next(word for limit, word in _LENGTHS if len(body) <= limit)
    return (
        f"A {length} text: {shares[0]} sentences name America, {shares[1]} name Russia, "
        f"{shares[2]} name both."
    )


def _share(part: float) -> str:
    return next(word for limit, word in _SHARES if part <= limit)


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
