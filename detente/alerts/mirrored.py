"""An alert as a document for charts: one flat row with what it says and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from detente.alerts.uncopied import Changed
from detente.store.fields import Field, Kind, date_text

FIELDS: tuple[Field, ...] = (
    Field("id", Kind.KEYWORD, "the alert's id, for good", needed=True),
    Field("at", Kind.DATE, "when it came about", needed=True),
    Field("subscription", Kind.KEYWORD, "who is told", needed=True),
    Field("story", Kind.KEYWORD, "the event that it is about", needed=True),
    Field("article", Kind.KEYWORD, "the article's id; none where it tells of silence"),
    Field("title", Kind.TEXT, "the article's headline", needed=True),
    Field("note", Kind.TEXT, "why it is told, where it isn't the article by itself"),
    Field("outlet", Kind.KEYWORD, "the article's publisher"),
    Field("url", Kind.KEYWORD, "the article's address"),
    Field("published", Kind.DATE, "as the publisher claims"),
    Field("shown", Kind.KEYWORDS, "`USA>RUS:adversarial`: what the sentences in it show"),
    Field("first_toward_second", Kind.DOUBLE, "the watch's first side toward its second, -1 to 1"),
    Field("second_toward_first", Kind.DOUBLE, "and the reverse"),
    Field("first_before", Kind.DOUBLE, "the first side's mean over the week before"),
    Field("second_before", Kind.DOUBLE, "and the second side's"),
    Field("destinations", Kind.KEYWORDS, "where it is sent", needed=True),
    Field(
        "states",
        Kind.KEYWORDS,
        "sent, waiting, dead, muted or acknowledged: each that there is",
        needed=True,
    ),
    Field("deliveries", Kind.KEYWORDS, "`desk:sent`: where, and its state", needed=True),
    Field("attempts", Kind.LONG, "how often sending was tried, over all destinations", needed=True),
    Field("delivered", Kind.DATE, "when it was last delivered"),
    Field("acknowledged", Kind.DATE, "when somebody said that they have seen it"),
    Field("delay", Kind.DOUBLE, "seconds from the alert to that"),
)
BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}


def alert_document(changed: Changed, sides: tuple[str, str]) -> dict[str, Any]:
    """The document of an alert that the ledger has; `sides` are the watch's two sides."""
    alert, sendings = changed.alert, changed.sendings
    assert alert is not None  # who asks has looked
    there, back = ">".join(sides), ">".join(reversed(sides))
    # What is under way when we look is still waiting for whoever reads a chart.
    states = {
        one.destination: "waiting" if one.state == "sending" else one.state for one in sendings
    }
    sent = [one.sent for one in sendings if one.sent is not None]
    document = {
        "id": alert.id,
        "at": _date(changed.at),
        "subscription": changed.subscription,
        "story": changed.story,
        "article": alert.article or None,
        "title": alert.title,
        "note": alert.note or None,
        # What tells of silence has no article, and its query where the outlet stands.
        "outlet": alert.outlet if alert.article else None,
        "url": alert.url or None,
        "published": alert.published,
        "shown": sorted({one.says.replace(": ", ":") for one in alert.evidence if one.says}),
        "first_toward_second": alert.stance.get(there),
        "second_toward_first": alert.stance.get(back),
        "first_before": alert.before.get(there),
        "second_before": alert.before.get(back),
        "destinations": sorted(states),
        "states": sorted(set(states.values())),
        "deliveries": sorted(f"{destination}:{state}" for destination, state in states.items()),
        "attempts": sum(one.attempts for one in sendings),
        "delivered": _date(max(sent)) if sent else None,
        "acknowledged": None if changed.acknowledged is None else _date(changed.acknowledged),
        "delay": round(max(sent) - changed.at, 3) if sent else None,
    }
    return {name: value for name, value in document.items() if value is not None}


def _date(epoch: float) -> str:
    return date_text(datetime.fromtimestamp(epoch, UTC))
