"""The brief: one page, in three forms, that says what the store has and breaks on nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from detente.alerts.reading import StoryReader
from detente.brief import pdf
from detente.brief.facts import Brief, brief
from detente.brief.pdf import as_pdf, find_font
from detente.brief.text import as_html, as_markdown
from detente.dashboard.ports import Source
from detente.errors import ConfigError
from detente.store import open_store
from tests.commandline import Detente, command_line
from tests.contracts.store import document
from tests.dashboards import fill, settings_in, tell_story

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
NAMES = {"USA>RUS": "United States → Russia", "RUS>USA": "Russia → United States"}
HOSTILE = "<script>x</script> [a](javascript:b) | *Санкции* `c` \u202e # \ud7ff"


def given(number: int, hours_ago: float, score: float, **changes: Any) -> dict[str, Any]:
    at = NOW - timedelta(hours=hours_ago)
    dyad = {"holder": "RUS", "target": "USA", "label": "adversarial", "score": score}
    stance = {
        "holder": "RUS",
        "target": "USA",
        "label": "adversarial",
        "grade": "-1",
        "score": score,
        "confidence": 0.9,
        "part": "body",
        "start": 0,
        "end": 9,
        "text": f"Sentence {number}.",
        "quoted": False,
    }
    dates = {"published": at, "first_seen": at, "collected": at, "assessed": at}
    whole = {
        **dates,
        "second_toward_first": score,
        "title": f"Headline {number}",
        "dyads": [{**dyad, "sentences": 1}],
        "stances": [stance],
        **changes,
    }
    return document(f"a{number}", **whole)


def brief_of(folder: Path, documents: list[dict[str, Any]], period: str = "day") -> Brief:
    settings = settings_in(folder)
    fill(settings, documents)
    for one in documents:
        tell_story(settings, f"s-{one['id']}", [one])
    store, reader = open_store(settings.store), StoryReader(settings.alerts)
    blind = Source(
        **dict.fromkeys(("kind", "country", "language"), ""),
        feed="f",
        outlet=HOSTILE,
        url="https://f.example/",
        state="gone",
        message="",
        enabled=True,
        blind=True,
        articles=0,
        stale=False,
        **dict.fromkeys(("since", "last_poll", "next_poll", "last_new")),
    )
    found = brief(store, reader, (blind,), ("USA", "RUS"), NAMES, NOW, period)
    store.close()
    reader.close()
    return found


DOCUMENTS = [
    given(1, 2, -0.8),
    given(2, 3, -0.6, title=HOSTILE, outlet=HOSTILE, url='https://a.example/"><script>'),
    given(3, 30, 0.5),
    given(4, 24 * 9, 0.4),
]


def test_a_day_and_a_week_are_measured_against_those_before(tmp_path: Path) -> None:
    day = brief_of(tmp_path, DOCUMENTS)
    week = brief_of(tmp_path, DOCUMENTS, "week")
    assert [(one.count, one.before) for one in day.shown.standings] == [(0, None), (2, 0.5)]
    assert [(one.count, one.before) for one in week.shown.standings] == [(0, None), (3, 0.4)]
    assert {one.story for one in day.shown.stories} == {"s-a1", "s-a2"}
    assert {one.story for one in week.shown.stories} == {"s-a1", "s-a2", "s-a3"}
    assert day.title == "United States and Russia: 20 March 2026"
    assert week.title == "United States and Russia: the week to 20 March 2026"


def test_markdown_has_the_sentences_and_nothing_of_a_feeds_own(tmp_path: Path) -> None:
    text = as_markdown(brief_of(tmp_path, DOCUMENTS))
    assert "| Russia → United States | −0.70 |" in text
    assert "> Sentence 1." in text
    assert "### Headline 1" in text
    assert r"\<script\>x" in text
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(javascript", text)
    assert not re.search(r"\n{3}", text)


def test_html_is_one_file_in_which_nothing_runs(tmp_path: Path) -> None:
    text = as_html(brief_of(tmp_path, DOCUMENTS))
    assert "<svg" in text
    assert '<blockquote dir="auto">Sentence 1.</blockquote>' in text
    assert "<script" not in text
    assert 'href="javascript' not in text
    assert not re.search(r"(src|href)=\"(?!https://sample\.example)", text)


def test_a_pdf_is_one_page(tmp_path: Path) -> None:
    try:
        find_font()
    except ConfigError as error:
        pytest.skip(str(error))
    many = [given(n, n / 2, -0.5, title=f"{HOSTILE * 20} {n}") for n in range(1, 20)]
    for documents in ([], DOCUMENTS, many):
        folder = tmp_path / str(len(documents))
        folder.mkdir()
        written = as_pdf(brief_of(folder, documents, "week"))
        assert written.startswith(b"%PDF-1.")
        assert written.count(b"/Type /Page\n") == 1


def test_a_font_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = brief_of(tmp_path, [])
    wrong = tmp_path / "font.ttf"
    wrong.write_text("no font")
    with pytest.raises(ConfigError, match=r"font\.ttf: can't be read as a TrueType font"):
        as_pdf(made, wrong)
    monkeypatch.setattr(pdf, "_FOLDERS", (str(tmp_path / "nowhere"),))
    with pytest.raises(ConfigError, match="install one"):
        as_pdf(made)


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    return command_line(monkeypatch, capfd, tmp_path)


def test_the_command_writes_what_the_file_is_named(detente: Detente, tmp_path: Path) -> None:
    said = detente("brief")
    assert (said.code, said.out.startswith("# United States and Russia: ")) == (0, True)
    assert detente("brief", "--week", "b.html").out.startswith("b.html: United States and Russia: ")
    assert (tmp_path / "b.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    for arguments, wrong in (
        (("b.doc",), "name it .html, .md or .pdf"),
        (("--day", "--week"), "either --day or --week"),
        (("nowhere/b.md",), "can't be written"),
    ):
        said = detente("brief", *arguments)
        assert (said.code, wrong in said.err) == (2, True)
