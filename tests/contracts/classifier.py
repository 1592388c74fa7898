"""The classifier contract: every clause of `processors.models.base`, run over each classifier.

A classifier's test module subclasses `ClassifierContract` and gives the fixture `make`: a function
that makes a new one, with nothing loaded. Nothing here depends on what a model has learnt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from processors.models.base import ALL_HEADS, RELEVANCE_LABELS, WEIGHED, Classifier, Passage

Make = Callable[[], Classifier]

PASSAGES = (
    Passage("Moscow expelled two U.S. diplomats."),
    Passage("The Kremlin thanked Washington.", context="The envoys met.", voice="kremlin.ru"),
    Passage("We condemn it.", context="On Russia " * 60, voice="www.state.gov"),
    Passage("A bridge was opened in the town."),
    Passage("Talks between Washington and Moscow were held. " * 3, voice="news.example"),
    Passage("No."),
)
ODD = (
    Passage(""),
    Passage("", context="The talks", voice="state.gov"),
    Passage(" \n\t "),
    Passage("\x00\u200b\ufeff\U0001f600 e\u0301 İ"),
    Passage("[CLS] [SEP] [PAD] </s> <mask>"),
    Passage("Москва поблагодарила Вашингтон. 莫斯科感谢华盛顿。"),
    Passage("word " * 3_000, context="before " * 3_000),
    Passage("x" * 20_000),
)


class ClassifierContract:
    """Subclass per classifier, with a fixture `make`."""

    @pytest.fixture
    def classifier(self, make: Make) -> Classifier:
        return make()

    def test_identity_is_a_name_and_the_hash_of_its_files(self, make: Make) -> None:
        identity = make().identity
        assert identity.name
        parts = identity.revision.split("+")
        assert all(re.fullmatch(r"[0-9a-f]{12}", part) for part in parts)
        assert make().identity == identity

    def test_heads_are_known_ones_with_all_their_labels(self, classifier: Classifier) -> None:
        assert classifier.heads
        for head, labels in classifier.heads.items():
            assert sorted(labels) == sorted(ALL_HEADS[head])

    def test_weights_are_whole(self, classifier: Classifier) -> None:
        weights = classifier.weights or dict.fromkeys(RELEVANCE_LABELS, (0.0,) * WEIGHED)
        assert {label: len(row) for label, row in weights.items()} == dict.fromkeys(
            RELEVANCE_LABELS, WEIGHED
        )

    def test_warming_up_twice_is_as_once(self, classifier: Classifier) -> None:
        classifier.warm_up()
        before = classifier.classify(PASSAGES[:1])
        classifier.warm_up()
        assert classifier.classify(PASSAGES[:1]) == before

    def test_it_needs_no_warming_up(self, make: Make) -> None:
        warm = make()
        warm.warm_up()
        assert make().classify(PASSAGES[:1]) == warm.classify(PASSAGES[:1])

    def test_every_head_of_every_passage_has_probabilities(self, classifier: Classifier) -> None:
        scores = classifier.classify([*PASSAGES, *ODD])
        assert len(scores) == len(PASSAGES) + len(ODD)
        for one in scores:
            assert set(one) == set(classifier.heads)
            for head, shares in one.items():
                assert set(shares) == set(ALL_HEADS[head])
                assert all(type(share) is float and 0 <= share <= 1 for share in shares.values())
                assert sum(shares.values()) == pytest.approx(1, abs=1e-6)

    def test_nothing_asked_nothing_judged(self, classifier: Classifier) -> None:
        assert list(classifier.classify([])) == []

    def test_a_passage_alone_among_others_and_in_another_order(
        self, classifier: Classifier
    ) -> None:
        """Exactly the same: an article that is delivered again, beside others, is judged alike."""
        asked = [*PASSAGES, *ODD]
        together = list(classifier.classify(asked))
        alone = [classifier.classify([passage])[0] for passage in asked]
        assert together == alone
        assert list(classifier.classify(asked[::-1])) == together[::-1]
        assert list(classifier.classify(asked[1::2] * 3)) == together[1::2] * 3

    def test_the_same_input_gives_the_same_scores(self, make: Make) -> None:
        one, other = make(), make()
        assert one.classify(PASSAGES) == one.classify(PASSAGES) == other.classify(PASSAGES)

    def test_threads_may_share_it(self, make: Make) -> None:
        """Loading included: who comes first loads, the others wait."""
        shared = make()
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: shared.classify(PASSAGES[:2]), range(3)))
        assert answers[0] == answers[1] == answers[2] == shared.classify(PASSAGES[:2])
