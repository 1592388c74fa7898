"""A subscription's alerts as an Atom feed, for whoever reads them in a feed reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from detente.alerts.kept import Told
from detente.atom import Entry, atom_feed


def alerts_feed(subscription: str, title: str, told: Sequence[Told]) -> bytes:
    """The feed of what a subscription was told, newest first."""
    return atom_feed(
        f"urn:detente:subscription:{subscription}",
        title,
        _date(told[0].at if told else 0.0),
        map(_entry, told),
        author="Détente",
    )


def _entry(told: Told) -> Entry:
    alert = told.alert
    lines = [f"{one.says}  {one.text}".strip() for one in alert.evidence]
    return Entry(
        id=f"urn:detente:alert:{alert.id}",
        title=alert.title,
        updated=_date(told.at),
        link=alert.url,
        summary="\n".join([alert.outlet, *lines]),
    )


def _date(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds")
