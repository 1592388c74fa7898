"""The whole pipeline as a process of its own, for tests that stop, kill and compare it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

import feedparser

from collectors.plaintext import collapse, html_to_text
from detente.bus import open_bus
from detente.flow import ROUTES
from detente.store import open_store
from detente.store.base import Query
from tests.replay import read_polls

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
POLLS = DATA / "feed_snapshots" / "state_dept_polls.tar.xz"
ALL_POLLS = DATA / "feed_snapshots" / "state_dept_polls_all.tar.xz"

JUDGED = (
    "revision",
    "title",
    "body",
    "url",
    "published",
    "relevance",
    "relevance_score",
    "abstained",
    "actors",
    "stances",
    "dyads",
)


@dataclass(frozen=True)
class Deployment:
    """A folder with a catalogue of one feed, and the settings that keep everything in it.

    `bus` and `store` are addresses of engines elsewhere, which are to be prepared; `settings` are
    further variables.
    """

    folder: Path
    feed_url: str
    interval: float = 0.001
    model: str = "shipped"
    bus: str = ""
    store: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "feeds.toml").write_text(
            "[[feeds]]\n"
            f'id = "state"\nurl = "{self.feed_url}"\noutlet = "Department"\n'
            f'identity = "guid"\nfull_text = "feed"\ninterval = {self.interval}\n',
            "utf-8",
        )

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DETENTE_")}
        return kept | {
            "DETENTE_BUS": self.bus_url,
            "DETENTE_STORE": self.store_url,
            "DETENTE_STATE": self.url("feeds"),
            "DETENTE_ALERTS": self.url("alerts"),
            "DETENTE_FEEDS": str(self.folder / "feeds.toml"),
            "DETENTE_PROCESSORS__MODEL": self.model,
            "DETENTE_COLLECTORS__ALLOW_LOOPBACK": "true",
            "DETENTE_COLLECTORS__HOST_SPACING": "0",
            **self.settings,
        }

    @property
    def bus_url(self) -> str:
        return self.bus or self.url("bus")

    @property
    def store_url(self) -> str:
        return self.store or self.url("articles")

    def url(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}.sqlite"

    def prepare(self) -> None:
        """`detente prepare`, which must succeed."""
        subprocess.run(
            [sys.executable, "-m", "detente", "prepare"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """`detente run …` as a process in this deployment; its errors go to `errors.txt`."""
        with (self.folder / "errors.txt").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "detente", "run", "--quiet", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def errors(self) -> str:
        return (self.folder / "errors.txt").read_text("utf-8")

    def waiting(self) -> int:
        """How many records processors and indexer have not committed yet; the alerts, of whom
        nobody here is subscribed, needn't run."""
        bus = open_bus(self.bus_url)
        routes = [r for r in ROUTES if r.stage != "alerts"]
        try:
            return sum(bus.lag(r.topic_in, r.group) for r in routes if r.topic_in and r.group)
        finally:
            bus.close()

    def judgements(self) -> dict[str, dict[str, Any]]:
        """Every stored article by its id, without what the clock alone decides."""
        store = open_store(self.store_url)
        store.check()
        try:
            documents = store.search(Query(size=100_000)).documents
        finally:
            store.close()
        return {d["id"]: {name: d.get(name) for name in JUDGED} for d in documents}


def polls_with_edits() -> list[bytes]:
    """The recorded polls, and after every tenth one the same again with its first headline edited:
    these days have no edit of their own that a reader would see."""
    bodies = []
    for number, body in enumerate(read_polls(POLLS), 1):
        bodies.append(body)
        if number % 10 == 0:
            head, items = body.split(b"<item>", 1)
            bodies.append(head + b"<item>" + items.replace(b"<title>", b"<title>Corrected: ", 1))
    return bodies


class Shown(NamedTuple):
    """An entry as feedparser by itself reads it."""

    guid: str
    title: str
    published: time.struct_time
    text: str


def entries_of(polls: Iterable[bytes]) -> Iterator[list[Shown]]:
    """The entries of each poll."""
    for body in polls:
        parsed = feedparser.parse(
            io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False
        )
        yield [_shown(entry) for entry in parsed.entries]


def _shown(entry: Any) -> Shown:
    contents = [entry.get("summary", ""), *(one.value for one in entry.get("content", []))]
    text = collapse(html_to_text(max(contents[1:] or contents, key=len)))
    return Shown(entry.id, collapse(entry.title), entry.published_parsed, text)


def republished(polls: Iterable[list[Shown]]) -> dict[str, str]:
    """The guids under which what is known by another one was published again the same day: the
    same headline, and all but the same text. With that other one."""
    firsts: dict[tuple[Any, ...], list[Shown]] = {}
    again: dict[str, str] = {}
    seen = set()
    for one in (entry for entries in polls for entry in reversed(entries)):
        if one.guid in seen:
            continue
        seen.add(one.guid)
        before = firsts.setdefault((one.title, one.published[:3]), [])
        for other in before:
            if SequenceMatcher(None, other.text, one.text, autojunk=False).ratio() > 0.99:
                again[one.guid] = other.guid
                break
        else:
            before.append(one)
    return again


def until(condition: Any, seconds: float, what: str) -> None:
    """Wait for a condition; fails when it takes longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.1)
