"""Killed at any instant, in any stage: the end state is that of an undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.deadletters import list_dead_letters, read_all
from detente.flow import COLLECTED
from detente.wire import decode
from tests.replay import Replay, read_polls
from tests.whole import (
    POLLS,
    Deployment,
    entries_of,
    polls_with_edits,
    republished,
    until,
)

KILLS = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not POLLS.exists(), reason=f"the recorded polls {POLLS.name} are not here"),
]


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def terminate(process: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the end, which must be a good one."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    return time.monotonic() - began


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    with Replay(polls_with_edits()) as replay:
        deployment = Deployment(tmp_path_factory.mktemp("undisturbed"), replay.url)
        with ended(deployment.start("all")) as process:
            until(replay.finished.is_set, 240, "all polls consumed")
            until(lambda: deployment.waiting() == 0, 240, "everything handled")
            terminate(process)
    return deployment


def test_the_replay_ends_with_every_article_once(undisturbed: Deployment) -> None:
    articles = undisturbed.judgements()
    guids = set()
    edited = set()
    for body in polls_with_edits():
        for item in body.split(b"<item>")[1:]:
            guid = item.split(b'<guid isPermaLink="false">')[1].split(b"</guid>")[0]
            guids.add(guid)
            if b"<title>Corrected: " in item:
                edited.add(guid)
    same = republished(entries_of(polls_with_edits()))
    assert len(same) == 1, "a release that was published again under another guid"
    assert len(articles) == len(guids) - len(same)
    # The original came first, then the edit, then mostly the original again.
    revised = [article for article in articles.values() if article["revision"] > 1]
    assert len(revised) == len(edited) > 3
    assert any(article["relevance"] == "core" for article in articles.values())
    assert undisturbed.errors() == ""


def test_killed_at_random_it_ends_the_same(undisturbed: Deployment, tmp_path: Path) -> None:
    chance = random.Random(20260301)
    # The same port: the publisher's address is a part of its articles' identity.
    with Replay(polls_with_edits(), urlsplit(undisturbed.feed_url).port or 0) as replay:
        deployment = Deployment(tmp_path / "killed", replay.url, interval=0.25)
        kills = 0
        while kills < KILLS:
            before = replay.at
            with ended(deployment.start("all")) as process:
                # Past the start of the process, into its work, wherever that is then.
                until(lambda b=before: replay.at > b or replay.finished.is_set(), 60, "a poll")
                time.sleep(chance.uniform(0.0, 1.0))
                process.kill()
                process.wait()
                kills += 1
        with ended(deployment.start("all")) as process:
            until(replay.finished.is_set, 240, "all polls consumed")
            until(lambda: deployment.waiting() == 0, 240, "everything handled")
            terminate(process)

    assert deployment.judgements() == undisturbed.judgements()
    assert_revisions_are_stable(deployment)


def assert_revisions_are_stable(deployment: Deployment) -> None:
    """Whatever is twice in the log is the same, byte for byte."""
    bus = open_bus(deployment.url("bus"))
    published: dict[tuple[str, int], bytes] = {}
    for delivery in read_all(bus, COLLECTED, "test"):
        revision = decode(delivery.value, CollectedArticle).revision
        assert published.setdefault((delivery.key, revision), delivery.value) == delivery.value
    assert list_dead_letters(bus) == []
    bus.close()


def test_sigterm_finishes_the_batch_in_hand(tmp_path: Path) -> None:
    with Replay(read_polls(POLLS)) as replay:
        deployment = Deployment(tmp_path / "stopped", replay.url)
        with ended(deployment.start("all")) as process:
            until(lambda: replay.at > 3 and deployment.judgements(), 60, "work going on")
            assert terminate(process) < 5.0
        stored = len(deployment.judgements())
        with ended(deployment.start("all", "--once")) as process:
            assert process.wait(timeout=60) == 0
        assert deployment.waiting() == 0
        assert len(deployment.judgements()) >= stored
        assert deployment.errors() == ""
