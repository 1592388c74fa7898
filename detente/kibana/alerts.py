"""The dashboard Alerts: who was told of what, and whether it got there."""

from __future__ import annotations

from detente.alerts.alertindex import alert_index
from detente.alerts.mirrored import BY_NAME
from detente.kibana.charts import Listing, along, metric, ranked, table
from detente.kibana.columns import (
    View,
    average,
    count,
    distinct,
    in_time,
    largest,
    latest,
    top,
)
from detente.kibana.objects import Dashboard, Row, titled

DEAD = {"states": ("dead",)}
WAITING = {"states": ("waiting",)}


def told(namespace: str) -> View:
    """The alerts, as `detente.alerts.mirror` copies them."""
    index = alert_index(namespace)
    return View(
        id=f"{index}-view",
        index=index,
        name=titled("alerts", namespace),
        time="at",
        fields=BY_NAME,
        links=("url",),
    )


def alerts(namespace: str, sides: tuple[str, str]) -> Dashboard:
    """`sides` are the codes of the watch's two sides, for the charts' labels."""
    first, second = sides
    there, back = f"{first} toward {second}", f"{second} toward {first}"
    number, when = count("Alerts"), in_time("at")
    delay = average("delay", "Seconds", decimals=0)
    return Dashboard(
        name="alerts",
        title=titled("alerts", namespace),
        about="An alert is one event for one subscription; it may go to several destinations.",
        view=told(namespace),
        since="now-7d",
        rows=(
            Row(
                6,
                (
                    metric("number", "Alerts", number),
                    metric("waiting", "With something still to be sent", number, WAITING),
                    metric("dead", "With something given up", number, DEAD),
                    metric("delay", "Mean delay until delivered", delay),
                ),
            ),
            Row(
                12,
                (
                    along(
                        "subscriptions",
                        "By subscription",
                        when,
                        number,
                        split=top("subscription", "Subscription", 10, rest=True),
                    ),
                    along(
                        "delays",
                        "Delay until delivered, in seconds",
                        when,
                        average("delay", "Mean", decimals=0),
                        largest("delay", "Longest"),
                        style="line",
                    ),
                ),
            ),
            Row(
                12,
                (
                    table(
                        "by-subscription",
                        "Subscriptions",
                        [top("subscription", "Subscription", 200)],
                        number,
                        distinct("story", "Stories"),
                        average("delay", "Mean delay (s)", decimals=0),
                        latest("at", "Last told"),
                    ),
                    ranked(
                        "deliveries",
                        "Where, and its state",
                        top("deliveries", "Delivery", 20),
                        number,
                    ),
                ),
            ),
            Row(
                12,
                (
                    along(
                        "tone",
                        "Mean stance of what was told",
                        when,
                        average("first_toward_second", there),
                        average("second_toward_first", back),
                        style="line",
                    ),
                    ranked("shown", "What the sentences show", top("shown", "Stance", 12), number),
                    ranked("outlets", "From", top("outlet", "Outlet", 15), number),
                ),
            ),
            Row(
                18,
                (
                    Listing(
                        "latest",
                        "Latest alerts",
                        ("subscription", "title", "note", "outlet", "deliveries", "delay", "url"),
                    ),
                ),
            ),
        ),
    )
