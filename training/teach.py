"""What a trained teacher says of every sentence to learn from: `python -m training.teach RUN`.

Of the labelled sentences to learn from and of unlabelled ones, for `training.train --taught`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from processors.models.encoding import Encoder
from training.labelled import Sentence, data_folder, load_sentences
from training.network import Network, padded, split_heads
from training.recipe import Recipe
from training.taught import write_taught
from training.tokens import load_tokenizer
from training.unlabelled import load_unlabelled

BATCH = 32


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="what training.train --teacher wrote")
    parser.add_argument("--base", required=True, help="folder of the teacher's base weights")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--out", type=Path, default=Path("var/training/taught.npz"))
    options = parser.parse_args(arguments)
    data = data_folder(options.data)
    sentences = [one for one in load_sentences(data) if one.split == "train"]
    sentences += load_unlabelled(data)
    started = time.monotonic()
    probabilities = Teacher(options.run, options.base).judge(sentences)
    write_taught(options.out, [one.id for one in sentences], probabilities)
    print(f"{options.out}: {len(sentences)} sentences, {time.monotonic() - started:.0f} s")


class Teacher:
    """A trained network as it came out of training, before any export."""

    def __init__(self, run: Path, base: str) -> None:
        notes = msgspec.json.decode((run / "run.json").read_bytes())
        self._recipe = msgspec.convert(notes["recipe"], Recipe)
        self._encoder = Encoder(
            load_tokenizer(run),
            max_tokens=self._recipe.max_tokens,
            max_context=self._recipe.max_context,
        )
        self._network = Network(base).eval()
        self._network.load_state_dict(torch.load(run / "weights.pt", weights_only=True))

    def judge(self, sentences: Sequence[Sentence]) -> Tensor:
        """The probabilities of all heads side by side, a row for each sentence."""
        order = sorted(range(len(sentences)), key=lambda place: len(sentences[place].text))
        rows = torch.cat(list(self._rows([sentences[place] for place in order])))
        return rows[torch.tensor(order).argsort()]

    @torch.inference_mode()
    def _rows(self, sentences: Sequence[Sentence]) -> Iterator[Tensor]:
        for start in range(0, len(sentences), BATCH):
            part = sentences[start : start + BATCH]
            inputs = padded(self._encoder.encode([one.passage() for one in part]))
            with torch.autocast("cpu", torch.bfloat16, enabled=self._recipe.bfloat16):
                logits = self._network(**inputs)
            heads = split_heads(logits.float())
            yield torch.cat([head.softmax(-1) for head in heads.values()], -1)


if __name__ == "__main__":
    main()
