"""What kind of act a sentence reports: PLOVER's types, with their quad class and intensity.

Types and classes are PLOVER's (Open Event Data Alliance, manual draft 0.8 of 2021). PLOVER gives
its types no intensity; each has that of the CAMEO root category that became it (18, assault, for
ASSAULT, which took in 19 and 20; 10, demand, for REQUEST), from Goldstein's scale of 1992 as CAMEO
applies it: -10 is the most hostile, 10 the most friendly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from processors.models.base import EVENT, EVENT_LABELS, Scores

if TYPE_CHECKING:
    from detente.article import EventType, Quad

NO_EVENT: Final = "NONE"


class Kind(NamedTuple):
    """A type's quad class, and its intensity in -10…10."""

    quad: Quad
    goldstein: float


EVENTS: Final[Mapping[EventType, Kind]] = {
    "AGREE": Kind("verbal cooperation", 4.0),
    "CONSULT": Kind("verbal cooperation", 1.0),
    "SUPPORT": Kind("verbal cooperation", 3.5),
    "CONCEDE": Kind("verbal cooperation", 5.0),
    "COOPERATE": Kind("material cooperation", 6.0),
    "AID": Kind("material cooperation", 7.0),
    "RETREAT": Kind("material cooperation", 5.0),
    "REQUEST": Kind("verbal conflict", -5.0),
    "ACCUSE": Kind("verbal conflict", -2.0),
    "REJECT": Kind("verbal conflict", -4.0),
    "THREATEN": Kind("verbal conflict", -6.0),
    "PROTEST": Kind("material conflict", -6.5),
    "SANCTION": Kind("material conflict", -4.0),
    "MOBILIZE": Kind("material conflict", -7.2),
    "COERCE": Kind("material conflict", -7.0),
    "ASSAULT": Kind("material conflict", -9.0),
}


class Event(NamedTuple):
    """The main act between the sides in a sentence, and the probability of its type."""

    type: EventType
    confidence: float


def event_of(scores: Scores) -> Event | None:
    """The likeliest type; None where that is no act, or the model has no head for it."""
    if EVENT not in scores:
        return None
    head = scores[EVENT]
    likeliest = max(EVENT_LABELS, key=lambda label: head[label])
    return None if likeliest == NO_EVENT else Event(likeliest, head[likeliest])  # type: ignore[arg-type]
