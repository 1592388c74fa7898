"""A subscription's alerts as an Atom feed (RFC 4287), for whoever reads them in a feed reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from detente.alerts.message import Alert

_ATOM = "http://www.w3.org/2005/Atom"


def atom_feed(subscription: str, title: str, told: Sequence[tuple[float, Alert]]) -> bytes:
    """The feed of alerts with the epochs at which they came about, newest first."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", f"urn:detente:subscription:{subscription}")
    _add(feed, "title", title)
    _add(feed, "updated", _date(told[0][0] if told else 0.0))
    author = ElementTree.SubElement(feed, f"{{{_ATOM}}}author")
    _add(author, "name", "Détente")
    for at, alert in told:
        entry = ElementTree.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", f"urn:detente:alert:{alert.id}")
        _add(entry, "title", alert.title)
        _add(entry, "updated", _date(at))
        ElementTree.SubElement(entry, f"{{{_ATOM}}}link", href=alert.url)
        lines = [f"{one.says}  {one.text}".strip() for one in alert.evidence]
        _add(entry, "summary", "\n".join([alert.outlet, *lines]))
    found: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return found


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text


def _date(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds")
