"""The classifiers: one seam (`base`), the shipped model (`onnx`), any Hugging Face model (`hub`)
and a deterministic double for tests (`keyword`).

    classifier = open_classifier("shipped")
    classifier.warm_up()
    scores = classifier.classify([Passage("Moscow expelled two U.S. diplomats.")])
"""

from __future__ import annotations

from processors.models.base import (
    HEADS,
    RELEVANCE,
    RELEVANCE_LABELS,
    STANCE_HEADS,
    STANCE_LABELS,
    Classifier,
    ModelIdentity,
    Passage,
    Scores,
)
from processors.models.keyword import KeywordClassifier

__all__ = [
    "HEADS",
    "RELEVANCE",
    "RELEVANCE_LABELS",
    "STANCE_HEADS",
    "STANCE_LABELS",
    "Classifier",
    "KeywordClassifier",
    "ModelIdentity",
    "Passage",
    "Scores",
    "open_classifier",
]


def open_classifier(name: str, *, threads: int = 0) -> Classifier:
    """Open a classifier by its setting; nothing is loaded before `warm_up` or the first use.

    "shipped" is the model that comes with Détente, "keyword" its double that only looks for cue
    words. Anything else is the name of a Hugging Face model, or a folder that holds one (needs
    the extra `hub`); heads that such a model doesn't have are judged by the shipped one. `threads`
    is how many cores the shipped model uses, 0 is all.
    """
    if name == "keyword":
        return KeywordClassifier()
    from processors.models.onnx import OnnxClassifier

    shipped = OnnxClassifier(threads=threads)
    if name == "shipped":
        return shipped
    from processors.models.combined import CombinedClassifier
    from processors.models.hub import HubClassifier

    return CombinedClassifier(HubClassifier(name), shipped)
