"""The stages of one process: stopped together, failing together, and never waiting for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detente.bus import open_bus
from detente.bus.base import Record
from detente.cli.pipeline import PATIENCE, Pipeline
from detente.errors import ConfigError
from detente.flow import ASSESSED, COLLECTED
from detente.newsroom import Newsroom
from detente.settings import Settings, load_settings
from detente.wire import encode
from processors.models.base import Passage, Scores
from processors.models.keyword import KeywordClassifier
from tests.articles import collected
from tests.whole import until


class Nobody:
    """An observer that only counts."""

    def __init__(self) -> None:
        self.ticks = 0
        self.stored_ids: list[str] = []

    def polled(self, event: Any) -> None: ...

    def stored(self, document: Any) -> None:
        self.stored_ids.append(document["id"])

    def tick(self, lag: dict[str, int]) -> None:
        self.ticks += 1


class Slow(KeywordClassifier):
    """Takes longer over an article than a stop has patience."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.released = threading.Event()

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        if passages:
            self.begun.set()
            self.released.wait(30)
        return super().classify(passages)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environ={},
        bus=f"sqlite:///{tmp_path}/bus.sqlite",
        store=f"sqlite:///{tmp_path}/articles.sqlite",
        state=f"sqlite:///{tmp_path}/feeds.sqlite",
        feeds=tmp_path / "feeds.toml",
        processors={"model": "keyword"},
        collectors={"allow_loopback": True, "host_spacing": 0.0},
    )


def publish(settings: Settings, *ids: str) -> None:
    bus = open_bus(settings.bus)
    bus.publish(COLLECTED, [Record(id, encode(collected(id))) for id in ids])
    bus.close()


def lag(settings: Settings, topic: str, group: str) -> int:
    bus = open_bus(settings.bus)
    try:
        return bus.lag(topic, group)
    finally:
        bus.close()


def test_a_batch_that_takes_too_long_is_left_and_delivered_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    publish(settings, "a", "b")
    slow, stop = Slow(), threading.Event()
    monkeypatch.setattr("processors.stage.open_classifier", lambda *_, **__: slow)
    pipeline = Pipeline(settings, ("processors",), stop, Nobody())
    runner = threading.Thread(target=pipeline.run)
    runner.start()
    assert slow.begun.wait(20)
    began = time.monotonic()
    stop.set()
    runner.join(20)
    assert PATIENCE <= time.monotonic() - began < 5.0
    assert lag(settings, COLLECTED, "processors") == 2
    assert "delivered again" in "".join(capfd.readouterr())
    slow.released.set()
    monkeypatch.undo()

    observer = Nobody()
    Pipeline(settings, ("processors", "indexer"), threading.Event(), observer, once=True).run()
    assert observer.stored_ids == ["a", "b"]
    assert lag(settings, COLLECTED, "processors") == lag(settings, ASSESSED, "indexer") == 0


def test_a_stage_that_fails_stops_the_others_and_is_raised(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConfigError("the collectors can't go on")

    (tmp_path / "feeds.toml").write_text("", "utf-8")
    monkeypatch.setattr("collectors.stage.collect", fail)
    stop = threading.Event()
    with pytest.raises(ConfigError, match="can't go on"):
        Pipeline(settings, ("collectors", "processors", "indexer"), stop, Nobody()).run()
    assert stop.is_set()


def test_what_cant_be_opened_is_said_before_anything_runs(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="the feed catalogue can't be read"):
        Pipeline(settings, ("collectors",), threading.Event(), Nobody()).run()


def test_once_polls_each_feed_and_handles_everything(settings: Settings, tmp_path: Path) -> None:
    observer = Nobody()
    with Newsroom() as newsroom:
        (tmp_path / "feeds.toml").write_text(newsroom.catalogue_toml(faulty=False), "utf-8")
        stages = ("collectors", "processors", "indexer")
        Pipeline(settings, stages, threading.Event(), observer, once=True).run()
        out = [a for a in newsroom.articles if a.held is None and a.fault is None]
    assert len(set(observer.stored_ids)) == len(observer.stored_ids) == len(out)
    assert observer.ticks > 0


def test_a_signal_ends_the_process_though_a_batch_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    """The threads that the model is left running in don't hold the process back."""
    body = "\n".join(f"On day {n} Moscow thanked Washington for the visas." for n in range(12_000))
    bus = open_bus(settings.bus)
    bus.publish(COLLECTED, [Record("book", encode(collected("book", body=body)))])
    bus.close()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DETENTE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "detente", "run", "processors", "--quiet"],
        env=environment | {"DETENTE_BUS": settings.bus, "DETENTE_LOG_LEVEL": "error"},
    )
    try:
        joined = tmp_path / "bus.sqlite-groups"
        until(lambda: joined.exists() and any(joined.iterdir()), 60, "the stage reads")
        time.sleep(1)  # into a batch that takes minutes
        began = time.monotonic()
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert time.monotonic() - began < 5.0
    finally:
        process.kill()
    assert lag(settings, COLLECTED, "processors") == 1
