"""The alerts in Elasticsearch: each once, as it stands, whatever happens to either side."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch, NotFoundError

from detente.alerts import mirror as mirror_module
from detente.alerts.alertindex import LAYOUT, AlertIndex
from detente.alerts.mirror import LONGEST_PAUSE, Mirror
from detente.alerts.mirrored import BY_NAME, FIELDS, alert_document
from detente.alerts.state import AlertState
from detente.alerts.uncopied import Changed, Sending
from detente.cli.pipeline import opened_stage
from detente.errors import ConfigError, StoreUnavailable
from detente.settings import ElasticsearchSettings, load_settings
from detente.store.fields import problems
from detente.store.mapping import strict_mapping
from tests.articles import NOON
from tests.faultproxy import FaultProxy
from tests.queries import START
from tests.servers import Server, namespaces
from tests.serving import Serving, reply
from tests.test_detente_alerts_stage import Clock, article
from tests.told import Told, alert

SIDES = ("USA", "RUS")
AT = START.timestamp()
NO_SETTINGS = ElasticsearchSettings()

# One alert as a document


def test_an_alert_is_a_flat_document_of_the_field_table() -> None:
    sendings = (
        Sending("desk", "sent", 1, AT + 2.25),
        Sending("room", "sending", 3, None),
        Sending("feed", "sent", 2, AT + 90),
    )
    made = alert(note="New on this story", stance={"RUS>USA": 0.5, "USA>RUS": -1.0})
    document = alert_document(Changed("visas", "s0", 7, AT, made, sendings), SIDES)
    assert problems(document, FIELDS) == []
    assert document == {
        "id": "visas.s1",
        "at": "2026-03-01T00:00:00.000Z",
        "subscription": "visas",
        "story": "s0",
        "article": "as1",
        "title": "Envoys meet",
        "note": "New on this story",
        "outlet": "The Sample",
        "url": "https://sample.example/s1",
        "published": "2026-03-01T00:00:00.000Z",
        "shown": ["RUS>USA:cooperative"],
        "first_toward_second": -1.0,
        "second_toward_first": 0.5,
        "second_before": -0.25,
        "destinations": ["desk", "feed", "room"],
        "states": ["sent", "waiting"],
        "deliveries": ["desk:sent", "feed:sent", "room:waiting"],
        "attempts": 6,
        "delivered": "2026-03-01T00:01:30.000Z",
        "delay": 90.0,
    }


def test_an_alert_of_silence_has_no_article() -> None:
    quiet = alert(article="", url="", published=None, outlet="visas", evidence=(), stance={})
    document = alert_document(Changed("visas", "silence:1", 1, AT, quiet, ()), SIDES)
    assert problems(document, FIELDS) == []
    assert {"article", "url", "outlet", "published", "delay", "delivered"}.isdisjoint(document)
    assert document["deliveries"] == []


# On the real Elasticsearch


@pytest.fixture
def url(elasticsearch: Server) -> Iterator[str]:
    with namespaces(elasticsearch.address) as new_url:
        yield new_url()


@pytest.fixture
def client(elasticsearch: Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(f"http://{elasticsearch.address}") as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/alerts.sqlite"


@pytest.fixture
def state(file: str) -> Iterator[AlertState]:
    state = AlertState(file)
    yield state
    state.close()


Opened = Callable[..., Mirror]


@pytest.fixture
def opened(file: str, url: str, state: AlertState) -> Iterator[Opened]:
    """A function to a mirror of the file, which is closed at last."""
    mirrors = []

    def open_(store: str = url, **options: Any) -> Mirror:
        settings = ElasticsearchSettings(timeout=options.pop("timeout", 10.0))
        mirrors.append(Mirror(file, store, settings, SIDES, **options))
        return mirrors[-1]

    yield open_
    for one in mirrors:
        one.close()


def index(url: str) -> str:
    return f"{url.partition('namespace=')[2]}-alerts"


def shown(client: Elasticsearch, url: str) -> dict[str, dict[str, Any]]:
    """What a reader of the index sees, by id; with the number of times that it was written."""
    client.indices.refresh(index=index(url))
    answer = client.search(index=index(url), size=1_000, version=True)
    return {
        hit["_id"]: {**hit["_source"], "writes": hit["_version"]} for hit in answer["hits"]["hits"]
    }


def tell(state: AlertState, *stories: str, to: tuple[str, ...] = ("desk", "room")) -> None:
    for story in stories:
        assert state.tell(alert(story=story), to, now=AT, due=AT)


def numbers(state: AlertState, story: str) -> list[int]:
    return [entry.number for entry in state.outbox(most=1_000) if entry.story == story]


def test_alerts_are_copied_once_and_again_when_something_changes(
    state: AlertState, opened: Opened, client: Elasticsearch, url: str
) -> None:
    mirror = opened()
    tell(state, "s1", "s2")
    assert mirror.turn() == 2
    assert mirror.turn() == 0
    tell(state, "s3")
    desk, room = sorted(numbers(state, "s2"))
    state.mark([desk], "sent", sent=AT + 5, tried=True)
    assert mirror.turn() == 2
    state.mark([room], "dead", reason="refused", tried=True)
    assert mirror.turn() == 1
    found = shown(client, url)
    assert {id: one["writes"] for id, one in found.items()} == {
        "visas.s1": 1,
        "visas.s2": 3,
        "visas.s3": 1,
    }
    assert found["visas.s2"]["deliveries"] == ["desk:sent", "room:dead"]
    assert (found["visas.s2"]["delay"], found["visas.s2"]["attempts"]) == (5.0, 2)
    mapping = client.indices.get_mapping(index=index(url))[index(url)]["mappings"]
    assert {**mapping, "_meta": None} == {**strict_mapping(FIELDS), "_meta": None}


def test_another_process_that_retries_mutes_or_acknowledges_is_noticed(
    state: AlertState, file: str, opened: Opened, client: Elasticsearch, url: str
) -> None:
    mirror = opened()
    tell(state, "s1", "s2", "s3", to=("desk",))
    state.mark(numbers(state, "s1"), "dead", reason="refused")
    assert mirror.turn() == 3
    other = AlertState(file)
    other.revive(AT + 9)
    other.mute("s2", AT + 9)
    other.acknowledge("visas", "s3", AT + 9)
    other.close()
    assert mirror.turn() == 3
    found = shown(client, url)
    assert found["visas.s1"]["states"] == ["waiting"]
    assert found["visas.s2"]["states"] == ["muted"]
    assert found["visas.s3"]["states"] == ["acknowledged"]
    assert found["visas.s3"]["acknowledged"] == "2026-03-01T00:00:09.000Z"


def test_a_joined_story_renames_its_alert_and_makes_no_second_one(
    state: AlertState, opened: Opened, client: Elasticsearch, url: str
) -> None:
    mirror = opened()
    tell(state, "s1", "s2", to=("desk",))
    state.tell(alert("other", "s2"), ("desk",), now=AT, due=AT)
    assert mirror.turn() == 3
    state.join("s2", "s1")
    mirror.turn()
    found = shown(client, url)
    assert {id: one["story"] for id, one in found.items()} == {
        "visas.s1": "s1",
        "visas.s2": "s2",  # told of both before they were one
        "other.s2": "s1",
    }
    assert found["other.s2"]["deliveries"] == ["desk:waiting"]
    assert mirror.turn() == 0


def test_what_was_there_before_the_mirror_is_copied_and_a_restart_copies_nothing(
    file: str, state: AlertState, opened: Opened, client: Elasticsearch, url: str
) -> None:
    told = Told(random.Random(20261128), file)
    assert opened().turn() == len(told.documents)
    assert opened().turn() == 0
    found = shown(client, url)
    assert len(found) == len(told.documents)
    assert sorted(one["at"] for one in found.values()) == sorted(
        one["at"] for one in told.documents
    )
    assert set().union(*found.values()) - {"writes"} <= set(BY_NAME)


def test_more_than_go_together_are_all_copied(
    state: AlertState,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    client: Elasticsearch,
    url: str,
) -> None:
    monkeypatch.setattr(mirror_module, "AT_ONCE", 7)
    tell(state, *(f"s{n}" for n in range(30)))
    assert opened().turn() == 30
    assert len(shown(client, url)) == 30


def test_an_index_that_was_deleted_and_another_store_get_everything(
    state: AlertState, opened: Opened, client: Elasticsearch, url: str
) -> None:
    mirror = opened()
    tell(state, "s1", "s2")
    mirror.turn()
    client.indices.delete(index=index(url))
    tell(state, "s3")
    assert mirror.turn() == 3
    assert len(shown(client, url)) == 3
    with namespaces(url.split("/")[2]) as new_url:
        elsewhere = new_url()
        assert opened(elsewhere).turn() == 3
        assert len(shown(client, elsewhere)) == 3


def test_a_change_while_it_is_copied_is_copied_after(
    state: AlertState,
    opened: Opened,
    client: Elasticsearch,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mirror = opened()
    tell(state, "s1", to=("desk",))
    write = AlertIndex.write

    def meanwhile(self: AlertIndex, documents: Any) -> Any:
        monkeypatch.setattr(AlertIndex, "write", write)
        outcomes = self.write(documents)
        state.mark(numbers(state, "s1"), "sent", sent=AT + 1)
        return outcomes

    monkeypatch.setattr(AlertIndex, "write", meanwhile)
    assert mirror.turn() == 2
    assert shown(client, url)["visas.s1"]["states"] == ["sent"]


def test_a_refused_document_is_left_out_and_the_others_are_shown(
    state: AlertState,
    opened: Opened,
    client: Elasticsearch,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def with_one_fault(changed: Changed, sides: tuple[str, str]) -> dict[str, Any]:
        more = {"colour": "red"} if changed.story == "s2" else {}
        return {**alert_document(changed, sides), **more}

    monkeypatch.setattr(mirror_module, "alert_document", with_one_fault)
    mirror = opened()
    tell(state, "s1", "s2", "s3")
    assert mirror.turn() == 2
    assert mirror.turn() == 0
    assert set(shown(client, url)) == {"visas.s1", "visas.s3"}


# When Elasticsearch is slow, full or away


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("fault", ["503", "429", "lost"])
def test_alerts_go_on_while_elasticsearch_takes_nothing_and_it_catches_up(
    elasticsearch: Server,
    state: AlertState,
    opened: Opened,
    client: Elasticsearch,
    url: str,
    fault: str,
) -> None:
    namespace = url.partition("?")[2]
    with FaultProxy(elasticsearch.address) as proxy:
        mirror = opened(f"{proxy.url}/?{namespace}", timeout=4.0)
        mirror.start()
        proxy.fault = fault
        tell(state, "s1")
        mirror.look()
        wait_until(lambda: proxy.met > 0)
        began = time.monotonic()
        for number in range(2, 22):
            tell(state, f"s{number}")
            mirror.look()
        assert time.monotonic() - began < 3.0, "the alerts waited for Elasticsearch"
        proxy.release()

        def caught_up() -> bool:
            mirror.look()
            return len(shown(client, url)) == 21

        wait_until(caught_up, seconds=30.0)


def test_an_outage_is_said_once_and_tried_ever_less(
    state: AlertState, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(0.0)
    mirror = opened("http://127.0.0.1:9/?namespace=away", clock=clock)
    tell(state, "s1")
    with pytest.raises(StoreUnavailable, match="refused"):
        mirror.turn()
    tries = 0
    for second in range(600):
        clock.now = float(second)
        if clock.now >= mirror._not_before:
            mirror._guarded_turn()
            tries += 1
    assert 600 / LONGEST_PAUSE <= tries <= 20
    said = capsys.readouterr().out
    assert said.count("[warning") == 1
    assert "alerts are not shown in Kibana for now" in said


def test_closing_waits_for_no_server(
    elasticsearch: Server, state: AlertState, opened: Opened, url: str
) -> None:
    with FaultProxy(elasticsearch.address) as proxy:
        mirror = opened(f"{proxy.url}/?{url.partition('?')[2]}", timeout=20.0)
        mirror.start()
        proxy.fault = "lost"
        tell(state, "s1")
        mirror.look()
        wait_until(lambda: proxy.met > 0)
        began = time.monotonic()
        mirror.close(patience=0.2)
        assert time.monotonic() - began < 1.0
        proxy.release()


def test_a_bug_in_one_turn_ends_no_mirror(
    state: AlertState,
    opened: Opened,
    client: Elasticsearch,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(0.0)
    mirror = opened(clock=clock)
    mirror.start()
    tell(state, "s1")
    met: list[int] = []

    def broken(*_: object) -> dict[str, Any]:
        met.append(1)
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(mirror_module, "alert_document", broken)
        mirror.look()
        wait_until(lambda: bool(met) and mirror._not_before > 0)
    clock.now = LONGEST_PAUSE + 1
    mirror.look()
    wait_until(lambda: client.indices.exists(index=index(url)) and len(shown(client, url)) == 1)


# The index


def test_prepare_makes_the_index_and_sees_that_it_is_right(url: str, client: Elasticsearch) -> None:
    # A lifecycle would delete it; and this node has none, so that asking for one would fail.
    made = AlertIndex(url, ElasticsearchSettings(retention_days=400, shards=2))
    assert made.prepare() == [f"index {index(url)}: created"]
    assert made.prepare() == [f"index {index(url)}: is there"]
    assert made.ready() == made.ready()
    about = client.indices.get(index=index(url))[index(url)]
    assert about["mappings"]["_meta"]["layout"] == LAYOUT
    assert "lifecycle" not in about["settings"]["index"]
    assert about["settings"]["index"]["number_of_shards"] == "2"
    made.close()


def test_an_index_of_an_older_version_gets_the_new_fields_and_all_alerts_anew(
    state: AlertState, opened: Opened, client: Elasticsearch, url: str
) -> None:
    older = strict_mapping([field for field in FIELDS if field.name != "delay"])
    meta = {"product": "detente", "layout": "of old", "version": "0.0.1"}
    client.indices.create(index=index(url), mappings={**older, "_meta": meta}, settings=ANALYSIS)
    tell(state, "s1")
    state.mark(numbers(state, "s1"), "sent", sent=AT + 5)
    assert opened().turn() == 1
    assert shown(client, url)["visas.s1"]["delay"] == 5.0
    about = client.indices.get_mapping(index=index(url))[index(url)]["mappings"]
    assert about["_meta"]["layout"] == LAYOUT
    assert opened().turn() == 0


ANALYSIS = {"analysis": {"analyzer": {"news_english": {"type": "english", "stopwords": "_none_"}}}}


def test_an_index_that_cant_be_brought_up_to_date_may_be_deleted(
    url: str, client: Elasticsearch
) -> None:
    properties = {"subscription": {"type": "long"}}
    meta = {"product": "detente", "layout": "of old", "version": "0.0.1"}
    client.indices.create(
        index=index(url), mappings={"_meta": meta, "properties": properties}, settings=ANALYSIS
    )
    made = AlertIndex(url, NO_SETTINGS)
    for attempt in (made.prepare, made.ready):
        with pytest.raises(ConfigError, match="delete it: it is written anew from the alerts' own"):
            attempt()
    client.indices.delete(index=index(url))
    assert made.prepare() == [f"index {index(url)}: created"]
    made.close()


def test_an_index_of_somebody_else_is_left_alone(url: str, client: Elasticsearch) -> None:
    client.indices.create(index=index(url))
    made = AlertIndex(url, NO_SETTINGS)
    for attempt in (made.prepare, made.ready):
        with pytest.raises(ConfigError, match="wasn't made by Détente"):
            attempt()
    client.indices.delete(index=index(url))
    client.indices.create(index=f"{index(url)}-of-others", aliases={index(url): {}})
    with pytest.raises(ConfigError, match="wasn't made by Détente"):
        made.ready()
    made.close()


class MayNot(Serving):
    """An Elasticsearch that has no index, and lets nobody make one."""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        said = b'{"error": {"type": "security_exception", "reason": "unauthorized"}, "status": 403}'
        status = 404 if request.command in ("HEAD", "GET") else 403
        product = {"X-Elastic-Product": "Elasticsearch", "content_type": "application/json"}
        reply(request, status, said, **product)


def test_who_may_not_make_the_index_is_told_what_it_takes() -> None:
    with MayNot() as server:
        made = AlertIndex(f"{server.address}/?namespace=staging", NO_SETTINGS)
        with pytest.raises(ConfigError) as refused:
            made.prepare()
        made.close()
    (problem,) = refused.value.problems
    assert "may not make the index 'staging-alerts' (security_exception: unauthor" in problem
    assert problem.endswith("give the user the privileges manage, index and read on it")


# The stage


SUBSCRIPTIONS = """
[destinations.desk]
webhook = "http://127.0.0.1:9/nobody"
[[subscriptions]]
id = "visas"
query = "visas"
to = ["desk"]
"""


@pytest.mark.parametrize("with_elasticsearch", [True, False])
def test_the_stage_mirrors_its_alerts_where_the_store_is_elasticsearch(
    tmp_path: Path,
    file: str,
    url: str,
    client: Elasticsearch,
    monkeypatch: pytest.MonkeyPatch,
    with_elasticsearch: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "subscriptions.toml").write_text(SUBSCRIPTIONS, "utf-8")
    store = {"store": url} if with_elasticsearch else {}
    settings = load_settings(environ={}, alerts=file, **store)
    with ExitStack() as stack:
        stage = opened_stage("alerts", settings, stack)
        later = NOON + timedelta(days=10_000)
        title = "Moscow and Washington agree on visas"
        stage.handle([article("a1", title, first_seen=later)])
    with closing(sqlite3.connect(tmp_path / "alerts.sqlite")) as kept:
        tables = {name for (name,) in kept.execute("SELECT name FROM sqlite_master")}
    assert ("uncopied" in tables) is with_elasticsearch
    if with_elasticsearch:
        (found,) = shown(client, url).values()
        assert (found["subscription"], found["title"]) == ("visas", title)
        assert found["second_toward_first"] == 0.5
    else:
        with pytest.raises(NotFoundError):
            shown(client, url)
