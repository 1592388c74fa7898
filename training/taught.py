"""What a teacher says of sentences, in a file: the probability of each label of each head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.network import split_heads

Taught = Mapping[str, Mapping[str, Tensor]]
"""A sentence's id → head → probabilities."""


def write_taught(path: Path, ids: Sequence[str], probabilities: Tensor) -> None:
    """Write a row of all heads' probabilities side by side for each sentence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, ids=np.array(ids), probabilities=probabilities.numpy())


def read_taught(path: Path) -> Taught:
    """Read what `write_taught` wrote."""
    with np.load(path) as kept:
        rows = torch.from_numpy(kept["probabilities"].astype(np.float32))
        ids = kept["ids"].tolist()
    return {one: split_heads(row) for one, row in zip(ids, rows, strict=True)}
