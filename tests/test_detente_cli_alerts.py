"""`detente alerts`, and the whole way from a newsroom's publication to a receiver."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from detente.cli.pipeline import Pipeline
from detente.newsroom import Newsroom
from detente.settings import load_settings
from tests.commandline import Detente, command_line
from tests.test_detente_alerts_dispatch import Receiver

pytestmark = pytest.mark.slow

STAGES = ("collectors", "processors", "indexer", "alerts")


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as running:
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def folder(
    newsroom: Newsroom, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder in which a newsroom was watched while it published all that it held back."""
    folder = tmp_path_factory.mktemp("deployment")
    catalogue = newsroom.catalogue_toml(faulty=False)
    (folder / "feeds.toml").write_text(
        catalogue.replace("[[feeds]]", "[[feeds]]\ninterval = 0.5"), "utf-8"
    )
    (folder / "detente.toml").write_text(
        f'bus = "sqlite:///{folder}/bus.sqlite"\nstore = "sqlite:///{folder}/articles.sqlite"\n'
        f'state = "sqlite:///{folder}/feeds.sqlite"\nalerts = "sqlite:///{folder}/alerts.sqlite"\n'
        f'feeds = "{folder}/feeds.toml"\nsubscriptions = "{folder}/subscriptions.toml"\n'
        '[collectors]\nallow_loopback = true\nhost_spacing = 0\n[processors]\nmodel = "keyword"\n',
        "utf-8",
    )
    (folder / "subscriptions.toml").write_text(
        f'[destinations.hook]\nwebhook = "{receiver.url}"\n'
        '[[subscriptions]]\nid = "all"\nname = "All of it"\nquery = "length:>0"\n'
        'to = ["hook"]\nmost_per_hour = 1000\n'
        '[[subscriptions]]\nid = "embassies"\nquery = "embass* AND relevance:core"\n'
        'to = ["hook"]\n',
        "utf-8",
    )
    settings = load_settings(folder / "detente.toml", environ={})
    stop = threading.Event()
    pipeline = Pipeline(settings, STAGES, stop, _Silent())
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    try:
        _until(lambda: len(receiver.got) > 3)
        while newsroom.publish_next() is not None:
            pass
        _until(lambda: _quiet(receiver))
    finally:
        stop.set()
        thread.join(20)
    return folder


class _Silent:
    def polled(self, event: object) -> None: ...
    def stored(self, document: object) -> None: ...
    def tick(self, lag: object) -> None: ...


def _until(condition: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _quiet(receiver: Receiver, seconds: float = 3.0) -> bool:
    before = len(receiver.got)
    time.sleep(seconds)
    return len(receiver.got) == before


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: Path
) -> Detente:
    return command_line(monkeypatch, capfd, folder)


def test_each_story_reaches_the_receiver_once(detente: Detente, receiver: Receiver) -> None:
    told = [
        (said["subscription"], one["story"])
        for _, said, _ in receiver.got
        for one in said["alerts"]
    ]
    assert len(told) == len(set(told)) > 10
    articles = detente("stats", "--json").json["articles"]
    stories = {story for subscription, story in told if subscription == "all"}
    assert len(stories) < articles, "some articles are of one story"
    assert detente("stats", "--json").json["lag"]["alerts"] == 0
    assert "waiting" not in detente("alerts", "outbox", "-n", "1000").out


def test_a_second_run_tells_nobody_anything(detente: Detente, receiver: Receiver) -> None:
    before = len(receiver.got)
    assert detente("run", "--once", "--quiet").code == 0
    assert len(receiver.got) == before


def test_what_was_told_is_shown_and_is_a_feed(detente: Detente) -> None:
    shown = detente("alerts", "told", "embassies")
    assert shown.code == 0
    assert "embass" in shown.out.lower()
    feed = ElementTree.fromstring(detente("alerts", "told", "embassies", "--atom").out)
    entries = feed.findall("{http://www.w3.org/2005/Atom}entry")
    assert entries
    for entry in entries:
        for name in ("id", "title", "updated", "summary"):
            assert entry.findtext(f"{{http://www.w3.org/2005/Atom}}{name}")
    assert "Nothing was told" in detente("alerts", "told", "nobody").out


def test_what_was_seen_is_acknowledged(detente: Detente) -> None:
    shown = detente("alerts", "told", "embassies", "--open", "-n", "1000").out
    story = re.findall(r"  (s\S+)$", shown, re.MULTILINE)[0]
    said = detente("alerts", "acknowledge", "embassies", story)
    assert (said.code, said.out) == (0, "1 alerts of embassies are acknowledged.\n")
    left = detente("alerts", "told", "embassies", "--open", "-n", "1000").out
    assert story not in left
    assert f"acknowledged  {story}" in detente("alerts", "told", "embassies", "-n", "1000").out
    assert detente("alerts", "acknowledge", "embassies").code == 0
    assert "Nothing is open" in detente("alerts", "told", "embassies", "--open").out
    assert "Nothing" not in detente("alerts", "told", "all", "--open").out


def test_a_query_is_tried_before_it_is_made(detente: Detente) -> None:
    query = "embass* AND relevance:core"
    tried = detente("alerts", "try", query, "--since", "1d", "--json").json
    told = detente("alerts", "told", "embassies", "-n", "1000").out
    # It knows all of them when it groups the first, and so may group one otherwise.
    stories = sum("  s" in line[-16:] for line in told.splitlines())
    assert abs(len(tried["alerts"]) - stories) <= 1
    assert tried["articles"] >= len(tried["alerts"]) > 0
    quoted = detente("alerts", "try", "quote:embassy OR quote:talks", "--since", "1d")
    assert quoted.code == 0
    assert "a day" in quoted.out
    said = detente("alerts", "try", "embassy AND (")
    assert said.code == 2
    assert "at the end" in said.err
    assert detente("alerts", "try", "...").code == 2


def test_the_file_of_subscriptions_is_checked_and_listed(detente: Detente, folder: Path) -> None:
    assert "2 subscriptions, 1 destinations" in detente("alerts", "check").out
    rows = detente("alerts", "list", "--json").json
    assert [row["id"] for row in rows] == ["all", "embassies"]
    assert rows[0]["told_in_a_week"] > rows[1]["told_in_a_week"] > 0
    assert "embass* AND relevance:core" in detente("alerts", "list").out
    file = folder / "subscriptions.toml"
    before = file.read_text("utf-8")
    file.write_text(before.replace("length:>0", "title:x"), "utf-8")
    said = detente("alerts", "check")
    assert said.code == 2
    assert "subscriptions[0].query (all): there is no field 'title'" in said.err
    assert detente("run", "alerts", "--once", "--quiet").code == 2
    file.write_text(before, "utf-8")


def test_subscriptions_are_added_and_removed(detente: Detente, folder: Path) -> None:
    before = (folder / "subscriptions.toml").read_text("utf-8")
    said = detente("alerts", "add", "visas", "visas OR visa", "--to", "hook", "--when", "hourly")
    assert (said.code, "visas is subscribed" in said.out) == (0, True)
    assert "3 subscriptions" in detente("alerts", "check").out
    assert detente("alerts", "add", "visas", "visas", "--to", "hook").code == 2
    assert detente("alerts", "remove", "visas").code == 0
    assert detente("alerts", "remove", "visas").code == 1
    assert (folder / "subscriptions.toml").read_text("utf-8").strip() == before.strip()


def test_muting_and_retrying(detente: Detente) -> None:
    assert "0 messages are due again" in detente("alerts", "retry").out
    assert "sabc is muted" in detente("alerts", "mute", "sabc").out
    assert "no longer muted" in detente("alerts", "unmute", "sabc").out
    assert detente("alerts", "unmute", "sabc").code == 1
    assert detente("alerts", "outbox", "--state", "sent", "-n", "3").out.count("hook") == 3
