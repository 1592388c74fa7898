"""A document's relevance from all that the model says of it: its passages, and its sentences.

The head of relevance reads a few hundred words. A long briefing that touches the dyad once looks
much like a statement on nothing else; what tells them apart is how many of their sentences take a
position between the sides. A small logistic regression weighs both; training sets its weights
(`training.export`), and `model.json` holds them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from processors.models.base import (
    RELEVANCE,
    RELEVANCE_LABELS,
    STANCE_HEADS,
    Passage,
    Scores,
    Weights,
)
from processors.relevance import mean_scores, naming_most, relevance_passages
from processors.stance import NONE, stance_passage
from processors.text import sentences

TELLING: Final = 32
"""So many sentences of a document at most are asked for a position: those that name the sides
(`naming_most`). It bounds what a document costs that turns out not to be relevant."""

LEAST: Final = 1e-4
"""Probabilities below it count as it."""


class DocumentPassages(NamedTuple):
    """What the model reads to tell a document's relevance: `whole` for the head of relevance,
    `telling` sentences for their stance, of so many `sentences`. A headline alone has none."""

    whole: tuple[Passage, ...]
    telling: tuple[Passage, ...]
    sentences: int

    @property
    def all(self) -> tuple[Passage, ...]:
        """Both kinds, in the order that `weighed` takes their scores."""
        return self.whole + self.telling


def document_passages(title: str, body: str, *, voice: str = "") -> DocumentPassages:
    """Make the passages for a document; `voice` is the outlet's host."""
    split = [one.text for one in sentences(body)]
    if not split:
        return DocumentPassages(relevance_passages(title, body, voice=voice), (), 0)
    heads = [stance_passage(one.text, voice=voice) for one in sentences(title)]
    telling = [
        stance_passage(
            split[place],
            previous=split[place - 1] if place else "",
            title=title,
            voice=voice,
        )
        for place in naming_most(split, TELLING)
    ]
    return DocumentPassages(
        relevance_passages(title, body, voice=voice),
        (*heads, *telling),
        len(heads) + len(split),
    )


def weighed(
    document: DocumentPassages, scores: Sequence[Scores], weights: Weights | None
) -> Scores:
    """The document's relevance, from the scores of `document.all`.

    Without weights it is the mean of what its passages got, and so for a headline alone, whose
    sentences are the document.
    """
    mean = mean_scores(scores[: len(document.whole)])
    if weights is None or not document.sentences:
        return mean
    values = (*features(document, scores), 1.0)
    logits = [
        sum(weight * value for weight, value in zip(weights[label], values, strict=True))
        for label in RELEVANCE_LABELS
    ]
    most = max(logits)
    shares = [math.exp(logit - most) for logit in logits]
    return {
        RELEVANCE: {
            label: share / sum(shares)
            for label, share in zip(RELEVANCE_LABELS, shares, strict=True)
        }
    }


def features(document: DocumentPassages, scores: Sequence[Scores]) -> tuple[float, ...]:
    """What is weighed: the logarithm of how much likelier the head of relevance holds
    one label than the next; that of 1 + S, where S is how many sentences take a position in some
    direction, by their probabilities; and S as a share of all the document's sentences."""
    mean = mean_scores(scores[: len(document.whole)])[RELEVANCE]
    core, peripheral, none = (math.log(max(LEAST, mean[label])) for label in RELEVANCE_LABELS)
    positions = sum(_takes_position(one) for one in scores[len(document.whole) :])
    return (
        core - peripheral,
        peripheral - none,
        math.log1p(positions),
        positions / max(1, document.sentences),
    )


def _takes_position(scores: Scores) -> float:
    return 1.0 - math.prod(scores[head][NONE] for head in STANCE_HEADS)
