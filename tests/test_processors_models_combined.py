"""Two classifiers as one: the contract, and whose heads are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from processors.models import HEADS, RELEVANCE, Classifier, KeywordClassifier, Passage, Scores
from processors.models.base import RELEVANCE_LABELS, STANCE_HEADS, ModelIdentity
from processors.models.combined import CombinedClassifier
from processors.models.manifest import MANIFEST
from processors.models.onnx import SHIPPED, OnnxClassifier
from tests.contracts.classifier import PASSAGES, ClassifierContract, Make


class RelevanceOnly:
    """The keyword classifier without the heads of stance; counts what it is asked."""

    heads: Mapping[str, tuple[str, ...]] = {RELEVANCE: RELEVANCE_LABELS}
    weights = None

    def __init__(self) -> None:
        self._real = KeywordClassifier()
        self.identity = ModelIdentity("relevance-only", self._real.identity.revision)
        self.warmed = self.asked = 0

    def warm_up(self) -> None:
        self.warmed += 1

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        self.asked += len(passages)
        scores = self._real.classify(passages)
        return [{RELEVANCE: one[RELEVANCE]} for one in scores]


@pytest.mark.skipif(not (SHIPPED / MANIFEST).is_file(), reason="the shipped model isn't here")
class TestCombinedClassifier(ClassifierContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda: CombinedClassifier(RelevanceOnly(), OnnxClassifier(threads=2))

    def test_the_first_ones_heads_come_first(self, classifier: Classifier) -> None:
        """The shipped model fills in what the first one lacks, and no more."""
        shipped = OnnxClassifier(threads=2).classify(PASSAGES)
        first = KeywordClassifier().classify(PASSAGES)
        for found, one, other in zip(classifier.classify(PASSAGES), first, shipped, strict=True):
            assert found[RELEVANCE] == one[RELEVANCE]
            assert [found[head] for head in STANCE_HEADS] == [other[head] for head in STANCE_HEADS]


def test_both_are_named_where_both_are_used() -> None:
    both = CombinedClassifier(RelevanceOnly(), KeywordClassifier())
    revision = KeywordClassifier().identity.revision
    assert both.identity == ModelIdentity("relevance-only+keyword", f"{revision}+{revision}")
    assert both.heads == HEADS


def test_a_second_one_that_is_not_needed_is_not_asked() -> None:
    second = RelevanceOnly()
    both = CombinedClassifier(KeywordClassifier(), second)
    assert both.identity == KeywordClassifier().identity
    assert both.heads == HEADS
    assert both.classify(PASSAGES) == KeywordClassifier().classify(PASSAGES)
    assert second.asked == 0


def test_warming_up_loads_both() -> None:
    first, second = RelevanceOnly(), RelevanceOnly()
    CombinedClassifier(first, second).warm_up()
    assert (first.warmed, second.warmed) == (1, 1)


@pytest.mark.skipif(not (SHIPPED / MANIFEST).is_file(), reason="the shipped model isn't here")
def test_weights_are_of_a_model_that_judges_alone() -> None:
    shipped = OnnxClassifier(threads=2)
    assert CombinedClassifier(shipped, KeywordClassifier()).weights == shipped.weights
    assert CombinedClassifier(RelevanceOnly(), shipped).weights is None
