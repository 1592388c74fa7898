"""`make bench`: articles a second, stage by stage and as a whole, and what of it is the encoder.

Articles of the sample newsroom, told several times under other headlines, are served as feeds over
HTTP; each stage handles them all before the next begins, on the embedded engines and with the
shipped model. What matters are the ratios, taken within one run: seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import processors.stage
from collectors.catalog import Feed
from collectors.stage import collect
from detente.bus import open_bus
from detente.cli.pipeline import Pipeline
from detente.newsroom import load_mastheads
from detente.newsroom.content import Article
from detente.newsroom.feeds import Channel, Entry, claim, render
from detente.newsroom.pages import text_html
from detente.runner import run_stage
from detente.settings import Settings, load_settings
from detente.store import open_store
from detente.telemetry import configure_logging
from indexer.stage import indexer_stage
from processors.models import open_classifier
from processors.models.base import Classifier, Passage, Scores
from tests.serving import Serving, reply

PER_FEED = 25
"""Entries in a feed, about what publishers carry."""


@dataclass
class Timed:
    """A classifier that counts the seconds spent in it."""

    inner: Classifier
    seconds: float = 0.0
    passages: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        began = time.perf_counter()
        scores = self.inner.classify(passages)
        self.seconds += time.perf_counter() - began
        self.passages += len(passages)
        return scores


class Nobody:
    """An observer of the pipeline that looks away."""

    def polled(self, event: Any) -> None: ...

    def stored(self, document: Any) -> None: ...

    def tick(self, lag: Any) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=400, help="how many (default: 400)")
    options = parser.parse_args()
    configure_logging()
    documents = feed_documents(options.articles)
    with tempfile.TemporaryDirectory() as folder, Documents(documents) as served:
        feeds = [
            Feed(id=f"feed-{n}", url=url, outlet=f"Sample {n}", full_text="feed")
            for n, url in enumerate(served.urls)
        ]
        rows, timed = stage_by_stage(settings_in(Path(folder) / "stages"), feeds)
        whole = as_a_whole(settings_in(Path(folder) / "whole"), feeds)
    report(options.articles, rows, timed, whole)


def stage_by_stage(settings: Settings, feeds: Sequence[Feed]) -> tuple[dict[str, float], Timed]:
    """Seconds of each stage over all articles, and what the encoder took of them."""
    bus, store = open_bus(settings.bus), open_store(settings.store)
    store.prepare()
    timed = Timed(open_classifier("shipped"))
    with classifier_is(timed):
        judging = processors.stage.processor_stage(settings)
    timed.seconds, timed.passages = 0.0, 0
    indexing = indexer_stage(store, ("USA", "RUS"))
    stop = Event()
    rows = {
        "collectors": seconds(lambda: collect(settings, feeds, bus, stop=stop, rounds=1)),
        "processors": seconds(
            lambda: run_stage(judging, bus, settings.runner, stop, done=lambda: True)
        ),
        "indexer": seconds(
            lambda: run_stage(indexing, bus, settings.runner, stop, done=lambda: True)
        ),
    }
    # The poll that finds nothing more waits its time out: that is no work.
    for name in ("processors", "indexer"):
        rows[name] -= settings.runner.poll_timeout
    store.close()
    bus.close()
    return rows, timed


def as_a_whole(settings: Settings, feeds: Sequence[Feed]) -> float:
    """Seconds of all stages at work side by side, as `detente run` has them."""
    stages = ("collectors", "processors", "indexer")
    pipeline = Pipeline(settings, stages, Event(), Nobody(), once=True, feeds=feeds)
    classifier = open_classifier("shipped")
    classifier.warm_up()  # loading isn't what is measured
    with classifier_is(classifier):
        return seconds(pipeline.run)


def report(articles: int, rows: dict[str, float], timed: Timed, whole: float) -> None:
    total = sum(rows.values())
    around = total - timed.seconds
    print(f"{articles} articles, {timed.passages} passages to the encoder\n")
    print(f"{'stage':<22}{'seconds':>9}{'articles/s':>12}{'of the sum':>12}")
    for name, took in rows.items():
        print(f"{name:<22}{took:>9.2f}{articles / took:>12.0f}{took / total:>11.0%}")
    print(f"{'one after the other':<22}{total:>9.2f}{articles / total:>12.0f}{1:>11.0%}")
    print(f"{'side by side':<22}{whole:>9.2f}{articles / whole:>12.0f}{whole / total:>11.0%}\n")
    print(f"the encoder itself     {timed.seconds:>8.2f} s, {timed.seconds / total:.0%} of the sum")
    print(f"all around it          {around:>8.2f} s, {around / timed.seconds:.2f} of the encoder's")
    print("target: at most 1.00 of the encoder's own time")


def feed_documents(articles: int) -> list[bytes]:
    """RSS documents of `PER_FEED` entries each, with full text, `articles` in all."""
    masthead = next(one for one in load_mastheads() if one.format == "rss" and one.full)
    written = [
        article
        for one in load_mastheads()
        if one.language == "en" and not one.faulty
        for article in one.articles
    ]
    moment = datetime.now(UTC) - timedelta(hours=1)
    channel = Channel("Sample", "A sample", "en", "http://sample.example/", "", "")
    entries = [entry(written[n % len(written)], n, moment) for n in range(articles)]
    plain = replace(masthead, encoding="utf-8", gzip=False)
    return [
        render(plain, channel, entries[start : start + PER_FEED])
        for start in range(0, articles, PER_FEED)
    ]


def entry(article: Article, number: int, moment: datetime) -> Entry:
    masthead = next(one for one in load_mastheads() if one.slug == article.masthead)
    url = f"http://sample.example/{number}"
    return Entry(
        guid=url,
        url=url,
        title=f"{article.first.title} ({number})",
        summary=article.first.summary,
        author=article.byline,
        html=text_html(masthead, article.first),
        claim=claim(moment, "rfc822-gmt"),
        updated=None,
    )


class Documents(Serving):
    """The documents over HTTP on loopback, at `urls`."""

    def __init__(self, documents: Sequence[bytes]) -> None:
        super().__init__()
        self._documents = documents
        self.urls = [f"{self.address}/{n}" for n in range(len(documents))]

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        document = self._documents[int(request.path.strip("/"))]
        reply(request, 200, document, content_type="application/rss+xml; charset=utf-8")


@contextmanager
def classifier_is(classifier: Any) -> Any:
    """The processors open this classifier instead of their own."""
    opened = processors.stage.open_classifier
    processors.stage.open_classifier = lambda *_, **__: classifier  # type: ignore[assignment]
    try:
        yield
    finally:
        processors.stage.open_classifier = opened


def settings_in(folder: Path) -> Settings:
    return load_settings(
        environ={},
        bus=f"sqlite:///{folder}/bus.sqlite",
        store=f"sqlite:///{folder}/articles.sqlite",
        state=f"sqlite:///{folder}/feeds.sqlite",
        alerts=f"sqlite:///{folder}/alerts.sqlite",
        collectors={"allow_loopback": True, "host_spacing": 0.0},
    )


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
