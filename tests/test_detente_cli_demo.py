"""`detente demo`: the very same pipeline on the sample newsroom, and a summary at its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detente.cli.plot import plot_scores
from detente.newsroom import load_mastheads
from detente.newsroom.faults import FAULTS
from tests.commandline import Detente, command_line

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    monkeypatch.setenv("DETENTE_PROCESSORS__MODEL", "keyword")
    monkeypatch.setattr("detente.cli.demo._NEWS_EVERY", 0.3)
    monkeypatch.setattr("detente.cli.demo._POLL_EVERY", 0.6)
    return command_line(monkeypatch, capfd, tmp_path)


@pytest.mark.slow
def test_the_whole_demo(detente: Detente, tmp_path: Path) -> None:
    said = detente("demo", "--keep", tmp_path / "kept", "--seconds", 60)
    assert said.code == 0, said.err
    for part in (
        "Feeds",
        "Articles",
        "How each side stands",
        "The strongest evidence",
        "USA → RUS",
    ):
        assert part in said.out
    assert "Traceback" not in said.out + said.err

    kept = ("--settings", tmp_path / "kept" / "detente.toml")
    articles = [a for masthead in load_mastheads() for a in masthead.articles]
    healthy = {a.slug for a in articles if a.fault is None}
    found = detente(*kept, "search", "--json", "-n", 1_000).json["articles"]
    stored = {article["url"].rpartition("/")[2]: article for article in found}
    assert set(stored) >= healthy, "every article of a healthy feed, those published live included"
    edited = [slug for slug, article in stored.items() if article["revision"] == 2]
    assert len(edited) == 1
    assert detente(*kept, "dead", "list", "--json").json == []

    states = {f["feed"]: f["state"] for f in detente(*kept, "feeds", "list", "--json").json}
    for fault in FAULTS:
        expected = {fault.expected_state}
        if fault.expected_state in ("working", "throttled"):
            expected = {"working", "unchanged"}  # by the end, throttling is long over
        assert states[f"fault-{fault.slug}"] in expected, fault.slug
    assert {states[m.slug] for m in load_mastheads() if not m.faulty} <= {"working", "unchanged"}


@pytest.mark.slow
def test_a_short_demo_as_json(detente: Detente) -> None:
    said = detente("demo", "--seconds", 4, "--json").json
    assert set(said) == {"feeds", "polls", "articles", "relevance", "dyads", "evidence"}
    assert said["polls"] > 0
    assert len(said["feeds"]) == len(load_mastheads()) - 1 + len(FAULTS)


def test_a_plot_has_both_series_in_their_places() -> None:
    points = [(START + timedelta(days=day), day / 10 - 0.5) for day in range(11)]
    text = plot_scores({"A → B": points, "B → A": [(when, 0.5) for when, _ in points]}).plain
    rows = text.splitlines()
    assert len(rows) == 9 + 2
    assert rows[0].startswith("+0.50")
    assert rows[0].count("○") + rows[0].count("◉") == 11, "one mark a day"
    assert "01 Mar 2026" in rows[9]
    assert "11 Mar 2026" in rows[9]
    assert "●" in rows[8], "the first point of the rising series is at the bottom"


def test_a_plot_of_nothing_is_empty() -> None:
    assert plot_scores({}).plain == ""
    assert "+1.00" in plot_scores({"A → B": [(START, -0.9)]}).plain
