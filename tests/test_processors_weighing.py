"""A document's relevance from its passages and its sentences."""

from __future__ import annotations

import math

import pytest

from processors.models.base import RELEVANCE, STANCE_HEADS, STANCE_LABELS, WEIGHED, Scores
from processors.relevance import naming_most, relevance_passages
from processors.stance import stance_passage
from processors.weighing import LEAST, TELLING, document_passages, features, weighed

BODY = "Moscow protested. It rained. Washington answered. The sun came out."


def scores(core: float, peripheral: float, none: float, silent: float = 1.0) -> Scores:
    """`silent` is the probability in either direction that a sentence takes no position."""
    stance = dict.fromkeys(STANCE_LABELS, (1 - silent) / 5) | {"n": silent}
    return {
        RELEVANCE: {"core": core, "peripheral": peripheral, "none": none},
        **dict.fromkeys(STANCE_HEADS, stance),
    }


def test_the_title_and_the_sentences_that_name_a_side_are_telling() -> None:
    document = document_passages("A quarrel", BODY, voice="a.example")
    assert document.whole == relevance_passages("A quarrel", BODY, voice="a.example")
    assert document.telling == (
        stance_passage("A quarrel", voice="a.example"),
        stance_passage("Moscow protested.", title="A quarrel", voice="a.example"),
        stance_passage(
            "Washington answered.", previous="It rained.", title="A quarrel", voice="a.example"
        ),
    )
    assert document.sentences == 5
    assert document.all == document.whole + document.telling


def test_so_many_are_telling_at_most_and_the_rarer_named_side_goes_first() -> None:
    body = " ".join(["Moscow spoke.", "Nobody did."] * 2 * TELLING) + " Washington was silent."
    split = [f"{one}." for one in body.rstrip(".").split(". ")]
    places = naming_most(split, TELLING)
    assert len(places) == TELLING
    assert places == [*range(0, 2 * (TELLING - 1), 2), len(split) - 1]
    assert len(document_passages("", body).telling) == TELLING
    assert naming_most(["Nobody did."], TELLING) == []


def test_what_is_weighed() -> None:
    document = document_passages("A quarrel", BODY)
    found = features(document, [scores(0.8, 0.2, 0.0), *[scores(0, 0, 1, silent=0.5)] * 3])
    positions = 3 * (1 - 0.5 * 0.5)
    assert found == pytest.approx(
        (math.log(0.8 / 0.2), math.log(0.2 / LEAST), math.log1p(positions), positions / 5)
    )


def test_without_weights_the_head_of_relevance_decides() -> None:
    document = document_passages("A quarrel", BODY)
    given = [scores(0.8, 0.2, 0.0), *[scores(0, 0, 1)] * 3]
    assert weighed(document, given, None) == {RELEVANCE: given[0][RELEVANCE]}


def test_the_weights_decide_by_a_softmax() -> None:
    document = document_passages("A quarrel", BODY)
    given = [scores(1 / 3, 1 / 3, 1 / 3), *[scores(0, 0, 1, silent=0.0)] * 3]
    weights = {
        "core": (0.0, 0.0, 0.0, 5 / 3, 0.0),
        "peripheral": (0.0,) * WEIGHED,
        "none": (9.0, 9.0, 0.0, 0.0, math.log(2)),
    }
    found = weighed(document, given, weights)[RELEVANCE]
    whole = math.e + 1 + 2
    assert found == pytest.approx(
        {"core": math.e / whole, "peripheral": 1 / whole, "none": 2 / whole}
    )


@pytest.mark.parametrize("title", ["Moscow protests to Washington", ""])
def test_of_a_headline_alone_the_head_of_relevance_decides(title: str) -> None:
    document = document_passages(title, "")
    assert (document.telling, document.sentences) == ((), 0)
    weights = dict.fromkeys(("core", "peripheral", "none"), (1.0,) * WEIGHED)
    given = [scores(0.2, 0.3, 0.5)]
    assert weighed(document, given, weights) == {RELEVANCE: given[0][RELEVANCE]}
    assert features(document, given)[2:] == (0.0, 0.0)
