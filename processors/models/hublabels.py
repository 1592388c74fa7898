"""What the labels of a Hugging Face model mean to us: read from its `id2label`, never guessed.

A model's labels must be one of these (upper and lower case alike):

| labels | becomes |
|---|---|
| `core`, `peripheral`, `none` | the head `relevance` |
| `relevance:core`, `A>B:2`, `B>A:n`, … | those heads, side by side in one output |
| `positive`, `negative` (or `pos`, `neg`), with or without `neutral` | sentiment: `1`, `-1`, `0` of both directions alike, since such a model knows no holder |
| `entailment`, `neutral`, `contradiction` (or `not_entailment`) | inference: each hypothesis of `HYPOTHESES` is put to the model |

Of an inference model the probability of entailment alone is used. A direction's two hypotheses
give `1` and `-1`, and what neither claims is `n`; the relevance hypothesis gives `core`, and the
rest is `none`.
"""  # noqa: E501 - the table is one

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from detente.errors import ConfigError
from processors.models.base import HEADS, RELEVANCE, RELEVANCE_LABELS, STANCE_HEADS

SENTIMENT: Final = {
    "positive": "1", "pos": "1", "neutral": "0", "neu": "0", "negative": "-1", "neg": "-1",
}  # fmt: skip
_SENTIMENT_SETS: Final = (
    {"positive", "negative"},
    {"positive", "neutral", "negative"},
    {"pos", "neg"},
    {"pos", "neu", "neg"},
)

_ENTAILMENT: Final = "entailment"
_INFERENCE_SETS: Final = (
    {"entailment", "neutral", "contradiction"},
    {"entailment", "contradiction"},
    {"entailment", "not_entailment"},
)

HYPOTHESES: Final[Mapping[tuple[str, str], str]] = {
    (RELEVANCE, "core"): "This text is about relations between {a} and {b}.",
    ("A>B", "1"): "{a} is cooperative or friendly toward {b}.",
    ("A>B", "-1"): "{a} is hostile or critical toward {b}.",
    ("B>A", "1"): "{b} is cooperative or friendly toward {a}.",
    ("B>A", "-1"): "{b} is hostile or critical toward {a}.",
}
"""What an inference model is asked, by the head and label that a yes speaks for."""


class Direct(NamedTuple):
    """Outputs that are labels of our heads: per head, label → the outputs' indices. The softmax
    is over one head's outputs."""

    heads: Mapping[str, Mapping[str, int]]
    ours: bool


class Inference(NamedTuple):
    """Outputs of an inference model: the index of entailment."""

    entailment: int


def read_labels(model: str, id2label: Mapping[int, str]) -> Direct | Inference:
    """What the model's outputs mean. Raises `ConfigError` when its labels aren't known ones."""
    index = {str(label).strip().lower(): place for place, label in id2label.items()}
    names = set(index)
    if len(index) == len(id2label):
        if names == set(RELEVANCE_LABELS):
            return Direct({RELEVANCE: {label: index[label] for label in RELEVANCE_LABELS}}, True)
        if names in _SENTIMENT_SETS:
            grades = {SENTIMENT[name]: place for name, place in index.items()}
            return Direct(dict.fromkeys(STANCE_HEADS, grades), False)
        if names in _INFERENCE_SETS:
            return Inference(index[_ENTAILMENT])
        if heads := _prefixed(index):
            return Direct(heads, True)
    raise ConfigError(
        f"the model {model} has labels {list(id2label.values())}, which Détente can't map onto "
        "its heads; take a sequence-classification model with sentiment or inference labels, or "
        "name the labels in its config.json (id2label) as "
        + ", ".join(f"{head}:{labels[0]}" for head, labels in HEADS.items())
        + " … do"
    )


def _prefixed(index: Mapping[str, int]) -> Mapping[str, Mapping[str, int]] | None:
    """Heads from labels as `A>B:2`; None unless each head named has all of its labels."""
    known = {f"{head}:{label}".lower(): (head, label) for head in HEADS for label in HEADS[head]}
    if not set(index) <= set(known):
        return None
    heads: dict[str, dict[str, int]] = {}
    for name, place in index.items():
        head, label = known[name]
        heads.setdefault(head, {})[label] = place
    complete = all(set(heads[head]) == set(HEADS[head]) for head in heads)
    return heads if complete else None
