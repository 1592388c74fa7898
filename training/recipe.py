"""Every choice that a training run depends on, beside the data and the base weights."""

from __future__ import annotations

import msgspec


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """The small model's by default; a teacher's is `TEACHER`.

    Losses are weights. `drop_…` and `mirror` are the shares of sentences (or documents) that are
    shown without that part, or with their sides exchanged. `frozen_layers` counts the encoder's
    lower ones that keep their weights. `taught` is the share of what a teacher says in the loss of
    a labelled sentence.
    """

    seed: int = 13
    epochs: int = 6
    sentences_per_batch: int = 32
    documents_per_batch: int = 16
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.1
    dropout: float = 0.1
    label_smoothing: float = 0.05
    class_weight_power: float = 0.3
    sign_loss: float = 0.5
    relevance_loss: float = 1.0
    event_loss: float = 0.3
    issues_loss: float = 5.0
    taught: float = 0.5
    drop_title: float = 0.3
    drop_body: float = 0.15
    drop_context: float = 0.2
    drop_voice: float = 0.2
    mirror: float = 0.15
    averaging: float = 0.98
    max_tokens: int = 256
    max_context: int = 80
    frozen_layers: int = 0
    documents: bool = True
    bfloat16: bool = True


TEACHER = Recipe(
    epochs=2,
    sentences_per_batch=16,
    learning_rate=5e-5,
    frozen_layers=3,
    averaging=0.99,
    max_tokens=160,
    max_context=56,
    documents=False,
)
"""For an encoder five times as large: it reads less, and no documents."""
