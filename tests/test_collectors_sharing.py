"""Several collectors share the feeds: each is polled by one of them, and its state goes with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import groupby
from pathlib import Path

import pytest

from collectors.catalog import Feed
from collectors.sharing import partition_of
from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.deadletters import read_all
from detente.flow import COLLECTED
from detente.wire import decode
from tests.feeds import item, rss
from tests.servers import Server
from tests.serving import Serving, reply
from tests.whole import until

FEEDS = 8


class Publishers(Serving):
    """Publishers of a feed each, at 127.0.0.2 and on; who asked for what, and when."""

    def __init__(self) -> None:
        self.edition = 1
        self.asked: dict[str, list[tuple[float, str, str | None]]] = {}
        super().__init__("0.0.0.0")
        self.urls = {f"feed-{n}": f"http://127.0.0.{n + 2}:{self.port}/rss" for n in range(FEEDS)}

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        host = str(request.headers["Host"])
        agent, shown = str(request.headers["User-Agent"]), request.headers.get("If-None-Match")
        self.asked.setdefault(host, []).append((time.monotonic(), agent, shown))
        etag = f'"{self.edition}"'
        body = b"" if shown == etag else self._document(host)
        kind = "application/rss+xml; charset=utf-8"
        reply(request, 200 if body else 304, body, etag=etag, content_type=kind)

    def _document(self, host: str) -> bytes:
        """One article that every edition changes, and one more with each."""
        link = f"http://{host}/articles"
        edited = item("edited", title=f"Edition {self.edition}", text="Talks.", link=f"{link}/1")
        new = [
            item(f"new-{n}", title=f"News {n}", text=f"Word {n}.", link=f"{link}/new-{n}")
            for n in range(self.edition)
        ]
        return rss(edited, *new)

    def pollers(self, host: str) -> list[str]:
        """Who polled this feed, one after the other."""
        return [agent for agent, _ in groupby(agent for _, agent, _ in self.asked[host])]


@pytest.fixture
def publishers() -> Iterator[Publishers]:
    with Publishers() as publishers:
        yield publishers


class Collectors:
    """`detente run collectors` as often as is asked for, each with a name in its User-Agent."""

    def __init__(self, folder: Path, bus: str, urls: dict[str, str]) -> None:
        self.bus = bus
        self._folder = folder
        tables = (
            f'[[feeds]]\nid = "{id}"\nurl = "{url}"\noutlet = "{id}"\ninterval = 0.2\n'
            'full_text = "feed"\n'
            for id, url in urls.items()
        )
        (folder / "feeds.toml").write_text("\n".join(tables))
        self._run("prepare")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "detente", "run", "collectors", "--quiet"],
            cwd=self._folder,
            env=self._environment(name),
        )

    def _run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "detente", *arguments]
        environment = self._environment("none")
        subprocess.run(command, cwd=self._folder, env=environment, check=True, capture_output=True)

    def _environment(self, name: str) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("DETENTE_")},
            "DETENTE_BUS": self.bus,
            "DETENTE_COLLECTORS__CONTACT": f"https://{name}.example",
            "DETENTE_COLLECTORS__ALLOW_LOOPBACK": "true",
            "DETENTE_COLLECTORS__HOST_SPACING": "0",
            "DETENTE_KAFKA__SESSION_TIMEOUT": "6",
        }

    def revisions(self) -> dict[str, list[int]]:
        """By URL, the revisions in the log, in order; equal ones must be equal byte for byte."""
        bus = open_bus(self.bus)
        values: dict[tuple[str, int], bytes] = {}
        found: dict[str, set[int]] = {}
        for delivery in read_all(bus, COLLECTED, "test"):
            article = decode(delivery.value, CollectedArticle)
            same = values.setdefault((article.id, article.revision), delivery.value)
            assert same == delivery.value
            found.setdefault(article.url, set()).add(article.revision)
        bus.close()
        return {url: sorted(numbers) for url, numbers in found.items()}


@pytest.mark.slow
def test_feeds_are_shared_taken_over_and_never_begun_anew(
    kafka: Server, publishers: Publishers, tmp_path: Path
) -> None:
    bus = f"kafka://{kafka.address}/?namespace=sharing"
    collectors = Collectors(tmp_path, bus, publishers.urls)
    hosts = [url.split("/")[2] for url in publishers.urls.values()]

    def polled_by(*names: str) -> bool:
        """Each feed is polled by one of these just now, and each of them polls one at least."""
        latest = [publishers.asked.get(host, [(0.0, "nobody", None)])[-1] for host in hosts]
        fresh = all(at > time.monotonic() - 2.0 for at, _, _ in latest)
        at_work = {agent.split("https://")[-1].split(".")[0] for _, agent, _ in latest}
        return fresh and at_work == set(names)

    first = collectors.start("first")
    processes = [first]
    try:
        until(lambda: polled_by("first"), 60, "all feeds polled by the one collector")
        second = collectors.start("second")
        processes.append(second)
        until(lambda: polled_by("first", "second"), 60, "the feeds shared out")
        publishers.edition = 2
        time.sleep(2.0)
        first.kill()
        publishers.edition = 3
        until(lambda: polled_by("second"), 60, "the dead one's feeds taken over")
        third = collectors.start("third")
        processes.append(third)
        until(lambda: polled_by("second", "third"), 60, "the feeds shared out again")
        publishers.edition = 4
        time.sleep(2.0)
        for process in (second, third):
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()

    for host in hosts:
        pollers = publishers.pollers(host)
        assert len(pollers) == len(set(pollers)) <= 3, f"{host} went to and fro: {pollers}"
        # Only the very first poll knew nothing.
        assert [shown for _, _, shown in publishers.asked[host]].count(None) == 1
    found = collectors.revisions()
    assert len(found) == FEEDS * 5
    for url, numbers in found.items():
        assert numbers == ([1, 2, 3, 4] if url.endswith("/1") else [1]), url


def test_one_publishers_feeds_are_in_one_partition() -> None:
    def place(url: str) -> int:
        return partition_of(Feed(id="x", url=url, outlet="X"), 12)

    assert place("https://www.tass.ru/rss") == place("http://tass.ru/en/feed")
    assert place("https://feeds.example.co.uk/a") == place("https://www.example.co.uk/b")
    assert len({place(f"https://outlet-{n}.example/") for n in range(100)}) == 12
    # The number is a feed's place for good: another reckoning would lose its state.
    assert place("https://www.state.gov/rss") == partition_of(
        Feed(id="y", url="https://2021-2025.state.gov", outlet="Y"), 12
    )
