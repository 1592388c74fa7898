"""`make bench-judge`: sentences and articles a second, the shipped model against its fp32 twins.

The twins are what `make model` leaves in var/training/run: the fp32 ONNX file, and the weights for
torch. Where they aren't, the shipped model is timed alone. All read the same sentences of the
sample newsroom, in turn, in one run; what matters are the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from detente.newsroom import load_mastheads
from detente.watch import load_watch
from processors.judgement import Judge, Text
from processors.models.base import Classifier, Passage
from processors.models.onnx import OnnxClassifier
from processors.stance import stance_passage
from processors.text import sentences

RUN = Path("var/training/run")

Reader = Callable[[Sequence[Passage]], object]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=RUN, help="what `make model` left")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=400)
    options = parser.parse_args(arguments)
    texts = _texts()
    passages = _passages(texts)[: options.sentences]
    shipped = OnnxClassifier()
    shipped.warm_up()
    readers = {"int8 (shipped)": shipped.classify, **_twins(options.run)}
    rates = _rates(readers, passages, options.rounds)
    print(f"{len(passages)} sentences of the sample newsroom, {options.rounds} rounds")
    for name, found in rates.items():
        print(f"{name:<18}{statistics.median(found):8.1f} sentences/s{_ratio(name, rates)}")
    seconds = _seconds_judging(shipped, texts, options.rounds)
    print(f"whole articles    {len(texts) / seconds:8.1f} articles/s, {len(texts)} articles")


def _texts() -> list[Text]:
    return [
        Text(one.first.title, "\n".join(one.first.paragraphs), "en", "sample.example")
        for masthead in load_mastheads()
        for one in masthead.articles
        if one.language == "en"
    ]


def _passages(texts: Sequence[Text]) -> list[Passage]:
    return [
        stance_passage(one.text, title=text.title, voice=text.host)
        for text in texts
        for one in sentences(text.body)
    ]


def _twins(run: Path) -> dict[str, Reader]:
    found: dict[str, Reader] = {}
    if (run / "fp32").is_dir():
        twin = OnnxClassifier(run / "fp32")
        twin.warm_up()
        found["fp32 ONNX"] = twin.classify
    if (run / "weights.pt").is_file() and find_spec("torch"):
        from training.torchrun import TorchReader

        found["fp32 torch"] = TorchReader(run).read
    if not found:
        print(f"(no fp32 model in {run}: `make model` leaves one)")
    return found


def _rates(
    readers: dict[str, Reader], passages: Sequence[Passage], rounds: int
) -> dict[str, list[float]]:
    """Passages a second of each reader in each round; they take turns."""
    rates: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            began = time.perf_counter()
            read(passages)
            rates[name].append(len(passages) / (time.perf_counter() - began))
    return rates


def _ratio(name: str, rates: dict[str, list[float]]) -> str:
    """How much faster the shipped model was than this one, round by round."""
    (shipped, *_), own = rates.values(), rates[name]
    if own is shipped:
        return ""
    ratios = [fast / slow for fast, slow in zip(shipped, own, strict=True)]
    return f"   int8 is {statistics.median(ratios):.2f} times as fast"


def _seconds_judging(classifier: Classifier, texts: Sequence[Text], rounds: int) -> float:
    judge = Judge(load_watch("usa-rus"), classifier)
    judge.warm_up()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        judge.judge(texts)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
