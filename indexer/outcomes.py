"""What a store says of a document, as what the runner does with its article."""

from __future__ import annotations

from detente.runner import Drop, Outcome, Publish, Reject
from detente.store.base import WriteOutcome


def outcome_of(write: WriteOutcome) -> Outcome:
    """Written goes on, stale ends here (a newer revision is stored), rejected is a dead letter."""
    match write.result:
        case "written":
            return Publish()
        case "stale":
            return Drop("stale")
        case "rejected":
            return Reject(f"the store refuses the document: {write.reason}")
