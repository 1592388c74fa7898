"""Issues: by the watch's terms, and by the model where it knows them."""

from __future__ import annotations

import pytest

from detente.errors import ConfigError
from detente.watch import Issue, load_watch
from processors.issues import IssueFinder, issues_of
from processors.judgement import Judge
from processors.models import KeywordClassifier
from processors.models.base import HEADS, ISSUES, OPTIONAL_HEADS, issue_head

WATCH = load_watch("usa-rus")


def test_the_shipped_watch_has_the_issues_that_the_shipped_model_knows() -> None:
    assert tuple(issue.id for issue in WATCH.issues) == ISSUES
    assert IssueFinder(WATCH).unknown(OPTIONAL_HEADS) == []
    assert IssueFinder(WATCH).unknown(HEADS) == []


@pytest.mark.parametrize(
    ("text", "issues"),
    [
        ("Moscow let three consulates reopen.", {"embassies"}),
        ("Both sides spoke of New START and of direct flights.", {"arms-control", "flights"}),
        ("The start was new.", set()),
    ],
)
def test_terms_show_an_issue_to_a_model_that_does_not_know_it(text: str, issues: set[str]) -> None:
    assert set(IssueFinder(WATCH).of_sentence(text, {})) == issues


def test_a_model_finds_what_no_term_shows() -> None:
    scores = {
        issue_head("embassies"): {"yes": 0.4, "no": 0.6},
        issue_head("visas"): {"yes": 0.7, "no": 0.3},
    }
    found = IssueFinder(WATCH).of_sentence("The consulate opens; sanctions stay.", scores)
    assert found == {"embassies": 1.0, "visas": 0.7, "sanctions": 1.0}


def test_a_text_has_the_issues_of_its_sentences() -> None:
    found = issues_of([{"visas": 0.6}, {}, {"visas": 0.9, "trade": 0.95}])
    assert found == [("visas", 0.9, 2, 2), ("trade", 0.95, 2, 1)]


def test_an_issue_that_nothing_can_find_is_refused() -> None:
    watch = WATCH.model_copy(
        update={"issues": (Issue(id="opera", definition="Guest performances."), *WATCH.issues)}
    )
    with pytest.raises(ConfigError, match="about opera; give each of these issues some terms"):
        Judge(watch, KeywordClassifier()).warm_up()
