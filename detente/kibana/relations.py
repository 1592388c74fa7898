"""The dashboard Relations: how the two sides speak of and act toward each other, and on what."""

from __future__ import annotations

from detente.kibana.charts import Listing, along, donut, heatmap, metric, ranked
from detente.kibana.columns import View, average, count, daily, distinct, in_time, top
from detente.kibana.objects import Dashboard, Row, titled
from detente.store.fields import BY_NAME

RELEVANT = {"relevance": ("core", "peripheral")}
CORE = {"relevance": ("core",)}


def articles(namespace: str) -> View:
    """The articles, by way of the alias that readers have."""
    alias = f"{namespace}-articles"
    return View(
        id=f"{alias}-view",
        index=alias,
        name=titled("articles", namespace),
        time="first_seen",
        fields=BY_NAME,
        links=("url",),
    )


def relations(namespace: str, sides: tuple[str, str]) -> Dashboard:
    """`sides` are the codes of the watch's two sides, for the charts' labels."""
    first, second = sides
    there, back = f"{first} toward {second}", f"{second} toward {first}"
    number = count("Articles")
    return Dashboard(
        name="relations",
        title=titled("relations", namespace),
        about="What the two sides say and do toward each other, from −1 (adversarial) to 1.",
        view=articles(namespace),
        since="now-30d",
        rows=(
            Row(
                6,
                (
                    metric("articles", "Relevant articles", number, RELEVANT),
                    metric("there", there, average("first_toward_second", "Mean"), RELEVANT),
                    metric("back", back, average("second_toward_first", "Mean"), RELEVANT),
                    metric("sources", "From so many", distinct("source", "Sources"), RELEVANT),
                ),
            ),
            Row(
                12,
                (
                    along(
                        "tone",
                        "Mean stance of the day",
                        daily("first_seen"),
                        average("first_toward_second", there),
                        average("second_toward_first", back),
                        style="line",
                        only=RELEVANT,
                    ),
                ),
            ),
            Row(
                12,
                (
                    ranked(
                        "dyads",
                        "Articles by stance",
                        top("dyad_labels", "Stance"),
                        number,
                        RELEVANT,
                    ),
                    along(
                        "stances",
                        "Stances that sentences show",
                        in_time("first_seen"),
                        number,
                        split=top("stance_labels", "Stance", 8),
                        only=RELEVANT,
                    ),
                ),
            ),
            Row(
                12,
                (
                    along(
                        "issues",
                        "Issues",
                        in_time("first_seen"),
                        number,
                        split=top("issues", "Issue", 8),
                        style="area_stacked",
                        only=RELEVANT,
                    ),
                    heatmap(
                        "issue-days",
                        "Issues, day by day",
                        daily("first_seen"),
                        top("issues", "Issue", 15),
                        number,
                        RELEVANT,
                    ),
                ),
            ),
            Row(
                12,
                (
                    ranked("events", "Acts (PLOVER)", top("events", "Act", 16), number, RELEVANT),
                    along(
                        "quads",
                        "Words and deeds",
                        in_time("first_seen"),
                        number,
                        split=top("quads", "Class", 4),
                        only=RELEVANT,
                    ),
                    donut("relevance", "Relevance", top("relevance", "Relevance", 3), number),
                ),
            ),
            Row(
                14,
                (
                    ranked(
                        "speakers",
                        "Most quoted",
                        top("speakers", "Speaker", 15),
                        number,
                        RELEVANT,
                    ),
                    ranked("actors", "Most named", top("actors", "Actor", 15), number, RELEVANT),
                ),
            ),
            Row(
                18,
                (
                    Listing(
                        "latest",
                        "Latest core articles",
                        ("title", "outlet", "dyad_labels", "issues", "url"),
                        CORE,
                    ),
                ),
            ),
        ),
    )
