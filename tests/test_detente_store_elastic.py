"""Elasticsearch keeps the contract of the article store, and what is its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from detente.errors import ConfigError, StoreUnavailable
from detente.newsroom import load_mastheads
from detente.settings import ElasticsearchSettings
from detente.store.base import ArticleStore, Query
from detente.store.elastic import ElasticStore
from detente.store.elastic_client import parse_address
from detente.store.mapping import LAYOUT, WORDS, index_settings
from detente.store.sqlite import SqliteStore
from tests.contracts.store import EPOCH, NewUrl, StoreContract, document, eventually
from tests.faultproxy import FaultProxy
from tests.servers import Server, namespaces


class TestElasticStore(StoreContract):
    @pytest.fixture(scope="class")
    @classmethod
    def new_store_url(cls, elasticsearch: Server) -> Iterator[NewUrl]:
        with namespaces(elasticsearch.address) as new_url:
            yield new_url


@pytest.fixture
def url(elasticsearch: Server) -> Iterator[str]:
    with namespaces(elasticsearch.address) as new_url:
        yield new_url()


@pytest.fixture
def store(url: str) -> Iterator[ElasticStore]:
    store = ElasticStore(url)
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def client(elasticsearch: Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(f"http://{elasticsearch.address}") as client:
        yield client


def library() -> list[dict[str, Any]]:
    """The sample newsroom's articles, in English and Russian, as documents."""
    return [
        document(
            f"{masthead.slug}-{number:03}",
            title=article.first.title,
            body=str(article.first),
            source=f"{masthead.slug}.example",
            first_seen=EPOCH + timedelta(hours=7 * number),
        )
        for masthead in load_mastheads()
        for number, article in enumerate(masthead.articles)
    ]


def test_every_search_finds_what_the_embedded_store_finds(
    store: ElasticStore, tmp_path: Path
) -> None:
    """Words, prefixes and phrases drawn from the articles themselves, alone and combined."""
    embedded = SqliteStore(f"sqlite:///{tmp_path}/articles.sqlite")
    embedded.prepare()
    documents = library()
    for each in (store, embedded):
        assert {outcome.result for outcome in each.put(documents)} == {"written"}
    eventually(store, Query(), len(documents))
    chance = random.Random(20261126)
    texts = [given["body"] for given in documents]
    found = 0
    for number in range(400):
        words = chance.choice(texts).split()
        at = chance.randrange(len(words))
        one, other = words[at], chance.choice(chance.choice(texts).split())
        text = (
            one,
            f"{one[: chance.randint(1, 6)]}*",
            '"' + " ".join(words[at : at + chance.randint(2, 4)]).replace('"', "") + '"',
            f"{one} OR {other}",
            f"{one} NOT {other}",
            f"({one} OR {other}*) {chance.choice(words)}",
        )[number % 6]
        results = [answer(each, text) for each in (store, embedded)]
        assert results[0] == results[1], text
        found += len(results[0])
    assert found > 1_000
    for by in ("source", "first_seen", "published", "relevance"):
        assert list(store.count(Query(), by=by)) == list(embedded.count(Query(), by=by))
    embedded.close()


def answer(store: ArticleStore, text: str) -> list[str]:
    try:
        return [found["id"] for found in store.search(Query(text=text, size=200)).documents]
    except ConfigError as error:
        return [str(error)]


def test_more_than_the_server_gives_at_once_is_paged_through(store: ElasticStore) -> None:
    minute = timedelta(minutes=1)
    many = [document(f"n{n:05}", first_seen=EPOCH + minute * (n // 3)) for n in range(10_050)]
    for start in range(0, len(many), 2_500):
        assert {o.result for o in store.put(many[start : start + 2_500])} == {"written"}
    eventually(store, Query(), len(many))
    page = store.search(Query(size=20_000))
    ids = [found["id"] for found in page.documents]
    assert len(ids) == len(set(ids)) == page.total == len(many)
    assert page.next is None


def test_a_month_is_an_index_and_the_alias_has_them_all(
    store: ElasticStore, client: Elasticsearch
) -> None:
    store.put([document("a"), document("b", first_seen=EPOCH + timedelta(days=40))])
    generation = store.indices.targets().current
    held = client.indices.get(index=store.alias)
    assert {f"{generation}-2026.03", f"{generation}-2026.04"} <= set(held)
    for about in held.values():
        assert about["mappings"]["_meta"]["layout"] == LAYOUT
        assert about["mappings"]["dynamic"] == "strict"
        assert about["settings"]["index"]["refresh_interval"] == "1s"
    # A month that the server makes by itself, from the template, is the same.
    client.index(index=f"{generation}-2031.01", id="x", document={"title": "By hand"})
    made = client.indices.get(index=f"{generation}-2031.01")[f"{generation}-2031.01"]
    assert made["mappings"] == next(iter(held.values()))["mappings"]
    assert store.alias in made["aliases"]


def test_people_can_search_in_both_languages_in_kibana(
    store: ElasticStore, client: Elasticsearch
) -> None:
    store.put([document("a", title="Sanctioned banks", body="Переговоры в Москве.")])
    eventually(store, Query(), 1)
    for query in ("title:sanction", "words:переговорам", "sanction", "переговорам"):
        hits = client.search(index=store.alias, q=query, lenient=True)["hits"]["hits"]
        assert [hit["_id"] for hit in hits] == ["a"], query
        assert WORDS not in hits[0]["_source"]


def test_prepare_by_many_at_once_is_harmless(url: str) -> None:
    stores = [ElasticStore(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda store: store.prepare(), stores))
    for store in stores:
        store.check()
        store.close()


def test_an_unprepared_store_says_what_to_do(url: str) -> None:
    store = ElasticStore(url)
    with pytest.raises(ConfigError, match="run `detente prepare`"):
        store.check()
    with pytest.raises(StoreUnavailable, match="run `detente prepare`"):
        store.put([document("a")])
    store.close()


def test_indices_of_somebody_else_are_left_alone(url: str, client: Elasticsearch) -> None:
    store = ElasticStore(url)
    index = f"{store.alias}-of-others"
    client.indices.create(index=index, aliases={store.alias: {}})
    for attempt in (store.check, store.prepare):
        with pytest.raises(ConfigError, match="which Détente didn't make"):
            attempt()
    client.indices.delete(index=index)
    client.indices.create(index=f"{store.alias}-g1-2026.01", aliases={store.alias: {}})
    for attempt in (store.check, store.prepare):
        with pytest.raises(ConfigError, match="wasn't made by Détente"):
            attempt()
    store.close()


def test_another_layout_is_refused_until_it_is_rebuilt(
    store: ElasticStore, client: Elasticsearch
) -> None:
    store.put([document("a")])
    for index in client.indices.get(index=store.alias):
        meta = {"product": "detente", "layout": "of old", "version": "0.0.1"}
        client.indices.put_mapping(index=index, meta=meta)
    for attempt in (store.check, store.prepare):
        with pytest.raises(ConfigError, match=r"layout of old.*run `detente reindex`"):
            attempt()
    told = store.rebuild(lambda documents: documents, lambda done: None)
    assert told[-1].endswith("`detente reindex --drop` deletes it")
    store.check()
    assert (store.get("a") or {})["id"] == "a"
    dropped = store.drop_old()
    assert dropped
    assert all("-g1-" in name for name in dropped)
    assert store.drop_old() == []
    assert (store.get("a") or {})["id"] == "a"


def test_an_alias_is_swapped_with_no_gap_for_readers_or_writers(
    store: ElasticStore, url: str
) -> None:
    """A writer and a reader go on all the while, through two rebuilds."""
    store.put([document(f"old-{n:03}") for n in range(300)])
    eventually(store, Query(), 300)
    over = threading.Event()
    written: list[str] = []
    counts: list[int] = []
    failed: list[BaseException] = []

    def write() -> None:
        with_own = ElasticStore(url)
        number = 0
        while not over.is_set():
            ids = [f"new-{number + n:04}" for n in range(5)]
            edit = document(f"old-{number % 300:03}", revision=2, title="Edited")
            outcomes = with_own.put([*(document(id) for id in ids), edit])
            assert {outcome.result for outcome in outcomes} == {"written"}
            written.extend(ids)
            number += 5
        with_own.close()

    def read() -> None:
        with_own = ElasticStore(url)
        while not over.is_set():
            counts.append(with_own.search(Query(size=1)).total)
        with_own.close()

    def guarded(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (write, read)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        store.rebuild(lambda documents: documents, lambda done: None)
    time.sleep(0.5)
    over.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(written) > 50
    assert counts == sorted(counts), "readers saw documents go"
    eventually(store, Query(), 300 + len(written))
    edited = store.search(Query(text="edited", size=1_000))
    assert {found["revision"] for found in edited.documents} == {2}
    assert edited.total == min(300, len({n % 300 for n in range(0, len(written), 5)}))


def test_a_mapping_error_costs_one_document(store: ElasticStore, client: Elasticsearch) -> None:
    """An index whose mapping someone has tampered with refuses what it doesn't know."""
    generation = store.indices.targets().current
    index = f"{generation}-2026.03"
    mapping = next(iter(client.indices.get_mapping(index=store.alias).values()))
    del mapping["mappings"]["properties"]["kind"]
    client.indices.delete_index_template(name=str(generation))
    client.indices.create(
        index=index,
        mappings=mapping["mappings"],
        settings=index_settings(ElasticsearchSettings(), store.alias),
        aliases={store.alias: {}},
    )
    outcomes = store.put([document("a"), document("b", kind="wire"), document("c")])
    assert [outcome.result for outcome in outcomes] == ["written", "rejected", "written"]
    assert "kind" in (outcomes[1].reason or "")


def test_what_only_an_operator_can_end_is_waited_for(
    store: ElasticStore, client: Elasticsearch
) -> None:
    store.put([document("a")])
    index = store.indices.targets().current.month("2026-03")
    client.indices.close(index=index)
    with pytest.raises(StoreUnavailable):
        store.put([document("a", revision=2)])
    client.indices.open(index=index)
    client.indices.put_settings(index=index, settings={"index.blocks.write": True})
    with pytest.raises(StoreUnavailable, match="1 of 1 documents weren't taken"):
        store.put([document("a", revision=2)])
    client.indices.put_settings(index=index, settings={"index.blocks.write": None})
    assert [outcome.result for outcome in store.put([document("a", revision=2)])] == ["written"]


def test_a_server_in_trouble_is_told_apart_from_a_document_at_fault(
    elasticsearch: Server, url: str
) -> None:
    namespace = url.partition("?")[2]
    with FaultProxy(elasticsearch.address) as proxy:
        settings = ElasticsearchSettings(timeout=1.0)
        store = ElasticStore(f"{proxy.url}/?{namespace}", settings)
        store.prepare()
        for fault, said in (("429", "429"), ("503", "503"), ("lost", "no answer in time")):
            proxy.fault = fault
            with pytest.raises(StoreUnavailable, match=said):
                store.put([document("a"), document("b")])
            proxy.release()
        proxy.fault = "partial"
        many = [document(f"n{n}") for n in range(9)]
        assert {outcome.result for outcome in store.put(many)} == {"written"}
        assert proxy.met >= 3, "the rest was not sent again"
        proxy.fault = "413"
        assert {outcome.result for outcome in store.put(many)} == {"written"}
        proxy.fault = None
        store.close()


def test_a_server_that_is_away_is_waited_for(store: ElasticStore) -> None:
    away = ElasticStore("http://127.0.0.1:9/?namespace=away")
    for attempt in (
        lambda: away.put([document("a")]),
        lambda: away.get("a"),
        lambda: away.search(Query()),
        lambda: away.count(Query()),
    ):
        with pytest.raises(StoreUnavailable, match="refused"):
            attempt()
    with pytest.raises(ConfigError, match="can't be reached"):
        away.check()
    away.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        away.get("a")


def test_retention_needs_a_server_that_has_lifecycles(url: str) -> None:
    store = ElasticStore(url, ElasticsearchSettings(retention_days=400))
    with pytest.raises(ConfigError, match="takes no lifecycle policy"):
        store.prepare()
    store.close()


@pytest.mark.parametrize(
    ("given", "address", "alias"),
    [
        ("https://es", "https://es:9200", "detente-articles"),
        ("http://es:9201/?namespace=staging", "http://es:9201/", "staging-articles"),
        ("https://host/es", "https://host:443/es", "detente-articles"),
        ("https://user:secret@[::1]:9200", "https://[::1]:9200", "detente-articles"),
    ],
)
def test_addresses(given: str, address: str, alias: str) -> None:
    assert parse_address(given) == (address, alias)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("https://", "write https://host"),
        ("https://host?index=x", "write https://host"),
        ("https://host:port", "port"),
        ("https://host?namespace=Big", "small letters"),
        ("https://host?namespace=", "small letters"),
    ],
)
def test_an_address_that_names_no_store(given: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ElasticStore(given)
