"""The labels and articles in training/data, and the labelled text that they go with."""

from __future__ import annotations

import pytest

from processors.models.base import RELEVANCE_LABELS, STANCE_LABELS
from tests.whole import DATA
from training.labelled import (
    OURS,
    digest,
    json_lines,
    load_documents,
    load_sentences,
    tab_lines,
)

needs_text = pytest.mark.skipif(
    not (DATA / "dyad_stance").is_dir(), reason="the labelled text (shared/data) is not here"
)


@pytest.mark.parametrize(
    ("name", "least"), [("articles.jsonl", 300), ("pieces.jsonl", 500), ("statements.jsonl", 45)]
)
def test_what_is_invented_says_so(name: str, least: int) -> None:
    rows = list(json_lines(OURS / name))
    assert all(row["synthetic"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows) >= least


@needs_text
def test_sentences_are_found_where_their_labels_say() -> None:
    sentences = load_sentences(DATA)
    assert len({one.id for one in sentences}) == len(sentences) > 8_000
    assert {label for one in sentences for label in one.labels} == set(STANCE_LABELS)
    rows = list(tab_lines(OURS / "sentences.tsv"))
    found = {(one.id.split("@")[0], digest(one.text)): one for one in sentences if "@" in one.id}
    assert len(found) == len(rows)
    assert all(found[row[0], row[1]].labels == (row[2], row[3]) for row in rows)


@needs_text
def test_nothing_that_is_evaluated_is_learnt() -> None:
    sentences, documents = load_sentences(DATA), load_documents(DATA)
    dev = {digest(one.text) for one in sentences if one.split == "dev"}
    assert not [one.id for one in sentences if one.split != "dev" and digest(one.text) in dev]
    whole = {one.id for one in documents if one.split == "dev"}
    assert not [one.id for one in documents if one.split != "dev" and one.id in whole]
    assert {one.relevance for one in documents} == set(RELEVANCE_LABELS)
    cut = {one.id.split("@")[0] for one in sentences if "@" in one.id}
    assert not cut & whole
