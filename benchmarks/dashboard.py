"""`make bench-dashboard`: time per page and per API call over a store of 100,000 articles.

The articles are generated: invented sentences put together at random (`tests.queries`), with dates
over two years, outlets of very different size, and judgements of a realistic mix; some belong to
stories of several. Pages are asked for one after the other over HTTP from a server in this process,
with other parameters each time. The ratio is that to the store's own search of twenty articles.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from detente.alerts.kept import Kept
from detente.alerts.likeness import traits
from detente.alerts.novelty import facts
from detente.alerts.state import AlertState
from detente.settings import Settings
from detente.store import open_store
from detente.store.base import Query
from tests.dashboards import served, settings_in
from tests.queries import WORDS, random_document

DAYS = 730
BATCH = 1_000
SIDES = ("USA", "RUS")


def generated(number: int, dice: random.Random, now: datetime) -> dict[str, Any]:
    """One article; `number` makes its id."""
    document = random_document(dice, number)
    seen = now - timedelta(days=DAYS * dice.random() ** 1.5)
    outlet = int(dice.paretovariate(0.8)) % 150
    relevance = dice.choices(("core", "peripheral", "none"), (2, 2, 6))[0]
    dyads = {f"{one['holder']}>{one['target']}": one["score"] for one in document["dyads"]}
    document |= {
        "published": seen - timedelta(minutes=dice.expovariate(1 / 30)),
        "first_seen": seen,
        "collected": seen,
        "assessed": seen + timedelta(seconds=2),
        "outlet": f"Outlet {outlet}",
        "source": f"outlet{outlet}.example",
        "feed": f"outlet{outlet}",
        "country": ("US", "RU", "GB", "DE", "FR", "TR", "CN")[outlet % 7],
        "kind": ("gov", "state-media", "wire", "independent", "thinktank")[outlet % 5],
        "language": "ru" if outlet % 7 == 1 else "en",
        "relevance": relevance,
        "relevance_score": dice.random(),
        "first_toward_second": dyads.get("USA>RUS"),
        "second_toward_first": dyads.get("RUS>USA"),
    }
    return document


def fill(settings: Settings, articles: int, now: datetime) -> None:
    dice = random.Random(20)
    store, state = open_store(settings.store), AlertState(settings.alerts)
    store.prepare()
    began = time.perf_counter()
    for start in range(0, articles, BATCH):
        documents = [generated(n, dice, now) for n in range(start, min(start + BATCH, articles))]
        store.put(documents)
        with state.writing():
            for document in documents:
                keep(state, document, dice)
        print(f"\r{start + len(documents):,} articles", end="", flush=True)
    print(f", made and stored in {time.perf_counter() - began:.0f} s")
    store.close()
    state.close()


def keep(state: AlertState, document: dict[str, Any], dice: random.Random) -> None:
    number = int(document["id"][1:])
    story = f"s{number - number % 4}" if dice.random() < 0.1 else f"s{number}"
    at, outlet = document["first_seen"].timestamp(), document["outlet"]
    its = traits(document["title"], document["body"][:200], at, outlet, "en")
    state.keep(Kept(document["id"], 1, story, at, outlet, its, facts(document)))


def asked(dice: random.Random, articles: int) -> dict[str, Iterator[str]]:
    """For each page and call, addresses without end, no two alike in a row."""

    def forever(make: Any) -> Iterator[str]:
        while True:
            yield make()

    def word() -> str:
        return dice.choice(WORDS)

    def id() -> str:
        return f"d{dice.randrange(articles):05}"

    return {
        "/": forever(lambda: f"/?days={dice.choice((30, 90, 365))}"),
        "/ (its live part)": forever(lambda: "/?part=live&days=30"),
        "/story": forever(lambda: f"/story/s{dice.randrange(articles)}"),
        "/article": forever(lambda: f"/article/{id()}"),
        "/search, everything": forever(lambda: f"/search?size={dice.randint(10, 20)}"),
        "/search, a word": forever(lambda: f"/search?q={word()}"),
        "/search, words and facets": forever(
            lambda: f"/search?q={word()}+OR+{word()}&relevance=core&kind=wire&from=2026-01-01"
        ),
        "/search, a field": forever(
            lambda: f"/search?q=stance:%22RUS%3EUSA%22+%3C%3D+-0.{dice.randint(1, 9)}"
        ),
        "/subscriptions": forever(lambda: "/subscriptions"),
        "/sources": forever(lambda: "/sources"),
        "/system": forever(lambda: "/system"),
        "/api/v1/today": forever(lambda: f"/api/v1/today?days={dice.choice((30, 90, 365))}"),
        "/api/v1/search": forever(lambda: f"/api/v1/search?q={word()}"),
        "/api/v1/articles": forever(lambda: f"/api/v1/articles/{id()}"),
    }


def measure(client: httpx.Client, addresses: Iterator[str], times: int) -> tuple[list[float], int]:
    """Milliseconds of each answer, sorted, and the largest answer's bytes."""
    client.get(next(addresses)).raise_for_status()
    found, largest = [], 0
    for _ in range(times):
        began = time.perf_counter()
        answer = client.get(next(addresses))
        found.append((time.perf_counter() - began) * 1_000)
        if answer.status_code not in (200, 404):
            raise SystemExit(f"{answer.url}: {answer.status_code}: {answer.text[:500]}")
        largest = max(largest, len(answer.content))
    return sorted(found), largest


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=100, help="requests to each address")
    parser.add_argument("--folder", type=Path, help="keep the store here, or use the one there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        settings = settings_in(folder)
        now = datetime.now(UTC)
        if not (folder / "articles.sqlite").exists():
            fill(settings, options.articles, now)
        store = open_store(settings.store)
        began = time.perf_counter()
        for _ in range(20):
            store.search(Query(size=20))
        bare = (time.perf_counter() - began) / 20 * 1_000
        store.close()
        print(f"the store's own search of twenty: {bare:.1f} ms\n")
        print(f"{'':28}{'p50 ms':>8}{'p99 ms':>8}{'to search':>11}{'kB':>7}")
        with served(settings) as address, httpx.Client(base_url=address, timeout=60) as client:
            for name, addresses in asked(random.Random(7), options.articles).items():
                found, largest = measure(client, addresses, options.times)
                p50, p99 = statistics.median(found), found[int(len(found) * 0.99) - 1]
                row = f"{p50:8.1f}{p99:8.1f}{p50 / bare:10.1f}x{largest / 1_000:7.0f}"
                print(f"{name:28}{row}")


if __name__ == "__main__":
    main()
