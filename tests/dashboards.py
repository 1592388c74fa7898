"""A dashboard over embedded engines for tests, with their own documents or the newsroom's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from collectors.status import PollEvent
from detente.alerts.kept import Kept
from detente.alerts.likeness import traits
from detente.alerts.novelty import New, facts
from detente.alerts.state import AlertState
from detente.cli.pipeline import Pipeline
from detente.cli.serve import dashboard
from detente.dashboard.server import beside
from detente.flow import ROUTES
from detente.newsroom.server import Newsroom
from detente.settings import (
    CollectorSettings,
    DashboardSettings,
    ProcessorSettings,
    RunnerSettings,
    Settings,
)
from detente.store import open_store
from detente.store.base import Document


def settings_in(folder: Path, **dashboard: Any) -> Settings:
    """Settings with everything in a folder; the catalogue is its feeds.toml."""
    return Settings(
        bus=f"sqlite:///{folder}/bus.sqlite",
        store=f"sqlite:///{folder}/articles.sqlite",
        state=f"sqlite:///{folder}/feeds.sqlite",
        alerts=f"sqlite:///{folder}/alerts.sqlite",
        subscriptions=folder / "subscriptions.toml",
        feeds=folder / "feeds.toml",
        collectors=CollectorSettings(allow_loopback=True, host_spacing=0, timeout=3.0),
        processors=ProcessorSettings(model="keyword"),
        runner=RunnerSettings(poll_timeout=0.05),
        dashboard=DashboardSettings(
            listen="127.0.0.1:0",
            key=folder / "dashboard.key",
            corrections=folder / "corrections.jsonl",
            **{"burst": 100_000, **dashboard},
        ),
    )


def fill(settings: Settings, documents: Sequence[Document]) -> None:
    """Put documents into the store."""
    store = open_store(settings.store)
    store.prepare()
    assert {outcome.result for outcome in store.put(documents)} <= {"written"}
    store.close()


def tell_story(
    settings: Settings,
    story: str,
    documents: Sequence[Document],
    *,
    adds: Mapping[str, tuple[New, ...]] | None = None,
    copies: Mapping[str, str] | None = None,
) -> None:
    """Say that these documents are a story, as the stage of alerts does."""
    state = AlertState(settings.alerts)
    for document in documents:
        at, id, outlet = _epoch(document), document["id"], document["outlet"]
        its = traits(document["title"], document["body"], at, outlet, "en")
        novelty, copied = (adds or {}).get(id, ()), (copies or {}).get(id)
        state.keep(Kept(id, 1, story, at, outlet, its, facts(document), copied, novelty))
    state.close()


def _epoch(document: Document) -> float:
    published: datetime = document["published"]
    return published.timestamp()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The dashboard behind a real server; gives its address."""
    with dashboard(settings) as app, beside(app, settings.dashboard.listen) as address:
        yield address


@contextmanager
def asked(settings: Settings, **options: Any) -> Iterator[TestClient]:
    """The dashboard without a network between."""
    with (
        dashboard(settings) as app,
        TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), **options) as client,
    ):
        yield client


class Silent:
    """Watches the pipeline and says nothing."""

    def polled(self, event: PollEvent) -> None: ...

    def stored(self, document: Document) -> None: ...

    def tick(self, lag: dict[str, int]) -> None: ...


def collect_newsroom(settings: Settings) -> None:
    """One round of the whole pipeline over the sample newsroom."""
    with Newsroom() as newsroom:
        settings.feeds.write_text(newsroom.catalogue_toml(), "utf-8")
        stages = [route.stage for route in ROUTES]
        Pipeline(settings, stages, threading.Event(), Silent(), once=True).run()
