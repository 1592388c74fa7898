"""What open pages are told, over a real connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from detente.cli.serve import dashboard
from detente.dashboard.live import Live
from detente.dashboard.server import beside
from detente.settings import Settings
from tests.contracts.store import document
from tests.dashboards import fill, settings_in

EVERY = 0.05


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    fill(settings, [given("old")])
    return settings


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[FastAPI, str]]:
    with dashboard(settings) as app:
        app.state.live = Live(app.state.ports.store, EVERY)
        with beside(app, "127.0.0.1:0") as address:
            yield app, address


def given(id: str, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return document(id, **{"assessed": now, "first_seen": now, "title": f"On {id}", **changes})


@contextmanager
def listening(address: str) -> Iterator[Callable[[str], list[tuple[str, Any]]]]:
    """A function that gives the events up to the first of a kind."""
    with httpx.Client(timeout=10) as client, client.stream("GET", f"{address}/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"

        def until(kind: str) -> list[tuple[str, Any]]:
            found = []
            for line in lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                    found.append((name, json.loads(next(lines).removeprefix("data: "))))
                    if name == kind:
                        return found
            raise AssertionError(found)

        yield until


def test_pages_are_told_of_what_comes_and_of_nothing_before(
    settings: Settings, served: tuple[FastAPI, str]
) -> None:
    _, address = served
    with listening(address) as first, listening(address) as second:
        time.sleep(5 * EVERY)
        fill(settings, [given("a"), given("b", relevance="none")])
        for until in (first, second):
            told = until("news")
            assert [data["id"] for name, data in told if name == "article"] == ["a"]
            assert told[-1] == ("news", {"articles": 2})
        fill(settings, [given("a", revision=2, title="On a, again")])
        assert first("news")[0][1]["title"] == "On a, again"


def test_nobody_looks_once_every_page_is_closed(served: tuple[FastAPI, str]) -> None:
    app, address = served
    live = app.state.live
    with listening(address):
        assert len(live._listeners) == 1
    deadline = time.monotonic() + 5
    while (live._listeners or not live._task.done()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not live._listeners
    assert live._task.done()
    with listening(address):  # and begins anew with the next page
        assert not live._task.done()


def test_a_store_that_fails_for_a_while_is_looked_at_again(
    settings: Settings, served: tuple[FastAPI, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from detente.errors import StoreUnavailable
    from detente.store.sqlite import SqliteStore

    _, address = served
    whole, failures = SqliteStore.search, []

    def failing(self: SqliteStore, query: Any) -> Any:
        if len(failures) < 3:
            failures.append(query)
            raise StoreUnavailable("away")
        return whole(self, query)

    with listening(address) as until:
        time.sleep(5 * EVERY)
        monkeypatch.setattr(SqliteStore, "search", failing)
        while len(failures) < 3:
            time.sleep(0.01)
        fill(settings, [given("a")])
        assert [name for name, _ in until("news")] == ["article", "news"]
