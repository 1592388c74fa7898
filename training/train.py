"""Fine-tune an encoder on the labelled text: `python -m training.train`.

Writes the trained weights and what they were trained with to `--out`; `training.export` makes the
shipped files of them. With `--teacher` the run is a teacher's, and with `--taught FILE` it learns
from what `training.teach` wrote of one, too.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import torch

from processors.models.encoding import Encoder
from training.bases import minilm, mpnet
from training.batches import Batches
from training.labelled import data_folder, load_documents, load_sentences
from training.losses import Losses
from training.network import Network, split_heads
from training.recipe import TEACHER, Recipe
from training.taught import Taught, read_taught
from training.tokens import load_tokenizer
from training.unlabelled import load_unlabelled


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, help="folder of the base encoder's weights")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--out", type=Path, default=Path("var/training/run"))
    parser.add_argument("--teacher", action="store_true", help="start from the teacher's recipe")
    parser.add_argument("--taught", type=Path, help="what a teacher says, from training.teach")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change one value of the recipe",
    )
    options = parser.parse_args(arguments)
    values = dict(change.split("=", 1) for change in options.set)
    start = TEACHER if options.teacher else Recipe()
    recipe = msgspec.convert({**msgspec.to_builtins(start), **values}, Recipe, strict=False)
    taught = read_taught(options.taught) if options.taught else None
    base = options.base or (mpnet() if options.teacher else minilm())
    train(recipe, taught, base=base, data=data_folder(options.data), out=options.out)


def train(recipe: Recipe, taught: Taught | None, *, base: Path, data: Path, out: Path) -> None:
    """One run, from the labelled text to the weights in `out`. Deterministic on one machine."""
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(base)
    tokenizer.save(str(out / "tokenizer.json"))
    encoder = Encoder(tokenizer, max_tokens=recipe.max_tokens, max_context=recipe.max_context)
    sentences = [one for one in load_sentences(data) if one.split == "train"]
    documents = [one for one in load_documents(data) if one.split == "train" and recipe.documents]
    losses = Losses(recipe, sentences, documents)
    if taught is not None:
        sentences += load_unlabelled(data)
    network = Network(base, recipe.dropout, recipe.frozen_layers)
    average = copy.deepcopy(network).eval()
    batches = Batches(recipe, encoder, sentences, documents, taught)
    steps = recipe.epochs * len(batches)
    optimizer = torch.optim.AdamW(
        [
            {"params": [*_learning(network.encoder)], "lr": recipe.learning_rate},
            {"params": network.heads.parameters(), "lr": recipe.head_learning_rate},
        ],
        weight_decay=recipe.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _triangle(steps, recipe.warm_up))
    step = 0
    started = time.monotonic()
    network.train()
    for epoch in range(recipe.epochs):
        total = 0.0
        for batch in batches.epoch():
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                logits = network(**batch.inputs)
            loss = losses(split_heads(logits.float()), batch)
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


def _learning(part: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    return (parameter for parameter in part.parameters() if parameter.requires_grad)


def _triangle(steps: int, warm_up: float) -> Callable[[int], float]:
    rise = max(1, round(steps * warm_up))
    return lambda step: min((step + 1) / rise, max(0.0, (steps - step) / (steps - rise + 1)))


@torch.no_grad()
def _blend(average: Network, network: Network, keep: float) -> None:
    for mean, current in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(current, 1 - keep)


if __name__ == "__main__":
    main()
