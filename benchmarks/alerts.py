"""`make bench-alerts`: how fast an article finds its subscriptions, and when people hear of it.

First 1,000, 10,000 and 100,000 subscriptions of a realistic mix over invented articles: articles a
second on one core, the time to match at the 99th percentile, and memory, against evaluating every
query for every article. Then articles from the log to a webhook's receiver, with the delay of each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

from detente.alerts.destinations import open_channel
from detente.alerts.dispatch import Dispatcher
from detente.alerts.match import Article, Matcher, compiled
from detente.alerts.stage import Alerts, alerts_stage
from detente.alerts.state import AlertState
from detente.alerts.subscription import Destination, Subscription
from detente.article import AssessedArticle, Assessment, CollectedArticle, ModelIdentity, Source
from detente.bus import open_bus
from detente.bus.base import Record
from detente.cli.pipeline import Pipeline
from detente.flow import ASSESSED
from detente.newsroom import Newsroom
from detente.newsroom.content import Masthead, load_mastheads
from detente.runner import run_stage
from detente.settings import CollectorSettings, RunnerSettings, Settings
from detente.store.expression import parse_expression
from detente.telemetry import configure_logging
from detente.wire import encode

ARTICLES = Path(__file__).parents[1] / "training" / "data" / "articles.jsonl"
DYADS = ("USA>RUS", "RUS>USA")
ISSUES = ("visas", "sanctions", "arms-control", "ukraine", "prisoners", "energy", "nato", "cyber")
ACTORS = ("vladimir-putin", "donald-trump", "sergei-lavrov", "marco-rubio", "dmitry-peskov")
SPEAKERS = ("Sergei Lavrov", "Marco Rubio", "Dmitry Peskov", "Maria Zakharova")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--articles", type=int, default=2_000)
    parser.add_argument("--delivered", type=int, default=200, help="articles sent to a receiver")
    options = parser.parse_args(arguments)
    configure_logging("error")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {max(cores)})  # one core for the matcher
    match(options.sizes, options.articles)
    if cores:
        os.sched_setaffinity(0, cores)
    deliver(options.delivered)
    newsroom_to_receiver(5.0)


def match(sizes: Sequence[int], number: int) -> None:
    """Match the same articles against so many subscriptions."""
    dice = random.Random(3)
    texts = _texts()
    documents = [_document(dice, texts) for _ in range(number)]
    words = sorted({word.lower() for title, body in texts for word in f"{title} {body}".split()})
    words = [word for word in words if word.isalpha() and len(word) > 4]
    queries = [_query(dice, words) for _ in range(max(sizes))]
    for size in sizes:
        before = _resident()
        matcher = Matcher()
        begun = time.perf_counter()
        for place, query in enumerate(queries[:size]):
            expression = parse_expression(query)
            if expression is not None:
                matcher.add(f"s{place}", expression)
        built = time.perf_counter() - begun
        taken, matched = [], 0
        for document in documents:
            begun = time.perf_counter()
            matched += len(matcher.match(Article(document)))
            taken.append(time.perf_counter() - begun)
        some = documents[: max(5, min(number, 200_000 // size))]
        tests = [compiled(one) for text in queries[:size] if (one := parse_expression(text))]
        begun = time.perf_counter()
        for document in some:
            article = Article(document)
            for test in tests:
                test(article)
        every = (time.perf_counter() - begun) / len(some)
        mean = statistics.mean(taken)
        print(
            f"{size:>7,} subscriptions: {1 / mean:,.0f} articles/s, "
            f"p99 {1_000 * statistics.quantiles(taken, n=100)[98]:.1f} ms, "
            f"{matched / len(documents):.1f} matches an article, {_resident() - before:.0f} MB, "
            f"read in {built:.1f} s; evaluating every query takes {every / mean:.1f} times as long"
        )


def deliver(number: int) -> None:
    """From the log to a receiver: the delay from the publication on the log."""
    receiver = _Receiver()
    hook = Destination(webhook=receiver.url)
    one = Subscription(id="all", query="length:>0", to=("hook",), most_per_hour=1_000)
    published: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        bus = open_bus(f"sqlite:///{folder}/bus.sqlite")
        bus.prepare()
        state = AlertState(f"sqlite:///{folder}/alerts.sqlite")
        dispatcher = Dispatcher(state, [one], {"hook": open_channel(hook)})
        dispatcher.start()
        alerts = Alerts(state, [one], ("USA", "RUS"), on_told=dispatcher.wake)
        stop = threading.Event()
        stage = threading.Thread(
            target=run_stage, args=(alerts_stage(alerts), bus, RunnerSettings(), stop)
        )
        stage.start()
        texts = _texts()
        for place in range(number):
            title, body = texts[place % len(texts)]
            article = _assessed(f"a{place:05}", title, f"{body} {place}")
            published[article.article.url] = time.time()
            bus.publish(ASSESSED, [Record(article.article.id, encode(article))])
            time.sleep(0.05)
        told = {told.alert.url for told in state.told("all", number)}
        deadline = time.monotonic() + 30
        while len(receiver.arrived) < len(told) and time.monotonic() < deadline:
            time.sleep(0.05)
            told = {told.alert.url for told in state.told("all", number)}
        stop.set()
        stage.join()
        dispatcher.close()
        state.close()
        bus.close()
    receiver.close()
    delays = [when - published[url] for url, when in receiver.arrived.items()]
    cuts = statistics.quantiles(delays, n=100)
    print(
        f"{number} articles, {len(delays)} stories told: from the log to the receiver "
        f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s"
    )


def newsroom_to_receiver(every: float) -> None:
    """From the sample newsroom's publication to a receiver, each feed polled every so often."""
    receiver = _Receiver()
    published: dict[str, float] = {}
    mastheads = _mostly_held_back()
    with Newsroom(mastheads=mastheads) as newsroom, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        catalogue = newsroom.catalogue_toml(faulty=False)
        (place / "feeds.toml").write_text(
            catalogue.replace("[[feeds]]", f"[[feeds]]\ninterval = {every}"), "utf-8"
        )
        (place / "subscriptions.toml").write_text(
            f'[destinations.hook]\nwebhook = "{receiver.url}"\n[[subscriptions]]\nid = "all"\n'
            'query = "length:>0"\nto = ["hook"]\nmost_per_hour = 1000\n',
            "utf-8",
        )
        settings = Settings(
            bus=f"sqlite:///{place}/bus.sqlite",
            store=f"sqlite:///{place}/articles.sqlite",
            state=f"sqlite:///{place}/feeds.sqlite",
            alerts=f"sqlite:///{place}/alerts.sqlite",
            subscriptions=place / "subscriptions.toml",
            feeds=place / "feeds.toml",
            collectors=CollectorSettings(allow_loopback=True, host_spacing=0),
        )
        stop = threading.Event()
        stages = ("collectors", "processors", "indexer", "alerts")
        pipeline = threading.Thread(target=Pipeline(settings, stages, stop, _Silent()).run)
        pipeline.start()
        seen = -1
        while len(receiver.arrived) > seen or not seen:  # what is out at the start
            seen = len(receiver.arrived)
            time.sleep(8)
        while (article := newsroom.publish_next()) is not None:
            published[article.slug] = time.time()
            time.sleep(1.7)
        time.sleep(every + 8)
        stop.set()
        pipeline.join()
    receiver.close()
    delays = []
    for slug, at in published.items():
        delays += [when - at for url, when in receiver.arrived.items() if slug in url][:1]
    cuts = statistics.quantiles(delays, n=100, method="inclusive")
    print(
        f"newsroom to receiver, feeds polled every {every:g} s: {len(delays)} of {len(published)} "
        f"articles are stories of their own, p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, "
        f"at most {max(delays):.2f} s"
    )


def _mostly_held_back() -> list[Masthead]:
    """The sample newsroom's mastheads with two articles each; the others are still to come."""
    order = count(1)
    return [
        replace(
            masthead,
            articles=tuple(
                replace(article, held=None if place < 2 else next(order))
                for place, article in enumerate(
                    sorted(masthead.articles, key=lambda one: -one.age_hours)
                )
            ),
        )
        for masthead in load_mastheads()
        if not masthead.faulty
    ]


class _Silent:
    def polled(self, event: object) -> None: ...
    def stored(self, document: object) -> None: ...
    def tick(self, lag: object) -> None: ...


class _Receiver:
    """A webhook's receiver; `arrived` are the epochs at which each article's alert came, by URL."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        arrived = self.arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in said["alerts"]:
                    arrived.setdefault(alert["url"], time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


def _texts() -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in ARTICLES.read_text("utf-8").splitlines()]
    return [(row["title"], " ".join(one["text"] for one in row["sentences"])) for row in rows]


def _document(dice: random.Random, texts: Sequence[tuple[str, str]]) -> dict[str, object]:
    title = dice.choice(texts)[0]
    body = dice.choice(texts)[1]
    toward = dice.choice(DYADS)
    grade = dice.randint(-2, 2)
    label = "neutral" if not grade else "cooperative" if grade > 0 else "adversarial"
    return {
        "id": "a",
        "title": title,
        "body": body,
        "source": "sample.example",
        "kind": dice.choice(("wire", "independent", "state-media", "official")),
        "country": dice.choice(("US", "RU", "GB")),
        "language": "en",
        "relevance": dice.choice(("core", "peripheral", "none")),
        "actors": dice.sample(ACTORS, dice.randint(0, 2)),
        "issues": dice.sample(ISSUES, dice.randint(0, 2)),
        "speakers": dice.sample(SPEAKERS, dice.randint(0, 1)),
        "stance_grades": [f"{toward}:{grade}"],
        "stance_labels": [f"{toward}:{label}"],
        "dyads": [{"holder": toward[:3], "target": toward[4:], "score": grade / 2}],
        "dyad_labels": [f"{toward}:{label}"],
        "length": len(body),
    }


def _query(dice: random.Random, words: Sequence[str]) -> str:
    """Mostly some words; often with a field beside them; seldom a field alone."""
    one, two, three = dice.sample(words, 3)
    issue, toward = dice.choice(ISSUES), dice.choice(DYADS)
    kind = dice.random()
    if kind < 0.25:
        return f"{one} {two}"
    if kind < 0.40:
        return f'"{one} {two}" OR {three}'
    if kind < 0.55:
        return f"({one} OR {two}) AND issue:{issue}"
    if kind < 0.70:
        return f'{one} stance:"{toward}" {dice.choice(("<= -1", ">= 1"))}'
    if kind < 0.80:
        return f'speaker:"{dice.choice(SPEAKERS)}" AND ({one} OR {two} OR {three})'
    if kind < 0.88:
        return f"{one} NOT {two} country:{dice.choice(('US', 'RU'))}"
    if kind < 0.94:
        return f'"{one} {two}"~5 relevance:core'
    if kind < 0.99:
        return f"{one[:5]}* {two}"
    return f'issue:{issue} AND dyad:"{toward}" < -{dice.choice((0.2, 0.5, 0.8))}'


def _assessed(id: str, title: str, body: str) -> AssessedArticle:
    now = datetime.now(UTC)
    article = CollectedArticle(
        id=id,
        revision=1,
        identity=f"url:https://sample.example/{id}",
        url=f"https://sample.example/{id}",
        title=title,
        body=body,
        first_seen=now,
        collected=now,
        published=now,
        text_origin="feed",
        source=Source(feed="sample", outlet="The Sample", host="sample.example"),
    )
    model = ModelIdentity("none", "000000000000")
    assessment = Assessment(watch="usa-rus", model=model, assessed=now)
    return AssessedArticle(article=article, assessment=assessment)


def _resident() -> float:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
