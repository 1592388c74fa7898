"""What the tests of the fault matrix share: a load, the truth to compare with, a stopwatch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.deadletters import list_dead_letters, read_all
from detente.errors import RetryLater
from detente.flow import COLLECTED
from detente.store import open_store
from detente.store.base import Query
from detente.wire import decode
from tests.replay import Replay
from tests.servers import free_port
from tests.supervised import Supervised
from tests.whole import POLLS, Deployment, polls_with_edits, until

STAGES = ("collectors", "processors", "processors-2", "indexer")

needs_polls = pytest.mark.skipif(
    not POLLS.exists(), reason=f"the recorded polls {POLLS.name} are not here"
)

POLL_EVERY = 0.1
PACE = 0.7
"""Seconds from one change of the feed to the next, while there are faults."""

SETTINGS = {
    # Short, so that what a dead process held is soon another's.
    "DETENTE_KAFKA__SESSION_TIMEOUT": "6",
    "DETENTE_KAFKA__DELIVERY_TIMEOUT": "5",
    "DETENTE_ELASTICSEARCH__TIMEOUT": "3",
    "DETENTE_RUNNER__MAX_BACKOFF": "3",
}


@dataclass
class Truth:
    """What an undisturbed run on the embedded engines ends with."""

    port: int
    """The publisher's, which is a part of its articles' identity."""

    articles: dict[str, dict[str, Any]]


def undisturbed(folder: Path) -> Truth:
    port = free_port()
    with Replay(polls_with_edits(), port) as replay:
        deployment = Deployment(folder, replay.url, model="keyword")
        with Supervised(deployment, "all"):
            until(replay.finished.is_set, 120, "all polls consumed")
            until(lambda: deployment.waiting() == 0, 120, "everything handled")
    return Truth(port, deployment.judgements())


def deployed(folder: Path, feed: str, bus: str, store: str) -> Deployment:
    """A deployment on engines elsewhere."""
    return Deployment(
        folder,
        feed,
        interval=POLL_EVERY,
        model="keyword",
        bus=bus,
        store=store,
        settings=SETTINGS,
    )


@dataclass
class Run:
    """A deployment under load. `recovered` has, by fault, the seconds from its end until the
    pipeline had caught up with what had come meanwhile."""

    deployment: Deployment
    processes: Supervised
    replay: Replay
    recovered: dict[str, float] = field(default_factory=dict)
    load_until: int = 1
    """The poll that the load may go up to for now: it is to outlast the faults, also where
    everything takes long."""

    def more_polls(self, number: int = 3) -> None:
        """Wait until so many more polls were consumed, so that there is work going on."""
        wanted = self.replay.at + number
        assert wanted < len(self.replay.bodies), "the load ended before the faults did"
        self.load_until = max(self.load_until, wanted + 1)
        until(lambda: self.replay.at >= wanted, 60, "more polls")

    def caught_up(self) -> bool:
        """Whether all that was collected is judged and stored."""
        try:
            return self.deployment.waiting() == 0
        except RetryLater:
            return False

    @contextmanager
    def fault(self, name: str, load: int = 5) -> Iterator[None]:
        """Do the harm within, under a load of so many polls if it lasts long enough; then wait for
        a catch-up that takes in what came after it."""
        self.more_polls()
        self.load_until += load
        yield
        began = time.monotonic()
        self.more_polls(1)
        until(self.caught_up, 120, f"caught up after: {name}")
        self.recovered[name] = round(time.monotonic() - began, 1)
        print(f"{name}: caught up {self.recovered[name]} s after its end")  # noqa: T201


@contextmanager
def under_load(
    truth: Truth, deployment: Callable[[str], Deployment], *stages: str
) -> Iterator[Run]:
    """The same polls as for the truth, one after the other; ends when all is stored."""
    with Replay(polls_with_edits(), truth.port) as replay:
        deployed = deployment(replay.url)
        if deployed.bus or deployed.store:
            deployed.prepare()
        with Supervised(deployed, *(stages or STAGES)) as processes:
            run = Run(deployed, processes, replay)
            with _paced(run):
                yield run
            until(replay.finished.is_set, 180, "all polls consumed")
            until(run.caught_up, 120, "everything handled")


@contextmanager
def _paced(run: Run) -> Iterator[None]:
    over = threading.Event()
    replay = run.replay
    replay.allowed = 1

    def allow() -> None:
        while not over.wait(PACE):
            replay.allowed = min((replay.allowed or 0) + 1, replay.at + 3, run.load_until)

    thread = threading.Thread(target=allow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        replay.allowed = None


def assert_as_undisturbed(truth: Truth, run: Run, dead: int = 0) -> None:
    """Same ids, revisions and judgements, one document each, and whatever is twice in the log is
    the same byte for byte; every collected article is stored or dead, not both."""
    deployment = run.deployment
    deadline = time.monotonic() + 10.0
    # A search shows the last second's a second later.
    while (found := deployment.judgements()) != truth.articles and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found.keys() == truth.articles.keys()
    assert found == truth.articles
    store = open_store(deployment.store_url)
    assert [bucket.count for bucket in store.count(Query())] == [len(found)]
    store.close()
    bus = open_bus(deployment.bus_url)
    try:
        published: dict[tuple[str, int], bytes] = {}
        for delivery in read_all(bus, COLLECTED, "test"):
            try:
                revision = decode(delivery.value, CollectedArticle).revision
            except Exception:  # what a test has thrown in
                continue
            assert published.setdefault((delivery.key, revision), delivery.value) == delivery.value
        letters = list_dead_letters(bus)
        assert len(letters) == dead
        parked = {letter.key for letter in letters}
        assert not parked & found.keys()
        assert {key for key, _ in published} - parked == found.keys()
    finally:
        bus.close()


def every(seconds: float, action: Callable[[int], None], times: int) -> None:
    """Do it so many times, with pauses."""
    for number in range(times):
        action(number)
        time.sleep(seconds)
