"""An alert that somebody has seen: what of it still waits isn't sent, and it is no longer open."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from detente.alerts.state import AlertState
from tests.articles import alert

NOW = 1_000.0


@pytest.fixture
def state(tmp_path: Path) -> AlertState:
    state = AlertState(f"sqlite:///{tmp_path}/alerts.sqlite")
    for subscription in ("visas", "arms"):
        for number, story in enumerate(("s1", "s2")):
            now = NOW + number
            state.tell(alert(subscription, story), ["desk", "room"], now=now, due=now)
    return state


def states(state: AlertState, subscription: str) -> list[tuple[str, str]]:
    return sorted((e.story, e.state) for e in state.outbox() if e.subscription == subscription)


def open_stories(state: AlertState, subscription: str) -> list[str]:
    return [it.alert.story for it in state.told(subscription, unacknowledged=True)]


def test_what_was_seen_is_no_longer_sent_nor_open(state: AlertState) -> None:
    sent, *_ = [e for e in state.outbox() if (e.subscription, e.story) == ("visas", "s1")]
    state.mark([sent.number], "sent", sent=NOW + 5)
    assert state.acknowledge("visas", "s1", NOW + 9) == 1
    assert states(state, "visas") == [
        ("s1", "acknowledged"),
        ("s1", "sent"),
        ("s2", "waiting"),
        ("s2", "waiting"),
    ]
    assert open_stories(state, "visas") == ["s2"]
    assert [it.acknowledged for it in state.told("visas")] == [None, NOW + 9]
    assert {e.state for e in state.outbox() if e.subscription == "arms"} == {"waiting"}
    due = state.due(NOW + 99)
    assert [entry.story for entry in due["visas", "room"]] == ["s2"]


def test_all_of_a_subscription_at_once_and_only_once(state: AlertState) -> None:
    assert state.acknowledge("visas", None, NOW + 9) == 2
    assert state.acknowledge("visas", None, NOW + 10) == 0
    assert state.acknowledge("visas", "s1", NOW + 10) == 0
    assert state.acknowledge("nobody", None, NOW + 10) == 0
    assert {it.acknowledged for it in state.told("visas")} == {NOW + 9}
    assert open_stories(state, "visas") == []
    assert open_stories(state, "arms") == ["s2", "s1"]


def test_what_was_given_up_and_then_seen_is_not_tried_again(state: AlertState) -> None:
    state.mark([e.number for e in state.outbox()], "dead", reason="no answer")
    state.acknowledge("visas", None, NOW + 9)
    assert state.revive(NOW + 10) == 4  # of arms


def test_all_until_then_leaves_what_came_since(state: AlertState) -> None:
    assert state.unacknowledged("visas") == 2
    assert state.acknowledge("visas", None, NOW + 9, until=NOW) == 1
    assert open_stories(state, "visas") == ["s2"]
    assert state.unacknowledged("visas") == 1


def test_a_process_of_the_version_before_goes_on_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    AlertState(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as older:
        older.execute("DROP TABLE acknowledged")
        newer = AlertState(f"sqlite:///{path}")
        newer.tell(alert("visas", "s1"), ["desk"], now=NOW, due=NOW)
        assert newer.acknowledge("visas", "s1", NOW + 1) == 1
        row = ("visas", "s2", "a2", NOW, msgspec.msgpack.encode(alert("visas", "s2")))
        older.execute("INSERT OR IGNORE INTO ledger VALUES (?, ?, ?, ?, ?)", row)
    older.close()
    assert open_stories(newer, "visas") == ["s2"]


def test_opening_a_file_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/alerts.sqlite"
    first = AlertState(url)
    with first.writing():
        began = time.monotonic()
        AlertState(url).close()
        assert time.monotonic() - began < 5  # a writer is waited for for thirty seconds


def test_what_is_acknowledged_after_it_was_looked_up_is_not_sent(state: AlertState) -> None:
    numbers = [one.number for one in state.outbox() if one.subscription == "visas"]
    state.acknowledge("visas", "s1", NOW + 9)
    assert len(state.mark(numbers, "sending", tried=True)) == 2
