"""The stance of whole documents, as the product sums it up, against what readers said of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from detente.watch import load_watch
from processors.judgement import Judge, Text
from processors.models.base import STANCE_HEADS, Classifier
from training.labelled import Document, tab_lines
from training.tables import table

_STANCE = re.compile(r"(\w+)>\w+:(cooperative|adversarial|neutral|mixed)")
_FIRST = "US"
"""What the labels begin the names of the first side with; the other's is whoever speaks for it."""


def article_table(classifier: Classifier, folder: Path, documents: Sequence[Document]) -> str:
    """How often what is summed up of a document is what readers call its stance."""
    by_id = {one.id: one for one in documents}
    wanted = list(_labels(folder))
    judge = Judge(load_watch("usa-rus"), classifier)
    texts = [by_id[id] for id, _, _ in wanted]
    judged = judge.judge_every_sentence(
        [Text(one.title, one.body, "en", one.voice) for one in texts]
    )
    counts: Counter[tuple[str, str]] = Counter()
    for (_, head, label), judgement in zip(wanted, judged, strict=True):
        found = judgement.dyads().get(head)
        counts[label, found.label if found else "none"] += 1
    found_labels = ("cooperative", "neutral", "adversarial", "none")
    rows = [
        (label, *(str(counts[label, found]) for found in found_labels))
        for label in ("cooperative", "neutral", "adversarial", "mixed")
    ]
    return table(("readers say", *(f"found {label}" for label in found_labels)), rows)


def _labels(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Document id, direction and label, of the documents with a plain stance."""
    for id, _, *rest in tab_lines(folder / "relevance_gold" / "dev_labels.tsv"):
        if rest and (found := _STANCE.match(rest[0])):
            head = STANCE_HEADS[0] if found[1].startswith(_FIRST) else STANCE_HEADS[1]
            yield id, head, found[2]
