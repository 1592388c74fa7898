"""The article that the project began from, through the whole pipeline, as a reader would have it:
a feed with its headline and summary, the text on its page, the shipped model."""

from __future__ import annotations

import threading
from html import escape
from pathlib import Path

import pytest

from detente.cli.pipeline import Pipeline
from detente.flow import ROUTES
from detente.settings import CollectorSettings, ProcessorSettings, RunnerSettings, Settings
from detente.store import open_store
from detente.store.base import Document, Query
from processors.models.manifest import MANIFEST
from processors.models.onnx import SHIPPED
from tests.dashboards import Silent
from tests.httpserver import HttpServer, Reply

SEED = Path(__file__).parents[1].parent / "shared" / "data" / "seed" / "article.txt"

pytestmark = [
    pytest.mark.skipif(not SEED.is_file(), reason="the article isn't here"),
    pytest.mark.skipif(not (SHIPPED / MANIFEST).is_file(), reason="the shipped model isn't here"),
]


def page(title: str, paragraphs: list[str]) -> Reply:
    text = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    body = f"""<!DOCTYPE html><html lang="en"><head><title>{escape(title)} | The Sample</title>
        </head><body><nav><a href="/">Home</a> <a href="/world">World</a></nav>
        <article><h1>{escape(title)}</h1>{text}</article>
        <footer>The Sample. All rights reserved.</footer></body></html>"""
    return Reply(body=body.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def feed(title: str, summary: str, link: str) -> Reply:
    body = f"""<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>
        <title>The Sample</title><link>{link}</link><description>News</description>
        <item><title>{escape(title)}</title><link>{link}</link><guid>{link}</guid>
        <pubDate>Thu, 27 Feb 2025 18:00:00 GMT</pubDate>
        <description>{escape(summary)}</description></item></channel></rss>"""
    return Reply(body=body.encode(), headers={"Content-Type": "application/rss+xml"})


@pytest.fixture(scope="module")
def article() -> tuple[str, list[str]]:
    title, *paragraphs = SEED.read_text("utf-8").strip().splitlines()
    return title, [paragraph for paragraph in paragraphs if paragraph.strip()]


@pytest.fixture(scope="module")
def document(article: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Document:
    """What is stored after one round of the whole pipeline."""
    title, paragraphs = article
    folder = tmp_path_factory.mktemp("seed")
    with HttpServer({"/talks": page(title, paragraphs)}) as server:
        link = server.url("/talks")
        server.handlers["/feed"] = feed(title, paragraphs[0][:120], link)
        (folder / "feeds.toml").write_text(
            f'[[feeds]]\nid = "sample"\nurl = "{server.url("/feed")}"\noutlet = "The Sample"\n',
            "utf-8",
        )
        settings = Settings(
            bus=f"sqlite:///{folder}/bus.sqlite",
            store=f"sqlite:///{folder}/articles.sqlite",
            state=f"sqlite:///{folder}/feeds.sqlite",
            alerts=f"sqlite:///{folder}/alerts.sqlite",
            feeds=folder / "feeds.toml",
            collectors=CollectorSettings(allow_loopback=True, host_spacing=0),
            processors=ProcessorSettings(model="shipped", threads=1),
            runner=RunnerSettings(poll_timeout=0.05),
        )
        stages = [route.stage for route in ROUTES]
        Pipeline(settings, stages, threading.Event(), Silent(), once=True).run()
    store = open_store(settings.store)
    store.prepare()
    (stored,) = store.search(Query()).documents
    store.close()
    return stored


def test_the_text_is_the_pages(document: Document, article: tuple[str, list[str]]) -> None:
    title, paragraphs = article
    assert (document["title"], document["text_origin"]) == (title, "page")
    assert all(" ".join(one.split()) in document["body"] for one in paragraphs if len(one) > 80)
    assert "All rights reserved" not in document["body"]


def test_it_is_core_in_both_directions(document: Document) -> None:
    assert document["relevance"] == "core"
    assert (document["language"], document.get("abstained")) == ("en", None)
    assert {(one["holder"], one["target"]) for one in document["dyads"]} == {
        ("USA", "RUS"),
        ("RUS", "USA"),
    }


def test_its_evidence_stands_where_it_says(document: Document) -> None:
    assert document["stances"]
    for stance in document["stances"]:
        assert document[stance["part"]][stance["start"] : stance["end"]] == stance["text"]
    sentences = {(one["part"], one["start"]) for one in document["stances"]}
    assert max(one["sentences"] for one in document["dyads"]) <= len(sentences)


def test_who_takes_part_is_found(document: Document) -> None:
    assert {
        "donald-trump", "joe-biden", "us-state-department", "vladimir-putin", "sergei-lavrov",
        "dmitry-peskov", "alexander-darchiyev", "kremlin",
    } <= set(document["actors"])  # fmt: skip


def test_what_it_is_about_and_what_happens(document: Document) -> None:
    assert {"embassies", "visas", "banking", "expulsions", "sanctions", "ukraine"} <= set(
        document["issues"]
    )
    assert {"arctic", "energy"} <= set(document["issues"]), "what may come of it"
    assert "CONSULT" in document["events"]
    assert document["stances"][0]["event"] == "CONSULT"


def test_who_is_quoted(document: Document) -> None:
    direct = [one for one in document["quotations"] if one["kind"] == "direct"]
    assert {(one["actor"], one["text"].split()[0]) for one in direct} == {
        ("dmitry-peskov", "No"),
        ("us-state-department", "The"),
        ("us-state-department", "We’ll"),
    }


READ = (
    ("Diplomats from the United States and Russia met", {"1"}, {"1"}),
    ("The Kremlin previously described", {"-2"}, {"-1"}),
    ("However, Biden’s successor", {"1"}, {None}),
    ("The discussions in Istanbul followed", {"1"}, {"1"}),
    ("Over the past ten years, both nations", {"-2"}, {"-2"}),
    ("However, with political will", {None}, {"1"}),
    ("“We’ll soon know if Russia", {"0", "-1"}, {None}),
    ("He acknowledged that Moscow", {None}, {"-2", "-1"}),
    ("Putin recently suggested", {None}, {"1"}),
)
"""How a sentence begins, and what a careful reader finds of either side in it; None is nothing."""


def test_its_sentences_are_read_as_a_careful_reader_would(document: Document) -> None:
    grades = {
        (one["start"], one["holder"]): one["grade"]
        for one in document["stances"]
        if one["part"] == "body"
    }
    agreed = []
    for beginning, usa, rus in READ:
        start = document["body"].index(beginning)
        found = grades.get((start, "USA")), grades.get((start, "RUS"))
        agreed.append(found[0] in usa and found[1] in rus)
    # Three are not read so yet: one grade in the Kremlin's, a quotation's second sentence, and
    # whether to doubt good faith is a stance.
    assert sum(agreed) >= 6, agreed
