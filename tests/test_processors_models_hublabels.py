"""What a foreign model's labels mean: known ones are mapped, all others refused, none guessed."""

from __future__ import annotations

import pytest

from detente.errors import ConfigError
from processors.models.base import HEADS, RELEVANCE, RELEVANCE_LABELS, STANCE_HEADS
from processors.models.hublabels import HYPOTHESES, Direct, Inference, read_labels


def numbered(*labels: str) -> dict[int, str]:
    return dict(enumerate(labels))


OURS = [f"{head}:{label}" for head, labels in HEADS.items() for label in labels]


@pytest.mark.parametrize(
    "labels", [RELEVANCE_LABELS, RELEVANCE_LABELS[::-1], ("NONE", " Core ", "Peripheral")]
)
def test_relevance(labels: tuple[str, ...]) -> None:
    meaning = read_labels("m", numbered(*labels))
    assert isinstance(meaning, Direct)
    places = {label.strip().lower(): place for place, label in enumerate(labels)}
    assert meaning == Direct({RELEVANCE: places}, ours=True)


def test_our_heads_side_by_side_in_any_order() -> None:
    meaning = read_labels("m", numbered(*OURS[::-1]))
    assert isinstance(meaning, Direct)
    assert meaning.ours
    assert set(meaning.heads) == set(HEADS)
    for head, places in meaning.heads.items():
        assert {label: OURS[::-1][place] for label, place in places.items()} == {
            label: f"{head}:{label}" for label in HEADS[head]
        }


def test_one_of_our_heads_alone() -> None:
    meaning = read_labels("m", numbered(*(label.upper() for label in OURS if "B>A" in label)))
    assert isinstance(meaning, Direct)
    assert set(meaning.heads) == {"B>A"}


@pytest.mark.parametrize(
    ("labels", "grades"),
    [
        (("NEGATIVE", "POSITIVE"), {"-1": 0, "1": 1}),
        (("positive", "neutral", "negative"), {"1": 0, "0": 1, "-1": 2}),
        (("NEG", "NEU", "POS"), {"-1": 0, "0": 1, "1": 2}),
        (("pos", "neg"), {"1": 0, "-1": 1}),
    ],
)
def test_sentiment_speaks_for_both_directions(
    labels: tuple[str, ...], grades: dict[str, int]
) -> None:
    meaning = read_labels("m", numbered(*labels))
    assert meaning == Direct(dict.fromkeys(STANCE_HEADS, grades), ours=False)


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        (("entailment", "neutral", "contradiction"), 0),
        (("CONTRADICTION", "NEUTRAL", "ENTAILMENT"), 2),
        (("not_entailment", "entailment"), 1),
        (("entailment", "contradiction"), 0),
    ],
)
def test_inference(labels: tuple[str, ...], place: int) -> None:
    assert read_labels("m", numbered(*labels)) == Inference(place)


@pytest.mark.parametrize(
    "labels",
    [
        ("LABEL_0", "LABEL_1", "LABEL_2"),
        ("core", "none"),
        ("positive", "negative", "mixed"),
        ("pos", "negative"),
        ("1 star", "2 stars", "3 stars"),
        ("entailment",),
        ("positive", "Positive", "negative"),
        ("core", "CORE", "none"),
        tuple(OURS[:-1]),
        ("A>B:2", "A>B:3"),
        (),
    ],
)
def test_others_are_refused_with_what_to_do(labels: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_labels("some/model", numbered(*labels))
    (problem,) = caught.value.problems
    assert "some/model" in problem
    assert "id2label" in problem
    assert "A>B:2" in problem
    assert all(repr(label) in problem for label in labels)


def test_every_hypothesis_speaks_for_a_label_of_a_head() -> None:
    for (head, label), text in HYPOTHESES.items():
        assert label in HEADS[head]
        assert "{a}" in text
        assert "{b}" in text
