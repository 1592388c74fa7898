"""What a teacher judges: the same sentences each time, none that is measured on."""

from __future__ import annotations

import pytest

from processors.models.base import STANCE_LABELS
from tests.whole import DATA
from training.labelled import digest, load_sentences
from training.unlabelled import UNKNOWN, directed_sentences, load_unlabelled

pytestmark = pytest.mark.skipif(
    not (DATA / "dyad_stance").is_dir(), reason="the labelled text (shared/data) is not here"
)


def test_unlabelled_sentences_are_distinct_and_none_of_them_is_measured_on() -> None:
    found = load_unlabelled(DATA, official=300, news=300)
    keys = [digest(one.text) for one in found]
    assert keys[:300] == sorted(keys[:300])
    assert len({one.id for one in found}) == len(found) == 600
    assert {one.labels for one in found} == {UNKNOWN}
    measured = [one for one in load_sentences(DATA) if one.split != "train"]
    documents = {one.id.split("#")[0].split("@")[0] for one in measured}
    assert not documents & {one.id.split("@")[0] for one in found}
    assert not {digest(one.text) for one in measured} & {digest(one.text) for one in found}


def test_the_two_entities_become_the_two_sides() -> None:
    sentences = list(directed_sentences(DATA))
    assert (
        {label for one in sentences for label in one.labels} == {"1", "-1", "n"} < {*STANCE_LABELS}
    )
    assert not any("[" in one.text for one in sentences)
    names = ("Rus", "Mosc", "Kreml", "Putin", "Lavrov", "Zakharova")
    assert all(any(name in one.text for name in names) for one in sentences)
