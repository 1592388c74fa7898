"""What pages are made of: searches and their addresses, pieces of text, charts, days that moved."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts.reading import StoryReader
from detente.alerts.state import AlertState
from detente.dashboard.asking import FACETS, Asked
from detente.dashboard.charts import points, pooled, trend_chart
from detente.dashboard.highlight import Piece, Span, actor_spans, paragraphs
from detente.dashboard.rendering import age, signed
from detente.dashboard.views.article import changes
from detente.dashboard.views.today import today
from detente.store import open_store
from detente.store.base import ArticleStore, Measure
from detente.watch import load_watch
from tests.articles import collected
from tests.contracts.store import document

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))
SIDES = ("USA", "RUS")
NAMES = {"USA>RUS": "United States → Russia", "RUS>USA": "Russia → United States"}


@given(
    st.builds(
        Asked,
        text=TEXT,
        chosen=st.dictionaries(
            st.sampled_from(sorted(FACETS)), st.lists(TEXT.filter(bool), min_size=1).map(tuple)
        ),
        start=st.none() | DAYS,
        end=st.none() | DAYS,
        order=st.sampled_from(["seen", "published"]),
        size=st.integers(1, 100),
        after=st.none() | TEXT.filter(bool),
    )
)
def test_an_address_asks_for_what_it_was_made_of(asked: Asked) -> None:
    from urllib.parse import parse_qsl, urlsplit

    pairs = parse_qsl(urlsplit(asked.address()).query, keep_blank_values=True)
    assert Asked.of(pairs) == asked


def test_a_value_is_chosen_and_let_go() -> None:
    asked = Asked(text="visas", after="x").toggled("kind", "gov")
    assert (asked.chosen, asked.after) == ({"kind": ("gov",)}, None)
    assert asked.toggled("kind", "wire").chosen == {"kind": ("gov", "wire")}
    assert asked.toggled("kind", "gov").chosen == {}


SPANS = st.lists(
    st.builds(
        lambda a, b, what: Span(
            min(a, b), max(a, b), what, (1, "hostile") if what == "stance" else True
        ),
        st.integers(-5, 60),
        st.integers(-5, 60),
        st.sampled_from(["stance", "quoted"]),
    ),
    max_size=6,
)


@given(st.text(max_size=50), SPANS)
def test_pieces_are_the_text_and_nothing_else(text: str, spans: list[Span]) -> None:
    lines = ["".join(piece.text for piece in line) for line in paragraphs(text, spans)]
    assert lines == [line for line in text.split("\n") if line]


def test_overlapping_findings_are_all_shown() -> None:
    spans = [Span(0, 10, "stance", (1, "hostile")), Span(4, 14, "quoted")]
    (line,) = paragraphs("0123456789abcdef", spans)
    assert line == [
        Piece("0123", 1, "hostile"),
        Piece("456789", 1, "hostile", quoted=True),
        Piece("abcd", quoted=True),
        Piece("ef"),
    ]


def test_actors_are_marked_by_their_names_alone() -> None:
    watch, text = load_watch("usa-rus"), "Lavrov met the State Department. Slavrovian talks."
    spans = actor_spans(text, watch, ["sergei-lavrov", "us-state-department"])
    assert sorted(text[span.start : span.end] for span in spans) == ["Lavrov", "State Department"]
    assert actor_spans(text, watch, []) == []


def test_a_change_shows_the_words_around_it() -> None:
    words = " ".join(f"w{n}" for n in range(60))
    revisions = [
        collected(title="Old title", body=f"{words} end"),
        collected(revision=2, title="New title", body=f"{words} finish", change="rewrite"),
    ]
    (change,) = changes(revisions)
    assert change.title == (("gone", "Old"), ("added", "New"), ("same", "title"))
    assert change.body[1:] == (("gone", "end"), ("added", "finish"))
    assert change.body[0][1].split()[12] == "…"


@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=5), min_size=1, max_size=6))
def test_groups_pooled_are_their_members(groups: list[list[float]]) -> None:
    def measure(some: list[float]) -> Measure:
        squares = sum(one * one for one in some) / len(some)
        return Measure.of("", len(some), sum(some) / len(some), squares)

    together = measure([one for some in groups for one in some])
    found = pooled([measure(some) for some in groups])
    assert found.count == together.count
    assert found.mean == pytest.approx(together.mean, abs=1e-9)
    assert found.deviation == pytest.approx(together.deviation, abs=1e-6)


def test_an_interval_holds_the_mean_and_narrows_with_articles() -> None:
    few, many = points([Measure("2026-03-01", 4, 0.2, 0.4), Measure("2026-03-02", 100, 0.2, 0.4)])
    assert few.low < many.low < 0.2 < many.high < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.4 / 10, rel=1e-6)


def test_a_long_time_is_shown_in_weeks() -> None:
    start = date(2026, 1, 5)
    days = [Measure(str(start + timedelta(days=n)), 2, 0.1 * (n % 7), 0.1) for n in range(140)]
    shown = points(days)
    assert len(shown) == 20
    assert {one.day.weekday() for one in shown} == {0}
    assert shown[0].count == 14
    assert shown[0].mean == pytest.approx(0.3)


def test_a_chart_is_well_formed_whatever_its_names_are() -> None:
    shown = points([Measure("2026-03-01", 4, 0.2, 0.4), Measure("2026-03-09", 9, -1, 0.4)])
    chart = trend_chart({"<b>&": shown}, date(2026, 3, 1), date(2026, 3, 30), title='"<x>')
    root = ElementTree.fromstring(str(chart))
    assert root.get("aria-label") == '"<x>'
    assert not re.search(r"style=|<script|on\w+=", str(chart))
    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(circle.get("cy", "")) <= 240
        assert 0 <= float(circle.get("cx", "")) <= 760


def store_with(folder: Path, documents: list[dict[str, Any]]) -> ArticleStore:
    store = open_store(f"sqlite:///{folder}/articles.sqlite")
    store.prepare()
    store.put(documents)
    return store


def test_a_day_that_differs_is_said_to_have_moved_it(tmp_path: Path) -> None:
    """Ten quiet days, and one on which Russia turned: that day is named, with its article."""
    now, dice = datetime(2026, 3, 20, 12, tzinfo=UTC), random.Random(1)
    documents = []
    for days_ago in range(12):
        for number in range(6):
            hostile = days_ago == 3
            score = (-0.9 if hostile else 0.1) + dice.uniform(-0.1, 0.1)
            label = "adversarial" if hostile else "cooperative"
            at = now - timedelta(days=days_ago, minutes=number)
            dyad = {"holder": "RUS", "target": "USA", "label": label, "score": score}
            documents.append(
                document(
                    f"a{days_ago}-{number}",
                    published=at,
                    first_seen=at,
                    second_toward_first=score,
                    dyads=[{**dyad, "sentences": 1}],
                )
            )
    store = store_with(tmp_path, documents)
    reader = StoryReader(f"sqlite:///{tmp_path}/alerts.sqlite")
    shown = today(store, reader, (), SIDES, NAMES, now, 30)
    moves = [(one.toward, one.day) for one in shown.moves]
    assert ("RUS>USA", date(2026, 3, 17)) in moves
    turn = next(one for one in shown.moves if one.day == date(2026, 3, 17))
    assert turn.mean < -0.8
    assert turn.before > 0
    assert turn.article is not None
    assert turn.article.id.startswith("a3-")
    assert [(one.toward, one.count) for one in shown.standings] == [("USA>RUS", 0), ("RUS>USA", 42)]
    reader.close()
    store.close()


def test_there_are_no_stories_before_alerts_ran(tmp_path: Path) -> None:
    reader = StoryReader(f"sqlite:///{tmp_path}/alerts.sqlite")
    assert (reader.latest(), reader.recent(0), reader.of(["a"])) == (None, [], {})
    AlertState(f"sqlite:///{tmp_path}/alerts.sqlite").close()
    assert reader.members("s") == []
    reader.close()


def test_instants_and_scores_as_people_read_them() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ages = [age(now - timedelta(seconds=it), now) for it in (5, 60, 7_200, 200_000)]
    assert ages == ["5 s", "1 min", "2 h", "2 d"]
    assert (age(None, now), signed(None), signed(-0.5), signed(0.25)) == (
        "–",
        "–",
        "−0.50",
        "+0.25",
    )
