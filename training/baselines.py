"""What the model is compared with: its base as that comes, under a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from processors.models.base import HEADS, RELEVANCE, STANCE_HEADS, Passage, Scores
from processors.models.encoding import Encoder
from training.bases import minilm
from training.labelled import Sentence
from training.network import Network, padded
from training.tokens import load_tokenizer

BATCH = 32


class FrozenBase:
    """The base's mean over the text, and for each direction a regression on it. Knows nothing of
    relevance: it says `none` of everything."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        base = minilm()
        self._encoder = Encoder(load_tokenizer(base), max_tokens=256, max_context=80)
        self._network = Network(base).eval()
        vectors = self._vectors([one.passage() for one in sentences])
        self._regressions = {
            head: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(
                vectors, [one.labels[side] for one in sentences]
            )
            for side, head in enumerate(STANCE_HEADS)
        }

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage, in order."""
        vectors = self._vectors(passages)
        found = {head: one.predict_proba(vectors) for head, one in self._regressions.items()}
        scores = []
        for place in range(len(passages)):
            one: dict[str, dict[str, float]] = {
                RELEVANCE: {label: float(label == "none") for label in HEADS[RELEVANCE]}
            }
            for head, regression in self._regressions.items():
                known = dict(zip(regression.classes_, found[head][place].tolist(), strict=True))
                one[head] = {label: known.get(label, 0.0) for label in HEADS[head]}
            scores.append(one)
        return scores

    @torch.inference_mode()
    def _vectors(self, passages: Sequence[Passage]) -> np.ndarray:
        order = sorted(range(len(passages)), key=lambda place: len(passages[place].text))
        rows = []
        for start in range(0, len(order), BATCH):
            part = [passages[place] for place in order[start : start + BATCH]]
            with torch.autocast("cpu", torch.bfloat16):
                rows.append(self._network.mean(**padded(self._encoder.encode(part))).float())
        return torch.cat(rows)[torch.tensor(order).argsort()].numpy()
