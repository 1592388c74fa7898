"""A document's passage, and what is decided from its scores."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.models.base import RELEVANCE, Passage
from processors.relevance import (
    GAP,
    LEAD_WORDS,
    PASSAGE_WORDS,
    UNSURE,
    is_unsure,
    mean_scores,
    relevance_of,
    relevance_passages,
)
from processors.text import sentences

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""


def scores(core: float, peripheral: float, none: float) -> dict[str, dict[str, float]]:
    return {RELEVANCE: {"core": core, "peripheral": peripheral, "none": none}}


def filler(count: int, words: int = 10) -> str:
    return " ".join(f"Filler{n} {'word ' * (words - 2)}end." for n in range(count))


def excerpt(title: str, body: str, *, voice: str = "") -> Passage:
    """The first of the two passages: with the sentences that name the sides."""
    return relevance_passages(title, body, voice=voice)[0]


def test_a_long_document_is_read_twice_and_a_short_one_once() -> None:
    body = f"{filler(30)} Moscow answered Washington."
    found, lead = relevance_passages("The title", body, voice="a.example")
    assert "Moscow answered Washington." in found.text
    assert "Moscow answered Washington." not in lead.text
    assert lead.text.startswith("The title\nFiller0 ")
    assert lead.text.endswith(GAP)
    assert lead.text.count("Filler") == PASSAGE_WORDS // 10
    assert len(relevance_passages("The title", "Moscow answered Washington.")) == 1


def test_the_mean_of_two_passages() -> None:
    mean = mean_scores([scores(1.0, 0.0, 0.0), scores(0.5, 0.5, 0.0)])
    assert mean == scores(0.75, 0.25, 0.0)


def test_a_short_document_is_read_whole() -> None:
    passage = excerpt(" The\n title ", "One  sentence. And another.", voice="a.example")
    assert passage.text == "The title\nOne sentence. And another."
    assert (passage.context, passage.voice) == ("", "a.example")


def test_without_title_without_body_without_anything() -> None:
    assert excerpt("", "The body alone.").text == "The body alone."
    assert excerpt("The title", " \n ").text == "The title"
    assert excerpt("", "").text == ""


def test_the_lead_and_the_sentences_that_name_the_sides() -> None:
    body = f"{filler(20)} Moscow thanked Washington. {filler(20)}"
    text = excerpt("", body).text
    assert text.startswith("Filler0 ")
    assert f"{GAP} Moscow thanked Washington. {GAP}" in text
    assert text.endswith(GAP)


def test_the_lead_goes_before_what_names_the_sides() -> None:
    text = excerpt("", f"{filler(20)} {'Moscow answered Washington. ' * 60}").text
    assert text.count("Filler") == LEAD_WORDS // 10
    assert text.count("Moscow") == (PASSAGE_WORDS - LEAD_WORDS) // 3
    # What stands in the lead already takes no room twice.
    text = excerpt("", "Moscow answered Washington. " * 60).text
    assert text.count("Moscow") == PASSAGE_WORDS // 3


def test_a_gap_stands_only_where_something_was_left_out() -> None:
    assert GAP not in excerpt("", filler(5)).text
    text = excerpt("", filler(100)).text
    assert text.count(GAP) == 1
    assert text.endswith(GAP)
    assert f"{GAP} {GAP}" not in text


def test_the_side_that_is_named_less_weighs_more() -> None:
    """In one side's transcript, what is said of the other one must find room."""
    own = " ".join(f"Russia built bridge {n} of many in the north of it." for n in range(60))
    body = f"{filler(6)} {own} Washington answered that it saw this otherwise. {own}"
    assert "Washington answered" in excerpt("", body).text


@STEADY
@given(st.lists(st.sampled_from(["Moscow", "Washington", "word", "said.", "The", "\n", "U.S."])))
def test_the_words_are_bounded_and_in_order(parts: list[str]) -> None:
    body = " ".join(parts * 30)
    text = excerpt("", body).text
    kept = [part for part in text.split() if part != GAP]
    # Only the first sentence is taken whatever its length; a model cuts it.
    first = sentences(body)[0].text.split() if body.split() else []
    assert len(kept) <= max(PASSAGE_WORDS, len(first))
    words = iter(body.split())
    assert all(part in words for part in kept)


def test_a_first_sentence_longer_than_the_lead_stands_alone_at_the_beginning() -> None:
    long = "word " * (LEAD_WORDS + 20) + "end."
    text = excerpt("", f"{long} {filler(40)} Moscow spoke.").text
    assert text.startswith(long.strip())
    assert "Moscow spoke." in text


@pytest.mark.parametrize(
    ("probabilities", "label", "score"),
    [
        ((1.0, 0.0, 0.0), "core", 1.0),
        ((0.0, 1.0, 0.0), "peripheral", 0.5),
        ((0.0, 0.0, 1.0), "none", 0.0),
        ((0.5, 0.3, 0.2), "core", 0.65),
        ((1.0000001, 0.0000001, 0.0), "core", 1.0),
    ],
)
def test_the_decision(probabilities: tuple[float, float, float], label: str, score: float) -> None:
    decided = relevance_of(scores(*probabilities))
    assert decided[0] == label
    assert decided[1] == pytest.approx(score)
    assert 0.0 <= decided[1] <= 1.0


def test_unsure() -> None:
    assert is_unsure(scores(0.34, 0.33, 0.33))
    assert is_unsure(scores(UNSURE - 0.01, 0.31, 0.3))
    assert not is_unsure(scores(UNSURE, 0.3, 0.3))
    assert not is_unsure(scores(0.0, 0.1, 0.9))
