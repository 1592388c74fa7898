"""A trained network as it came out of training, before any export: read with torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from processors.models.base import Passage
from processors.models.encoding import Encoder
from training.bases import minilm
from training.network import Network, padded, split_heads
from training.recipe import Recipe
from training.tokens import load_tokenizer

BATCH = 32


class TorchReader:
    """Reads with the network of a run, in batches of like length; `base` as in training."""

    def __init__(self, run: Path, base: Path | None = None) -> None:
        notes = msgspec.json.decode((run / "run.json").read_bytes())
        recipe = msgspec.convert(notes["recipe"], Recipe)
        self._bfloat16 = recipe.bfloat16
        self._encoder = Encoder(
            load_tokenizer(run), max_tokens=recipe.max_tokens, max_context=recipe.max_context
        )
        self._network = Network(base or minilm()).eval()
        self._network.load_state_dict(torch.load(run / "weights.pt", weights_only=True))

    def read(self, passages: Sequence[Passage]) -> Tensor:
        """The probabilities of all heads side by side, a row for each passage."""
        order = sorted(range(len(passages)), key=lambda place: len(passages[place].text))
        rows = torch.cat(list(self._rows([passages[place] for place in order])))
        return rows[torch.tensor(order).argsort()]

    @torch.inference_mode()
    def _rows(self, passages: Sequence[Passage]) -> Iterator[Tensor]:
        for start in range(0, len(passages), BATCH):
            inputs = padded(self._encoder.encode(passages[start : start + BATCH]))
            with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
                logits = self._network(**inputs)
            heads = split_heads(logits.float())
            yield torch.cat([head.softmax(-1) for head in heads.values()], -1)
