"""Measure the shipped model on dev: `python -m training.evaluate --reference RUN`.

Prints the tables; with `--card FILE` it also writes them into the model card, whose words are in
`training/card.md`. `--reference` is the run that the model was exported from: its fp32 twin is
measured beside it.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from detente.watch import load_watch
from processors.actors import ActorMatcher, names_dyad
from processors.models.base import RELEVANCE, STANCE_HEADS, Classifier, Passage, Scores, Weights
from processors.models.keyword import KeywordClassifier
from processors.models.onnx import SHIPPED, OnnxClassifier
from processors.relevance import relevance_of
from processors.stance import NONE, UNSURE, stance_of
from training.baselines import FrozenBase
from training.breakdown import (
    calibration_chart,
    calibration_table,
    confusion_table,
    event_table,
    interval_table,
)
from training.labelled import Document, Sentence, data_folder, load_documents, load_sentences
from training.measure import (
    StanceFigures,
    calibration_error,
    certain,
    commonest,
    judged_documents,
    relevance_figures,
    sign,
    stance_figures,
)
from training.tables import figure, table
from training.unlabelled import directed_sentences
from training.wholes import article_table

Judge = Callable[[Sequence[Passage]], Sequence[Scores]]

_EDGES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.0)

TEMPLATE = Path(__file__).parent / "card.md"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model's files")
    parser.add_argument("--reference", type=Path, help="the training run, for its fp32 twin")
    parser.add_argument("--data", help="the labelled text (default: DETENTE_DATA, ../shared/data)")
    parser.add_argument("--card", type=Path, help="write the model card to this file")
    options = parser.parse_args(arguments)
    folder = data_folder(options.data)
    sentences, documents = load_sentences(folder), load_documents(folder)
    model = OnnxClassifier(options.model)
    model.warm_up()
    judges: dict[str, Judge] = {"shipped (int8)": model.classify}
    if options.reference:
        judges["the same in fp32"] = _warm(OnnxClassifier(options.reference / "fp32")).classify
    timed = dict(judges)
    train = [one for one in sentences if one.split == "train"]
    judges["frozen base, logistic regression"] = FrozenBase(train).classify
    directed = list(directed_sentences(folder))
    judges["the same on directed sentiment alone"] = FrozenBase(directed).classify
    judges["keyword rules"] = timed["keyword rules"] = KeywordClassifier().classify
    judges["majority"] = _majority(sentences, documents)
    dev = [one for one in sentences if one.split == "dev"]
    held = [one for one in sentences if one.split == "held"]
    scores = model.classify([one.passage() for one in dev])
    tables = {
        "stance": stance_table(judges, dev),
        "relevance": relevance_table(
            {
                "shipped (int8)": (model.classify, model.weights),
                "its head of relevance alone": (model.classify, None),
                **{
                    name: (it, None)
                    for name, it in judges.items()
                    if name in ("keyword rules", "majority")
                },
            },
            documents,
            sentences,
        ),
        "speed": speed_table(
            timed,
            [one.passage() for one in dev],
            [one for paper in documents if paper.split == "dev" for one in paper.passages()],
        ),
        "splits": split_table(sentences, documents),
        "gate": gate_table(sentences, documents),
        "intervals": interval_table(dev, scores),
        "confusion": confusion_table(dev, scores),
        "articles": article_table(model, folder, documents),
        "calibration": calibration_table(dev, scores),
        "calibration chart": calibration_chart(dev, scores),
        "events": event_table(held, model.classify([one.passage() for one in held])),
        "confidence": confidence_table(model, sentences, documents),
        "unsure": f"{UNSURE:.2f}",
        "identity": f"`{model.identity.name}`, revision `{model.identity.revision}`",
        "recipe": recipe_table(options.reference),
    }
    for name, text in tables.items():
        print(f"\n[{name}]\n{text}")
    if options.card:
        card = TEMPLATE.read_text(encoding="utf-8")
        for name, text in tables.items():
            card = card.replace(f"<!-- {name} -->", text)
        options.card.write_text(card, encoding="utf-8")


def stance_table(judges: Mapping[str, Judge], dev: Sequence[Sentence]) -> str:
    """Every model on all dev sentences, and the first one on parts of them and on less input."""
    rows = []
    for name, judge in judges.items():
        rows.append(_stance_row(name, judge, dev))
    name, judge = next(iter(judges.items()))
    rows.append(_stance_row(f"{name}, no context", judge, dev, context=False))
    rows.append(_stance_row(f"{name}, no voice", judge, dev, voice=False))
    rows.append(_stance_row(f"{name}, bare sentence", judge, dev, context=False, voice=False))
    header = (
        "model",
        "sentences",
        "six-way macro-F1",
        "sign macro-F1",
        "sign accuracy",
        "calibration error",
    )
    return table(header, rows)


def _stance_row(
    name: str,
    judge: Judge,
    part: Sequence[Sentence],
    *,
    context: bool = True,
    voice: bool = True,
) -> Sequence[str]:
    scores = judge([one.passage(context=context, voice=voice) for one in part])
    truth = [one.labels for one in part]
    figures = stance_figures(scores, truth)
    return (
        name,
        str(len(part)),
        _pair(figures, "grades"),
        _pair(figures, "signs"),
        _pair(figures, "accuracy"),
        f"{calibration_error(scores, truth):.3f}",
    )


def relevance_table(
    judges: Mapping[str, tuple[Judge, Weights | None]],
    documents: Sequence[Document],
    sentences: Sequence[Sentence],
) -> str:
    """Every model on every evaluation set, as published, without title and with the title alone."""
    read = {one.id.split("#")[0] for one in sentences if one.split != "dev"}
    gold = [one for one in documents if one.gold]
    dev = [one for one in documents if one.split == "dev" and not one.gold]
    sets = {
        "gold": gold,
        "gold, no sentence of it in training": [one for one in gold if one.id not in read],
        "dev": dev,
        "dev, official": [one for one in dev if one.source != "synthetic"],
        "dev, invented news": [one for one in dev if one.source == "synthetic"],
    }
    inputs = {
        "as published": {},
        "title emptied": {"title": False},
        "title alone": {"body": False},
    }
    rows = []
    for set_name, part in sets.items():
        for name, (judge, weights) in judges.items():
            for input_name, parts in inputs.items():
                figures = relevance_figures(
                    judged_documents(judge, part, weights, **parts),
                    [one.relevance for one in part],
                )
                rows.append(
                    (
                        set_name,
                        name,
                        input_name,
                        *map(str, figures),
                    )
                )
    header = (
        "set",
        "model",
        "input",
        "documents",
        "core against none, F1",
        "three-way macro-F1",
        "three-way accuracy",
    )
    return table(header, rows)


def speed_table(
    judges: Mapping[str, Judge], sentences: Sequence[Passage], documents: Sequence[Passage]
) -> str:
    """Passages a second, the best of three rounds in which the models take turns."""
    best: dict[tuple[str, int], float] = {}
    for _ in range(3):
        for name, judge in judges.items():
            for kind, passages in enumerate((sentences, documents)):
                started = time.perf_counter()
                judge(passages)
                rate = len(passages) / (time.perf_counter() - started)
                best[name, kind] = max(rate, best.get((name, kind), 0.0))
    rows = [(name, f"{best[name, 0]:,.0f}", f"{best[name, 1]:,.0f}") for name in judges]
    where = f"{platform.machine()}, all cores"
    return table((f"model ({where})", "sentences a second", "document passages a second"), rows)


def split_table(sentences: Sequence[Sentence], documents: Sequence[Document]) -> str:
    """How much text of each source is in each split."""
    rows = []
    for kind, items in (("sentences", sentences), ("documents", documents)):
        for source in sorted({one.source for one in items}):
            counts = [
                sum(one.source == source and one.split == split for one in items)
                for split in ("train", "held", "dev")
            ]
            rows.append((kind, source, *map(str, counts)))
    return table(("kind", "source", "train", "held", "dev"), rows)


def gate_table(sentences: Sequence[Sentence], documents: Sequence[Document]) -> str:
    """Of all labelled documents those that reach the model, and of all sentences those that name
    a side or a matter of theirs (of a peripheral document only these are judged)."""
    watch = load_watch("usa-rus")
    matcher = ActorMatcher(watch)
    passed: dict[str, list[bool]] = {}
    for one in documents:
        mentions = matcher.mentions(f"{one.title}\n{one.body}")
        passed.setdefault(f"documents: {one.relevance}", []).append(
            names_dyad(mentions, watch, one.voice)
        )
    for sentence in sentences:
        kind = "without a stance" if sentence.labels == ("n", "n") else "with a stance"
        named = bool(matcher.mentions(sentence.text))
        passed.setdefault(f"sentences {kind}", []).append(named)
    rows = [
        (kind, str(len(found)), str(sum(found)), f"{sum(found) / len(found):.3f}")
        for kind, found in sorted(passed.items())
    ]
    return table(("what", "all", "pass", "share"), rows)


def confidence_table(
    model: Classifier, sentences: Sequence[Sentence], documents: Sequence[Document]
) -> str:
    """How often a decision is right, by how sure the model says it is; stances alone, not `n`."""
    bins: dict[tuple[str, float], list[bool]] = {}

    def note(kind: str, confidence: float, right: bool) -> None:
        low = next(edge for edge in _EDGES if confidence >= edge)
        bins.setdefault((kind, low), []).append(right)

    dev = [one for one in sentences if one.split == "dev"]
    for one, scores in zip(dev, model.classify([one.passage() for one in dev]), strict=True):
        for side, head in enumerate(STANCE_HEADS):
            found = stance_of(scores)[head]
            if found.label != NONE:
                note("stance", found.confidence, sign(found.label) == sign(one.labels[side]))
    papers = [one for one in documents if one.split == "dev"]
    judged = judged_documents(model.classify, papers, model.weights)
    for paper, scores in zip(papers, judged, strict=True):
        label, _ = relevance_of(scores)
        note("relevance", scores[RELEVANCE][label], label == paper.relevance)
    rows = [
        (kind, f"from {low:.2f}", str(len(found)), f"{sum(found) / len(found):.2f}")
        for (kind, low), found in sorted(bins.items())
    ]
    return table(("decision", "confidence", "how many", "right"), rows)


def recipe_table(reference: Path | None) -> str:
    """The training run's hyperparameters, as it wrote them down."""
    if reference is None:
        return "(measured without the training run at hand)"
    notes = msgspec.json.decode((reference / "run.json").read_bytes())
    values = {**notes["recipe"], "minutes": f"{notes['seconds'] / 60:.0f}"}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _majority(sentences: Sequence[Sentence], documents: Sequence[Document]) -> Judge:
    labels = {
        head: commonest([one.labels[side] for one in sentences if one.split == "train"])
        for side, head in enumerate(STANCE_HEADS)
    }
    labels[RELEVANCE] = commonest([one.relevance for one in documents if one.split == "train"])
    return lambda passages: [certain(labels)] * len(passages)


def _warm(classifier: OnnxClassifier) -> Classifier:
    classifier.warm_up()
    return classifier


def _pair(figures: Mapping[str, StanceFigures], name: str) -> str:
    return " / ".join(figure(getattr(figures[head], name)) for head in STANCE_HEADS)


if __name__ == "__main__":
    main()
