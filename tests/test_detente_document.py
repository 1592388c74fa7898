"""The stored document: it conforms to the field table whatever the assessment's shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.article import (
    AssessedArticle,
    Assessment,
    CollectedArticle,
    Dyad,
    Event,
    EventType,
    Evidence,
    Ground,
    IssueFound,
    ModelIdentity,
    Quad,
    Quotation,
    Relevance,
    Source,
    Stance,
)
from detente.document import article_document
from detente.store.fields import BY_NAME, FIELDS, normalised, problems
from tests.articles import NOON, assessed

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

SIDES = ("USA", "RUS")

TEXT = st.text(max_size=20)
SHARE = st.floats(0, 1)
SCORE = st.floats(-1, 1)
INSTANT = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CODE = st.sampled_from(SIDES)
LABEL = st.sampled_from(["cooperative", "neutral", "adversarial"])

EVIDENCE = st.builds(
    Evidence,
    part=st.sampled_from(["title", "body"]),
    start=st.integers(0, 10**9),
    end=st.integers(0, 10**9),
    text=TEXT,
    quoted=st.booleans(),
    speaker=st.none() | TEXT,
)
STANCE = st.builds(
    Stance,
    holder=CODE,
    target=CODE,
    label=LABEL,
    grade=st.sampled_from(["2", "1", "0", "-1", "-2"]),
    score=SCORE,
    confidence=SHARE,
    evidence=EVIDENCE,
    event=st.none()
    | st.builds(
        Event,
        type=st.sampled_from(get_args(EventType)),
        quad=st.sampled_from(get_args(Quad)),
        goldstein=st.floats(-10, 10),
        confidence=SHARE,
    ),
)
DYAD = st.builds(
    Dyad,
    holder=CODE,
    target=CODE,
    label=LABEL,
    score=SCORE,
    low=SCORE,
    high=SCORE,
    sentences=st.integers(1, 999),
)
ISSUE = st.builds(
    IssueFound, id=TEXT, score=SHARE, sentences=st.integers(1, 999), evidence=EVIDENCE
)
QUOTATION = st.builds(
    Quotation,
    start=st.integers(0, 10**9),
    end=st.integers(0, 10**9),
    text=TEXT,
    kind=st.sampled_from(["direct", "indirect"]),
    speaker=st.none() | TEXT,
    actor=st.none() | TEXT,
    cue=st.none() | TEXT,
)
ASSESSMENT = st.builds(
    Assessment,
    watch=TEXT,
    relevance=st.none()
    | st.builds(Relevance, st.sampled_from(["core", "peripheral", "none"]), SHARE),
    abstained=st.none() | TEXT,
    language=st.none() | TEXT,
    actors=st.lists(TEXT, max_size=3).map(tuple),
    stances=st.lists(STANCE, max_size=3).map(tuple),
    dyads=st.lists(DYAD, max_size=2).map(tuple),
    grounds=st.lists(st.builds(Ground, score=SHARE, evidence=EVIDENCE), max_size=2).map(tuple),
    issues=st.lists(ISSUE, max_size=2).map(tuple),
    quotations=st.lists(QUOTATION, max_size=2).map(tuple),
    model=st.builds(ModelIdentity, TEXT, TEXT),
    assessed=INSTANT,
)
ARTICLE = st.builds(
    CollectedArticle,
    id=TEXT,
    revision=st.integers(1, 10**6),
    identity=TEXT,
    url=TEXT,
    title=TEXT,
    body=TEXT,
    language=st.none() | TEXT,
    authors=st.lists(TEXT, max_size=2).map(tuple),
    published=st.none() | INSTANT,
    published_claim=st.none() | TEXT,
    first_seen=INSTANT,
    collected=INSTANT,
    source=st.builds(
        Source, feed=TEXT, outlet=TEXT, host=TEXT, country=st.none() | TEXT, kind=st.none() | TEXT
    ),
)


@STEADY
@given(st.builds(AssessedArticle, article=ARTICLE, assessment=ASSESSMENT))
def test_every_document_conforms(one: AssessedArticle) -> None:
    document = article_document(one, SIDES)
    assert problems(document) == []
    assert problems(normalised(document)) == []
    assert None not in document.values()
    assert None not in [value for stance in document["stances"] for value in stance.values()]


def changed(**changes: object) -> AssessedArticle:
    one = assessed()
    return msgspec.structs.replace(
        one, assessment=msgspec.structs.replace(one.assessment, **changes)
    )


def test_the_whole_document() -> None:
    document = article_document(assessed(authors=("One", "Two")), SIDES)
    assert document["source"] == "sample.example"
    assert (document["outlet"], document["feed"]) == ("The Sample", "sample")
    assert document["authors"] == ["One", "Two"]
    assert (document["relevance"], document["relevance_score"]) == ("core", 0.9)
    assert (document["model"], document["model_revision"]) == ("keyword", "000000000000")
    assert document["first_seen"] == document["assessed"] == NOON
    assert document["stances"] == [
        {
            "holder": "RUS",
            "target": "USA",
            "label": "cooperative",
            "grade": "1",
            "score": 0.5,
            "confidence": 0.8,
            "part": "body",
            "start": 16,
            "end": 42,
            "text": "Moscow thanked Washington.",
            "quoted": False,
        }
    ]
    assert document["dyad_labels"] == ["RUS>USA:cooperative"]
    optional = {name for name, field in BY_NAME.items() if not field.needed}
    assert set(BY_NAME) - set(document) <= optional


def test_what_every_article_has_is_needed_and_nothing_else() -> None:
    """So that a document with a hole is refused, and none for what its article lacks."""
    bare = changed(relevance=None, language=None)
    source = msgspec.structs.replace(bare.article.source, country=None)
    article = msgspec.structs.replace(
        bare.article, published=None, published_claim=None, source=source
    )
    document = article_document(msgspec.structs.replace(bare, article=article), SIDES)
    for fields, found in (
        (FIELDS, document),
        (BY_NAME["stances"].fields, document["stances"][0]),
        (BY_NAME["dyads"].fields, document["dyads"][0]),
    ):
        single = {name for name, value in found.items() if not isinstance(value, list)}
        # What was stored by earlier versions has neither intervals nor a length.
        single -= {"second_toward_first", "low", "high", "length"}
        assert {field.name for field in fields if field.needed} == single


def test_the_flat_scores_follow_the_watchs_order() -> None:
    document = article_document(assessed(), SIDES)
    assert document["second_toward_first"] == 0.5
    assert "first_toward_second" not in document
    turned = article_document(assessed(), SIDES[::-1])
    assert turned["first_toward_second"] == 0.5
    assert "second_toward_first" not in turned


def test_an_abstention_has_no_relevance_and_no_zero_for_one() -> None:
    one = changed(relevance=None, abstained="language ru", stances=(), dyads=(), language="ru")
    document = article_document(one, SIDES)
    for name in ("relevance", "relevance_score", "first_toward_second", "second_toward_first"):
        assert name not in document
    assert (document["abstained"], document["language"]) == ("language ru", "ru")
    assert document["stances"] == document["dyads"] == document["dyad_labels"] == []


@pytest.mark.parametrize(("judged", "language"), [("ru", "ru"), (None, "fr")])
def test_the_language_that_was_found_beats_the_claim(judged: str | None, language: str) -> None:
    one = changed(language=judged)
    article = msgspec.structs.replace(one.article, language="fr")
    document = article_document(msgspec.structs.replace(one, article=article), SIDES)
    assert document["language"] == language


def test_a_score_of_nothing_is_kept() -> None:
    """0 is a neutral dyad, and must not vanish as an absent one does."""
    dyad = Dyad(holder="USA", target="RUS", label="neutral", score=0.0, sentences=1)
    document = article_document(changed(dyads=(dyad,)), SIDES)
    assert document["first_toward_second"] == 0.0
