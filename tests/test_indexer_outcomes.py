"""What the runner does with each thing that a store may say."""

from __future__ import annotations

from detente.runner import Drop, Publish, Reject
from detente.store.base import WriteOutcome
from indexer.outcomes import outcome_of


def test_written_goes_on_with_nothing_to_publish() -> None:
    assert outcome_of(WriteOutcome("a", "written")) == Publish()


def test_stale_ends_here() -> None:
    assert outcome_of(WriteOutcome("a", "stale")) == Drop("stale")


def test_rejected_is_a_dead_letter_with_the_stores_reason() -> None:
    outcome = outcome_of(WriteOutcome("a", "rejected", "title: missing"))
    assert outcome == Reject("the store refuses the document: title: missing")
