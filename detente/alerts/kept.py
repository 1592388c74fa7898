"""What the alerts remember of an article, of what was told, and of what is to be sent."""

from __future__ import annotations

from dataclasses import dataclass

from detente.alerts.likeness import Traits
from detente.alerts.message import Alert
from detente.alerts.novelty import Facts, New
from detente.alerts.schema import State


@dataclass(frozen=True, slots=True)
class Kept:
    """An article as it is kept: where it belongs, and whether it copies another."""

    id: str
    revision: int
    story: str
    at: float
    outlet: str
    traits: Traits
    facts: Facts
    copies: str | None = None
    novelty: tuple[New, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an article for good."""

    revision: int
    story: str
    copies: str | None
    novelty: tuple[New, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, when it came about, and when somebody acknowledged it; both epochs."""

    at: float
    alert: Alert
    acknowledged: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the outbox."""

    number: int
    subscription: str
    story: str
    destination: str
    state: State
    created: float
    due: float
    attempts: int
    reason: str
    sent: float | None
