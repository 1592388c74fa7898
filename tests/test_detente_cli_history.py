"""`detente reindex` and `detente replay`, on the embedded engines and on real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from detente.bus import open_bus
from detente.bus.base import Bus, Record
from detente.deadletters import read_all
from detente.flow import ASSESSED, COLLECTED
from detente.store import open_store
from detente.store.base import ArticleStore, Query
from detente.wire import encode
from tests.articles import collected
from tests.commandline import Detente, command_line
from tests.contracts.store import eventually
from tests.servers import namespaces

TALKS = "The foreign ministers of Russia and the United States met. Moscow thanked Washington."
SNUB = "Russia expelled ten American diplomats. The Kremlin condemned Washington's sanctions."


@dataclass(frozen=True)
class Engines:
    bus: Bus
    store: ArticleStore
    detente: Detente

    def judge_all(self) -> None:
        for stage in ("processors", "indexer"):
            assert self.detente("run", stage, "--once", "-q").code == 0

    def models(self) -> set[str]:
        return {str(found["model"]) for found in self.store.search(Query(size=100)).documents}


@pytest.fixture(params=["embedded", "servers"])
def engines(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Iterator[Engines]:
    """Three articles, one of them edited, judged by cue words and stored."""
    with ExitStack() as stack:
        bus_url = f"sqlite:///{tmp_path}/bus.sqlite"
        store_url = f"sqlite:///{tmp_path}/articles.sqlite"
        if request.param == "servers":
            node = request.getfixturevalue("elasticsearch")
            store_url = stack.enter_context(namespaces(node.address))()
            broker = request.getfixturevalue("kafka")
            bus_url = f"kafka://{broker.address}/?{store_url.partition('?')[2]}"
        monkeypatch.setenv("DETENTE_BUS", bus_url)
        monkeypatch.setenv("DETENTE_STORE", store_url)
        monkeypatch.setenv("DETENTE_PROCESSORS__MODEL", "keyword")
        detente = command_line(monkeypatch, capfd, tmp_path)
        assert detente("prepare").code == 0
        bus, store = open_bus(bus_url), open_store(store_url)
        stack.callback(bus.close)
        stack.callback(store.close)
        bus.publish(
            COLLECTED,
            [
                Record(article.id, encode(article))
                for article in (
                    collected("a", title="Ministers meet", body=TALKS),
                    collected("b", title="Diplomats expelled", body=SNUB),
                    collected("c", title="First wording", body=SNUB),
                    collected("c", revision=2, title="Second wording", body=TALKS),
                )
            ],
        )
        engines = Engines(bus, store, detente)
        engines.judge_all()
        eventually(store, Query(), 3)
        yield engines


def test_a_newer_model_judges_history_anew(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {d["id"]: d for d in engines.store.search(Query()).documents}
    assert engines.models() == {"keyword"}
    monkeypatch.setenv("DETENTE_PROCESSORS__MODEL", "shipped")
    said = engines.detente("reindex", "--rejudge")
    assert said.code == 0, said.err
    eventually(engines.store, Query(), 3)
    after = {d["id"]: d for d in engines.store.search(Query()).documents}
    assert "keyword" not in engines.models()
    for id, document in after.items():
        for name in ("revision", "title", "body", "url", "first_seen", "published", "source"):
            assert document[name] == before[id][name]
        assert document["assessed"] > before[id]["assessed"]
    assert after["c"]["title"] == "Second wording"
    again = engines.detente("reindex", "--rejudge")
    assert again.code == 0
    assert {d["id"]: d for d in engines.store.search(Query()).documents} == after
    assert engines.detente("reindex", "--drop").code == 0
    assert engines.detente("search", "wording", "--json").json["total"] == 1
    assert engines.bus.lag(ASSESSED, "indexer") == 0


def test_a_replay_judges_the_log_again_and_loses_no_edit(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENTE_PROCESSORS__MODEL", "shipped")
    said = engines.detente("replay", "processors")
    assert said.code == 0, said.err
    assert "4 records of articles.collected to read again" in said.err
    assert engines.bus.lag(COLLECTED, "processors") == 0, "the group itself was disturbed"
    assert engines.bus.lag(ASSESSED, "indexer") == 4
    assert engines.detente("run", "indexer", "--once", "-q").code == 0
    eventually(engines.store, Query(text="second"), 1)
    deadline = time.monotonic() + 5.0
    while "keyword" in engines.models() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "keyword" not in engines.models()
    found = engines.store.search(Query()).documents
    assert sorted(d["id"] for d in found) == ["a", "b", "c"]
    assert (engines.store.get("c") or {})["revision"] == 2


def test_a_replay_begins_where_it_is_told_to(engines: Engines) -> None:
    time.sleep(1.2)
    between = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    time.sleep(1.2)
    late = collected("late", title="Late", body=TALKS)
    engines.bus.publish(COLLECTED, [Record("late", encode(late))])
    said = engines.detente("replay", "processors", "--since", between)
    assert said.code == 0, said.err
    assert "1 records of articles.collected" in said.err
    judged = [delivery.key for delivery in read_all(engines.bus, ASSESSED, "test")]
    assert judged.count("late") == 1
    assert judged.count("a") == 1


def test_an_empty_store_is_filled_from_the_log(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.sqlite"
    monkeypatch.setenv("DETENTE_STORE", other)
    assert engines.detente("replay", "indexer").code == 0
    store = open_store(other)
    store.check()
    assert store.count(Query())[0].count == 3
    assert (store.get("c") or {})["revision"] == 2
    store.close()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["replay", "processors", "--resume", "--since", "7d"], "leave --since out"),
        (["replay", "processors", "--since", "yesterday"], "is no instant"),
    ],
)
def test_what_makes_no_sense(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    problem: str,
) -> None:
    detente = command_line(monkeypatch, capfd, tmp_path)
    said = detente(*arguments)
    assert said.code == 2
    assert problem in said.err
