"""The dashboard Coverage: what comes in, from where and in what state, and what isn't judged."""

from __future__ import annotations

from detente.kibana.charts import along, donut, metric, ranked, table
from detente.kibana.columns import count, distinct, in_time, latest, top
from detente.kibana.objects import Dashboard, Row, titled
from detente.kibana.relations import articles


def coverage(namespace: str) -> Dashboard:
    """Counts of all articles, relevant or not."""
    number = count("Articles")
    when = in_time("first_seen")
    return Dashboard(
        name="coverage",
        title=titled("coverage", namespace),
        about="A drop here is a source that fell silent, and no calm between the two sides.",
        view=articles(namespace),
        since="now-7d",
        rows=(
            Row(
                6,
                (
                    metric("articles", "Articles", number),
                    metric("sources", "Publishers", distinct("source", "Sources")),
                    metric("feeds", "Feeds with news", distinct("feed", "Feeds")),
                    metric("latest", "Latest article", latest("first_seen", "First seen")),
                ),
            ),
            Row(
                12,
                (
                    along(
                        "kinds",
                        "By kind of publisher",
                        when,
                        number,
                        split=top("kind", "Kind", 6, rest=True),
                    ),
                    along(
                        "countries",
                        "By the publisher's country",
                        when,
                        number,
                        split=top("country", "Country", 6, rest=True),
                    ),
                    along(
                        "languages",
                        "By language",
                        when,
                        number,
                        split=top("language", "Language", 6, rest=True),
                    ),
                ),
            ),
            Row(
                18,
                (
                    table(
                        "by-source",
                        "Publishers",
                        [top("source", "Source", 200)],
                        number,
                        distinct("feed", "Feeds"),
                        latest("first_seen", "Last seen"),
                    ),
                    along(
                        "origins",
                        "Where the text comes from",
                        when,
                        number,
                        split=top("text_origin", "Origin", 4),
                    ),
                ),
            ),
            Row(
                12,
                (
                    donut(
                        "dates",
                        "What the publishers' dates are worth",
                        top("published_quality", "Date", 8),
                        number,
                    ),
                    ranked("walls", "Before the text stood", top("wall", "Wall", 4), number),
                    ranked("abstained", "Not judged, because", top("abstained", "Why", 12), number),
                ),
            ),
            Row(
                10,
                (
                    table(
                        "models",
                        "Judged by",
                        [top("model", "Model", 10), top("model_revision", "Revision", 10)],
                        number,
                        latest("assessed", "Last judged"),
                    ),
                ),
            ),
        ),
    )
