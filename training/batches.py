"""What training reads, drawn anew every epoch: batches of sentences and of documents, in turn."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from processors.models.base import (
    ABOUT,
    ALL_HEADS,
    EVENT,
    EVENT_LABELS,
    ISSUES,
    RELEVANCE,
    STANCE_HEADS,
    Passage,
    issue_head,
)
from processors.models.encoding import Encoder
from training.labelled import Document, Sentence, label_index
from training.mirror import mirrored
from training.network import padded
from training.recipe import Recipe

UNSAID = -100
"""Stands for the label that nobody gave."""

TAUGHT = (*STANCE_HEADS, EVENT)
"""What a teacher is asked about. It saw few examples of an issue, and says `no` too often."""

Item = TypeVar("Item")

Probabilities = Mapping[str, Tensor]
"""Head → the probability of each of its labels."""


class Batch(NamedTuple):
    """The network's inputs; per head the places of the labels, or `UNSAID`; and what a teacher
    says (head → batch × labels), where there is one."""

    inputs: dict[str, Tensor]
    labels: dict[str, Tensor]
    taught: dict[str, Tensor] | None = None


class Batches:
    """Makes the batches of each epoch; `taught` has the teacher's word by sentence."""

    def __init__(
        self,
        recipe: Recipe,
        encoder: Encoder,
        sentences: Sequence[Sentence],
        documents: Sequence[Document],
        taught: Mapping[str, Probabilities] | None = None,
    ) -> None:
        self._recipe = recipe
        self._encoder = encoder
        self._sentences = list(sentences)
        self._documents = list(documents)
        self._taught = taught

    def __len__(self) -> int:
        return math.ceil(len(self._sentences) / self._recipe.sentences_per_batch) + math.ceil(
            len(self._documents) / self._recipe.documents_per_batch
        )

    def epoch(self) -> Iterator[Batch]:
        """One pass over all the text."""
        self._shuffle(self._sentences)
        random.shuffle(self._documents)
        plan: list[Sequence[Sentence] | Sequence[Document]] = [
            *_parts(self._sentences, self._recipe.sentences_per_batch),
            *_parts(self._documents, self._recipe.documents_per_batch),
        ]
        random.shuffle(plan)
        for part in plan:
            yield self._batch(part)

    def _batch(self, part: Sequence[Sentence] | Sequence[Document]) -> Batch:
        documents = [one for one in part if isinstance(one, Document)]
        if documents:
            labels = torch.tensor([label_index(one) for one in documents])
            return Batch(self._inputs(map(self._document, documents)), {RELEVANCE: labels})
        drawn = [(one, self._chance("mirror")) for one in part if isinstance(one, Sentence)]
        shown = [mirrored(one) if turned else one for one, turned in drawn]
        return Batch(
            self._inputs(map(self._sentence, shown)),
            sentence_labels(shown),
            self._what_is_taught(drawn),
        )

    def _what_is_taught(self, drawn: Sequence[tuple[Sentence, bool]]) -> dict[str, Tensor] | None:
        if self._taught is None:
            return None
        first, second = STANCE_HEADS
        turned_head = {first: second, second: first}
        return {
            head: torch.stack(
                [
                    self._taught[one.id][turned_head.get(head, head) if turned else head]
                    for one, turned in drawn
                ]
            )
            for head in TAUGHT
        }

    def _inputs(self, passages: Iterator[Passage]) -> dict[str, Tensor]:
        return padded(self._encoder.encode(list(passages)))

    def _shuffle(self, sentences: list[Sentence]) -> None:
        """In random order, but with neighbours of like length: a third less padding to compute."""
        spread = {one.id: len(one.text + one.previous) + random.uniform(0, 80) for one in sentences}
        sentences.sort(key=lambda one: spread[one.id])

    def _chance(self, name: str) -> bool:
        return random.random() < getattr(self._recipe, name)

    def _sentence(self, sentence: Sentence) -> Passage:
        return sentence.passage(
            context=not self._chance("drop_context"), voice=not self._chance("drop_voice")
        )

    def _document(self, document: Document) -> Passage:
        title = not self._chance("drop_title")
        body = not (title and document.title and self._chance("drop_body"))
        voice = not self._chance("drop_voice")
        return random.choice(document.passages(title=title, body=body, voice=voice))


def sentence_labels(sentences: Sequence[Sentence]) -> dict[str, Tensor]:
    """Per head, the place of each sentence's label, or `UNSAID`."""
    labels = {
        head: [_place(ALL_HEADS[head], one.labels[side]) for one in sentences]
        for side, head in enumerate(STANCE_HEADS)
    }
    labels[EVENT] = [_place(EVENT_LABELS, one.event) for one in sentences]
    for issue in ISSUES:
        labels[issue_head(issue)] = [
            UNSAID if one.issues is None else ABOUT.index("yes" if issue in one.issues else "no")
            for one in sentences
        ]
    return {head: torch.tensor(places) for head, places in labels.items()}


def _place(labels: Sequence[str], label: str | None) -> int:
    return labels.index(label) if label in labels else UNSAID


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
