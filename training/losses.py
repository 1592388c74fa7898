"""What training minimizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from processors.models.base import ALL_HEADS, EVENT, RELEVANCE, RELEVANCE_LABELS, STANCE_HEADS
from training.batches import UNSAID, Batch, sentence_labels
from training.labelled import Document, Sentence, label_index
from training.recipe import Recipe

# The sign of each stance label, in the order of STANCE_LABELS: + 0 - none.
SIGNS = ((0, 1), (2,), (3, 4), (5,))


class Losses:
    """Weighted cross-entropy of each head; for stance also of the sign, summed over its grades;
    and the cross-entropy with what a teacher says.

    A label's weight is its share of the labels to the power `-class_weight_power`.
    """

    def __init__(
        self, recipe: Recipe, sentences: Sequence[Sentence], documents: Sequence[Document]
    ) -> None:
        self._recipe = recipe
        places = sentence_labels(sentences)
        counts = {
            head: torch.bincount(places[head][places[head] != UNSAID], minlength=len(labels))
            for head, labels in ALL_HEADS.items()
            if head != RELEVANCE
        }
        counts[RELEVANCE] = torch.bincount(
            torch.tensor([label_index(one) for one in documents], dtype=torch.long),
            minlength=len(RELEVANCE_LABELS),
        )
        self._weights = {head: self._balanced(count) for head, count in counts.items()}
        self._sign_weights = {
            head: self._balanced(torch.stack([counts[head][list(sign)].sum() for sign in SIGNS]))
            for head in STANCE_HEADS
        }

    def __call__(self, logits: dict[str, Tensor], batch: Batch) -> Tensor:
        total = torch.zeros(())
        for head, wanted in batch.labels.items():
            said = wanted != UNSAID
            loss = torch.zeros(())
            if said.any():
                loss = self._of_labels(head, logits[head][said], wanted[said])
                # The mean over the batch, not over those of its sentences that have a label.
                loss = loss * said.float().mean()
            if batch.taught is not None and head in batch.taught:
                share = torch.where(said, self._recipe.taught, 1.0)
                taught = _cross_entropy(logits[head], batch.taught[head])
                loss = (1 - self._recipe.taught) * loss + (share * taught).mean()
            total = total + self._of_head(head) * loss
        return total

    def _of_head(self, head: str) -> float:
        if head == RELEVANCE:
            return self._recipe.relevance_loss
        if head == EVENT:
            return self._recipe.event_loss
        if head in STANCE_HEADS:
            return 1.0
        return self._recipe.issues_loss / (len(ALL_HEADS) - 4)

    def _of_labels(self, head: str, logits: Tensor, wanted: Tensor) -> Tensor:
        loss = functional.cross_entropy(
            logits,
            wanted,
            weight=self._weights[head],
            label_smoothing=self._recipe.label_smoothing,
        )
        if head in STANCE_HEADS:
            loss = loss + self._recipe.sign_loss * self._of_sign(head, logits, wanted)
        return loss

    def _of_sign(self, head: str, logits: Tensor, wanted: Tensor) -> Tensor:
        log_probability = logits.log_softmax(-1)
        signs = torch.stack([log_probability[:, list(sign)].logsumexp(-1) for sign in SIGNS], -1)
        place = torch.tensor(
            [next(n for n, sign in enumerate(SIGNS) if one in sign) for one in wanted.tolist()]
        )
        return functional.nll_loss(signs, place, weight=self._sign_weights[head])

    def _balanced(self, counts: Tensor) -> Tensor:
        counts = counts.float().clamp(min=1)
        weights = (counts.sum() / counts) ** self._recipe.class_weight_power
        return weights * counts.sum() / (weights * counts).sum()


def _cross_entropy(logits: Tensor, probabilities: Tensor) -> Tensor:
    return -(probabilities * logits.log_softmax(-1)).sum(-1)
