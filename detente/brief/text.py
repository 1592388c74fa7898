"""The brief as HTML and as Markdown."""

from __future__ import annotations

import re

from detente.brief.facts import STORIES, Brief
from detente.dashboard.charts import trend_chart
from detente.dashboard.rendering import ADDS, environment

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def as_html(brief: Brief) -> str:
    """One file that needs no other; feeds' text is escaped."""
    shown = brief.shown
    title = "How each side stands toward the other, by day of publication"
    chart = trend_chart(shown.series, shown.start, shown.end, title=title)
    return _rendered("brief.html", brief, escape=True, chart=chart)


def as_markdown(brief: Brief) -> str:
    """Text that Markdown would take for its own is escaped."""
    text = _rendered("brief.md", brief, escape=False, chart="")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _rendered(name: str, brief: Brief, *, escape: bool, chart: str) -> str:
    templates = environment("detente.brief", escape=escape)
    templates.filters["plain"] = _plain
    return templates.get_template(name).render(
        brief=brief,
        shown=brief.shown,
        stories=brief.shown.stories[:STORIES],
        chart=chart,
        adds=ADDS,
    )


def _plain(text: str) -> str:
    """On one line, with the signs of Markdown escaped."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
