"""PLOVER's types: complete, in their classes, and decided by the likeliest."""

from __future__ import annotations

from typing import get_args

from detente.article import EventType, Quad
from processors.events import EVENTS, NO_EVENT, Event, event_of
from processors.models.base import EVENT, EVENT_LABELS


def test_every_type_has_a_class_and_an_intensity() -> None:
    assert {*EVENTS, NO_EVENT} == set(EVENT_LABELS)
    assert set(EVENTS) == set(get_args(EventType))
    assert {kind.quad for kind in EVENTS.values()} == set(get_args(Quad))


def test_the_intensity_has_the_sign_of_its_class() -> None:
    for kind in EVENTS.values():
        assert -10 <= kind.goldstein <= 10
        assert (kind.goldstein > 0) == kind.quad.endswith("cooperation")


def test_the_likeliest_type_is_said_unless_it_is_none() -> None:
    head = dict.fromkeys(EVENT_LABELS, 0.01)
    assert event_of({EVENT: {**head, "SANCTION": 0.6}}) == Event("SANCTION", 0.6)
    assert event_of({EVENT: {**head, "NONE": 0.6, "SANCTION": 0.3}}) is None
    assert event_of({}) is None
