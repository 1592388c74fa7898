"""Fine-tune the base encoder on the labelled text: `python -m training.train --base FOLDER`.

Writes the trained weights and what they were trained with to `--out`; `training.export` makes the
shipped files of them.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from processors.models.base import HEADS, RELEVANCE, STANCE_HEADS, Passage
from processors.models.encoding import Encoded, Encoder
from training.labelled import (
    Document,
    Sentence,
    data_folder,
    label_index,
    load_documents,
    load_sentences,
)
from training.mirror import mirrored
from training.network import Network, padded, split_heads
from training.tokens import load_tokenizer

# The sign of each stance label, in the order of STANCE_LABELS: + 0 - none.
SIGNS = ((0, 1), (2,), (3, 4), (5,))


Item = TypeVar("Item")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Every choice that a run depends on, beside the data and the base weights."""

    seed: int = 13
    epochs: int = 8
    sentences_per_batch: int = 32
    documents_per_batch: int = 16
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.1
    dropout: float = 0.1
    label_smoothing: float = 0.05
    class_weight_power: float = 0.5
    sign_loss: float = 0.5
    relevance_loss: float = 1.0
    drop_title: float = 0.3
    drop_body: float = 0.15
    drop_context: float = 0.2
    drop_voice: float = 0.2
    mirror: float = 0.15
    averaging: float = 0.98
    max_tokens: int = 256
    max_context: int = 80
    bfloat16: bool = False


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", required=True, help="folder of the base encoder's weights")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--out", type=Path, default=Path("var/training/run"))
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change one value of the recipe",
    )
    options = parser.parse_args(arguments)
    values = dict(change.split("=", 1) for change in options.set)
    recipe = msgspec.convert(values, Recipe, strict=False)
    train(recipe, base=options.base, data=data_folder(options.data), out=options.out)


def train(recipe: Recipe, *, base: str, data: Path, out: Path) -> None:
    """One run, from the labelled text to the weights in `out`. Deterministic on one machine."""
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(Path(base))
    tokenizer.save(str(out / "tokenizer.json"))
    encoder = Encoder(tokenizer, max_tokens=recipe.max_tokens, max_context=recipe.max_context)
    sentences = [sentence for sentence in load_sentences(data) if sentence.split == "train"]
    documents = [document for document in load_documents(data) if document.split == "train"]
    network = Network(base, recipe.dropout)
    average = copy.deepcopy(network).eval()
    batches = Batches(recipe, encoder, sentences, documents)
    steps = recipe.epochs * len(batches)
    optimizer = torch.optim.AdamW(
        [
            {"params": network.encoder.parameters(), "lr": recipe.learning_rate},
            {"params": network.heads.parameters(), "lr": recipe.head_learning_rate},
        ],
        weight_decay=recipe.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _triangle(steps, recipe.warm_up))
    losses = Losses(recipe, sentences, documents)
    step = 0
    started = time.monotonic()
    network.train()
    for epoch in range(recipe.epochs):
        total = 0.0
        for inputs, targets in batches.epoch():
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                logits = network(**inputs)
            loss = losses(split_heads(logits.float()), targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            _blend(average, network, min(recipe.averaging, step / (step + 10)))
            total += loss.item()
        seconds = time.monotonic() - started
        torch.save(average.state_dict(), out / "weights.pt")
        print(f"epoch {epoch + 1}: loss {total / len(batches):.3f}, {seconds:.0f} s", flush=True)
    notes = {
        "recipe": msgspec.to_builtins(recipe),
        "seconds": round(time.monotonic() - started),
        "sentences": len(sentences),
        "documents": len(documents),
    }
    (out / "run.json").write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")


class Batches:
    """Batches of sentences and of documents, in turn at random; each drawn anew every epoch."""

    def __init__(
        self,
        recipe: Recipe,
        encoder: Encoder,
        sentences: Sequence[Sentence],
        documents: Sequence[Document],
    ) -> None:
        self._recipe = recipe
        self._encoder = encoder
        self._sentences = list(sentences)
        self._documents = list(documents)

    def __len__(self) -> int:
        return math.ceil(len(self._sentences) / self._recipe.sentences_per_batch) + math.ceil(
            len(self._documents) / self._recipe.documents_per_batch
        )

    def epoch(self) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
        """One pass over all the text: the network's inputs, and per head the labels' places."""
        plan: list[tuple[list[Passage], dict[str, Tensor]]] = []
        self._shuffle(self._sentences)
        for part in _parts(self._sentences, self._recipe.sentences_per_batch):
            drawn = [mirrored(one) if self._chance("mirror") else one for one in part]
            places = [
                [
                    HEADS[head].index(label)
                    for head, label in zip(STANCE_HEADS, one.labels, strict=True)
                ]
                for one in drawn
            ]
            labels = torch.tensor(places).T
            plan.append(
                (
                    [self._sentence(one) for one in drawn],
                    dict(zip(STANCE_HEADS, labels, strict=True)),
                )
            )
        random.shuffle(self._documents)
        for part in _parts(self._documents, self._recipe.documents_per_batch):
            labels = torch.tensor([label_index(one) for one in part])
            plan.append(([self._document(one) for one in part], {RELEVANCE: labels}))
        random.shuffle(plan)
        for passages, targets in plan:
            yield padded(self._encode(passages)), targets

    def _shuffle(self, sentences: list[Sentence]) -> None:
        """In random order, but with neighbours of like length: a third less padding to compute."""
        spread = {one.id: len(one.text + one.previous) + random.uniform(0, 80) for one in sentences}
        sentences.sort(key=lambda one: spread[one.id])

    def _encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        return self._encoder.encode(passages)

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


class Losses:
    """Weighted cross-entropy per head; for stance also of the sign, summed over its grades."""

    def __init__(
        self, recipe: Recipe, sentences: Sequence[Sentence], documents: Sequence[Document]
    ) -> None:
        self._recipe = recipe
        counts = {
            head: torch.tensor(
                [
                    float(sum(one.labels[side] == label for one in sentences))
                    for label in HEADS[head]
                ]
            )
            for side, head in enumerate(STANCE_HEADS)
        }
        counts[RELEVANCE] = torch.bincount(
            torch.tensor([label_index(one) for one in documents]), minlength=3
        ).float()
        self._weights = {head: self._balanced(count) for head, count in counts.items()}
        self._sign_weights = {
            head: self._balanced(torch.stack([counts[head][list(sign)].sum() for sign in SIGNS]))
            for head in STANCE_HEADS
        }

    def __call__(self, logits: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
        total = torch.zeros(())
        for head, wanted in targets.items():
            loss = functional.cross_entropy(
                logits[head],
                wanted,
                weight=self._weights[head],
                label_smoothing=self._recipe.label_smoothing,
            )
            if head == RELEVANCE:
                total = total + self._recipe.relevance_loss * loss
            else:
                total = total + loss + self._recipe.sign_loss * self._sign(head, logits, wanted)
        return total

    def _sign(self, head: str, logits: dict[str, Tensor], wanted: Tensor) -> Tensor:
        log_probability = logits[head].log_softmax(-1)
        signs = torch.stack([log_probability[:, list(sign)].logsumexp(-1) for sign in SIGNS], -1)
        place = torch.tensor(
            [next(n for n, sign in enumerate(SIGNS) if one in sign) for one in wanted.tolist()]
        )
        return functional.nll_loss(signs, place, weight=self._sign_weights[head])

    def _balanced(self, counts: Tensor) -> Tensor:
        weights = (counts.sum() / counts) ** self._recipe.class_weight_power
        return weights * counts.sum() / (weights * counts).sum()


def _triangle(steps: int, warm_up: float) -> Callable[[int], float]:
    rise = max(1, round(steps * warm_up))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / (steps - rise + 1)))


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@torch.no_grad()
def _blend(average: Network, network: Network, keep: float) -> None:
    for mean, current in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(current, 1 - keep)


if __name__ == "__main__":
    main()
