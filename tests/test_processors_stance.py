"""One sentence's stance, from its passage to its decision, and the article's sum."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.article import Grade
from processors.models.base import STANCE_HEADS, STANCE_LABELS
from processors.stance import (
    DIRECTIONS,
    GRADE_SCORES,
    SIGN_THRESHOLD,
    UNSURE,
    Label,
    SentenceStance,
    article_stance,
    sign_of,
    stance_of,
    stance_passage,
)

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

HEAD = st.lists(st.floats(0.001, 1), min_size=6, max_size=6).map(
    lambda shares: dict(zip(STANCE_LABELS, [one / sum(shares) for one in shares], strict=True))
)
JUDGED = st.builds(SentenceStance, st.sampled_from(STANCE_LABELS), st.floats(0, 1))


def head(**shares: float) -> dict[str, float]:
    """Probabilities by `p2 p1 z m1 m2 n`; what isn't given is 0."""
    keys = {"2": "p2", "1": "p1", "0": "z", "-1": "m1", "-2": "m2", "n": "n"}
    return {label: shares.get(key, 0.0) for label, key in keys.items()}


def test_the_passage() -> None:
    passage = stance_passage(
        " He\nagreed. ", previous="They  met.", title="The\ttalks", voice="a.example"
    )
    assert passage.text == "He agreed."
    assert passage.context == "The talks … They met."
    assert passage.voice == "a.example"


@pytest.mark.parametrize(
    ("given", "context"),
    [
        ({}, ""),
        ({"title": "The talks"}, "The talks"),
        ({"previous": "They met."}, "They met."),
        ({"title": " ", "previous": "\n"}, ""),
    ],
)
def test_the_context_has_what_there_is(given: dict[str, str], context: str) -> None:
    assert stance_passage("He agreed.", **given).context == context


def test_the_sign_is_decided_before_its_grade() -> None:
    """`n` is the likeliest label, but conflict of either grade is likelier than that."""
    stance = stance_of({"A>B": head(m1=0.35, m2=0.25, n=0.4), "B>A": head(n=1.0)})
    assert stance["A>B"].label == "-1"
    assert stance["A>B"].confidence == pytest.approx(0.6)
    assert stance["B>A"] == SentenceStance("n", 1.0)


@STEADY
@given(HEAD, HEAD)
def test_mirrored_scores_give_the_mirrored_stance(
    one: dict[str, float], other: dict[str, float]
) -> None:
    straight = stance_of({"A>B": one, "B>A": other})
    mirrored = stance_of({"A>B": other, "B>A": one})
    assert straight == {"A>B": mirrored["B>A"], "B>A": mirrored["A>B"]}


@STEADY
@given(HEAD)
def test_turning_every_grade_turns_the_sign(one: dict[str, float]) -> None:
    turned = {"2": "-2", "1": "-1", "0": "0", "-1": "1", "-2": "2", "n": "n"}
    (_, found) = stance_of({"A>B": one, "B>A": one}).popitem()
    other = {turned[label]: share for label, share in one.items()}
    (_, reverse) = stance_of({"A>B": other, "B>A": other}).popitem()
    # Where two signs, or two grades of one, are equally likely either may be said.
    if found.confidence > 0.5 and found.grade and reverse.grade:
        assert GRADE_SCORES[found.grade] * GRADE_SCORES[reverse.grade] <= 0
    assert reverse.confidence == pytest.approx(found.confidence)
    assert 0.0 <= found.confidence <= 1.0


def test_directions_are_mirrored() -> None:
    assert set(DIRECTIONS) == set(STANCE_HEADS)
    assert DIRECTIONS["A>B"] == DIRECTIONS["B>A"][::-1] == (0, 1)


@pytest.mark.parametrize("grade", GRADE_SCORES)
def test_the_grade_of_a_sentence(grade: Grade) -> None:
    assert SentenceStance(grade, UNSURE).grade == grade
    assert SentenceStance(grade, UNSURE - 0.01).grade is None
    assert SentenceStance("n", 1.0).grade is None


@pytest.mark.parametrize(
    ("grade", "sign"),
    [
        ("2", "cooperative"),
        ("1", "cooperative"),
        ("0", "neutral"),
        ("-1", "adversarial"),
        ("-2", "adversarial"),
    ],
)
def test_the_sign_of_a_grade(grade: Grade, sign: str) -> None:
    assert sign_of(grade) == sign


def test_no_stance_is_no_neutral_stance() -> None:
    assert article_stance([]) is None
    assert article_stance([SentenceStance("n", 0.9), SentenceStance("-2", UNSURE / 2)]) is None
    neutral = article_stance([SentenceStance("0", 0.9)])
    assert neutral is not None
    assert neutral[:3] == ("neutral", 0.0, 1)


def test_the_mean_is_weighted_by_confidence() -> None:
    stance = article_stance([SentenceStance("2", 0.9), SentenceStance("-1", 0.6)])
    assert stance is not None
    assert stance.score == pytest.approx((0.9 - 0.3) / 1.5)
    assert (stance.label, stance.sentences) == ("cooperative", 2)


def test_the_interval_holds_the_score_and_narrows_with_the_sentences() -> None:
    mixed = [SentenceStance("1", 0.8, 0.1), SentenceStance("-1", 0.8, 0.1)]
    few, many = article_stance(mixed * 2), article_stance(mixed * 50)
    assert few is not None
    assert many is not None
    assert -1 <= few.low < many.low < many.score == few.score == 0 < many.high < few.high <= 1
    # By hand: of four scores of 0.5 around 0 with a variance of 0.1 each, equal weights.
    assert few.high == pytest.approx(1.96 * ((0.25 * 4 / 3 + 0.1) / 4) ** 0.5)


def test_one_sentence_is_as_unsure_as_the_model_is_of_it() -> None:
    sure, torn = SentenceStance("-2", 0.9, 0.0), SentenceStance("-2", 0.9, 0.2)
    found = article_stance([sure])
    assert found is not None
    assert (found.low, found.high) == (-1.0, -1.0)
    wide = article_stance([torn])
    assert wide is not None
    assert (wide.low, wide.high) == (-1.0, pytest.approx(-1.0 + 1.96 * 0.2**0.5))


def test_the_variance_is_of_the_grades_alone() -> None:
    head = {"2": 0.2, "1": 0.0, "0": 0.0, "-1": 0.2, "-2": 0.0, "n": 0.6}
    (found, _) = stance_of(dict.fromkeys(STANCE_HEADS, head)).values()
    # 1 and -0.5, alike probable: the mean is 0.25, the variance 0.75 squared.
    assert found.spread == pytest.approx(0.5625)
    surely_none = {**dict.fromkeys(head, 0.0), "n": 1.0}
    assert stance_of(dict.fromkeys(STANCE_HEADS, surely_none))["A>B"].spread == 0


def test_the_threshold_belongs_to_the_sign() -> None:
    """Three tenths verbal cooperation against neutral gives exactly the threshold."""
    at = [SentenceStance("1", 0.6)] * 3 + [SentenceStance("0", 0.6)] * 7
    under = [*at, SentenceStance("0", 0.6)]
    assert SIGN_THRESHOLD == 0.15
    signs: dict[Grade, str] = {"1": "cooperative", "-1": "adversarial"}
    for grade, sign in signs.items():
        stances = [one._replace(label=grade) if one.label == "1" else one for one in under]
        found = article_stance(stances)
        assert found is not None
        assert found.label == "neutral"
        found = article_stance(stances[:9])
        assert found is not None
        assert found.label == sign


@STEADY
@given(st.lists(JUDGED, max_size=8))
def test_turning_every_sentence_turns_the_article(stances: list[SentenceStance]) -> None:
    turned: dict[Label, Label] = {"2": "-2", "1": "-1", "0": "0", "-1": "1", "-2": "2", "n": "n"}
    other = {"cooperative": "adversarial", "neutral": "neutral", "adversarial": "cooperative"}
    found = article_stance(stances)
    reverse = article_stance([one._replace(label=turned[one.label]) for one in stances])
    assert (found is None) == (reverse is None)
    if found and reverse:
        assert reverse.score == -found.score
        assert reverse.label == other[found.label]


@STEADY
@given(st.lists(JUDGED, max_size=8))
def test_the_sum_is_bounded_and_counts_only_stances(stances: list[SentenceStance]) -> None:
    found = article_stance(stances)
    taken = [one for one in stances if one.grade]
    if found is None:
        assert not taken
    else:
        assert found.sentences == len(taken)
        scores = [GRADE_SCORES[one.grade] for one in taken if one.grade]
        assert min(scores) - 1e-9 <= found.score <= max(scores) + 1e-9
