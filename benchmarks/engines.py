"""`make bench-engines`: our publishing, consuming and indexing against the bare clients.

One run against the same broker and the same node; each pair is measured in turns, several times,
and the ratio is of the medians. Starts the servers of `tests/services` unless addresses are given.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elasticsearch.helpers import parallel_bulk
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata

from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import Record
from detente.bus.kafka import KafkaBus
from detente.newsroom import load_mastheads
from detente.store.analysis import term_text
from detente.store.base import Document, Query
from detente.store.elastic import ElasticStore
from detente.store.fields import TEXT_FIELDS, normalised
from detente.store.mapping import WORDS
from detente.wire import decode, encode
from tests import servers
from tests.articles import assessed, collected
from tests.supervised import Supervised
from tests.whole import Deployment

ROUNDS = 5
TARGET = 0.8
CHUNK = 500


@dataclass(frozen=True)
class Pair:
    """Records or documents a second, ours and bare, in turns."""

    name: str
    ours: Sequence[float]
    bare: Sequence[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.bare)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", help="a broker's host:port; else one is started")
    parser.add_argument("--elasticsearch", help="a node's host:port; else one is started")
    parser.add_argument("--records", type=int, default=20_000, help="a round (default: 20000)")
    options = parser.parse_args()
    with running(options) as (kafka, elasticsearch):
        pairs = [
            *bus_pairs(kafka, options.records),
            *indexing_pairs(elasticsearch, options.records // 4),
        ]
        delays = end_to_end(kafka, elasticsearch)
        speeds = processors_side_by_side(kafka)
    print(f"{'a second':<34}{'ours':>10}{'bare':>10}{'ratio':>8}")
    for pair in pairs:
        ours, bare = statistics.median(pair.ours), statistics.median(pair.bare)
        print(f"{pair.name:<34}{ours:>10,.0f}{bare:>10,.0f}{pair.ratio:>8.2f}")
    print(f"target: {TARGET}, but for the last, where the bare client has less to index\n")
    for name, values in delays.items():
        cuts = statistics.quantiles(values, n=100)
        print(f"{name:<34}p50 {cuts[49]:.2f} s   p99 {cuts[98]:.2f} s   ({len(values)} articles)")
    print()
    for number, speed in speeds.items():
        print(f"{number} processor{'s' if number > 1 else ' '}   {speed:>6.1f} articles/s")
    print(f"speed-up of two against one: {speeds[2] / speeds[1]:.2f}")
    return 0 if all(pair.ratio >= TARGET for pair in pairs[:-1]) else 1


@contextmanager
def running(options: Any) -> Iterator[tuple[str, str]]:
    with ExitStack() as stack:

        def address(given: str | None, start: Callable[[], servers.Server]) -> str:
            return given or stack.enter_context(servers.running(start)).address

        yield (
            address(options.kafka, servers.kafka),
            address(options.elasticsearch, servers.elasticsearch),
        )


# Publishing and consuming


def bus_pairs(kafka: str, number: int) -> list[Pair]:
    records = [Record(f"a{n:06}", value) for n, value in enumerate(messages(number))]
    publish_ours, publish_bare, consume_ours, consume_bare = [], [], [], []
    small_ours, small_bare = [], []
    few = records[: number // 4]
    for _ in range(ROUNDS):
        names = ("bench", "bench-bare", "small", "small-bare")
        with servers.topics(kafka, dict.fromkeys(names, 4)) as url:
            bare, small_bare_topic = (f"{namespace_of(url)}.{name}" for name in names[1::2])
            bus = KafkaBus(url)
            producer = bare_producer(kafka)
            bus.publish("bench", records[:10])  # connected, and its partitions known
            send(producer, bare, records[:10])
            publish_ours.append(rate(number, lambda b=bus: bus_publish(b, "bench", records, CHUNK)))
            publish_bare.append(
                rate(number, lambda p=producer, n=bare: bare_publish(p, n, records, CHUNK))
            )
            small_ours.append(rate(len(few), lambda b=bus: bus_publish(b, "small", few, 32)))
            small_bare.append(
                rate(len(few), lambda p=producer, n=small_bare_topic: bare_publish(p, n, few, 32))
            )
            consume_ours.append(rate(number, lambda b=bus: bus_consume(b, "bench", number)))
            consume_bare.append(rate(number, lambda n=bare: bare_consume(kafka, n, number)))
            producer.close()
            bus.close()
    return [
        Pair(f"publish, {CHUNK} at a time", publish_ours, publish_bare),
        Pair("publish, 32 at a time", small_ours, small_bare),
        Pair("consume and commit", consume_ours, consume_bare),
    ]


def namespace_of(url: str) -> str:
    return url.partition("namespace=")[2]


def messages(number: int) -> list[bytes]:
    """Collected articles as they travel, of the sample newsroom's lengths."""
    written = [article.first for one in load_mastheads() for article in one.articles]
    return [
        encode(
            collected(
                f"a{n:06}",
                title=f"{written[n % len(written)].title} ({n})",
                body="\n".join(written[n % len(written)].paragraphs),
            )
        )
        for n in range(number)
    ]


def bus_publish(bus: KafkaBus, topic: str, records: Sequence[Record], chunk: int) -> None:
    for start in range(0, len(records), chunk):
        bus.publish(topic, records[start : start + chunk])


def bare_publish(
    producer: KafkaProducer, topic: str, records: Sequence[Record], chunk: int
) -> None:
    for start in range(0, len(records), chunk):
        send(producer, topic, records[start : start + chunk])


def send(producer: KafkaProducer, topic: str, records: Sequence[Record]) -> None:
    for record in records:
        producer.send(topic, record.value, key=record.key.encode())
    producer.flush()


def bare_producer(kafka: str) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=kafka,
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        linger_ms=5,
        batch_size=256 * 1024,
        max_request_size=5_000_000,
    )


def bus_consume(bus: KafkaBus, topic: str, number: int) -> None:
    subscription = bus.subscribe(topic, "bench")
    seen = 0
    while seen < number:
        deliveries = subscription.poll(CHUNK, 1.0)
        subscription.commit(deliveries)
        seen += len(deliveries)
    subscription.close()


def bare_consume(kafka: str, topic: str, number: int) -> None:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=250,
    )
    seen = 0
    while seen < number:
        found = consumer.poll(timeout_ms=1_000, max_records=CHUNK)
        if found:
            consumer.commit(
                {place: OffsetAndMetadata(got[-1].offset + 1) for place, got in found.items()}
            )
        seen += sum(map(len, found.values()))
    consumer.close()


# Indexing


def indexing_pairs(elasticsearch: str, number: int) -> list[Pair]:
    """Once against documents that have the terms of our search in them, too, as ours get; once
    against documents without."""
    documents = stored_documents(number)
    with_terms = [
        {**document, WORDS: [term_text(document[name]) for name in TEXT_FIELDS]}
        for document in documents
    ]
    ours, bare, bare_without = [], [], []
    for turn in range(ROUNDS + 1):
        rates = [
            indexed(elasticsearch, lambda store: index_ours(store, documents), number),
            indexed(elasticsearch, lambda store: index_bare(store, with_terms), number),
            indexed(elasticsearch, lambda store: index_bare(store, documents), number),
        ]
        if turn:  # the first warms the server up
            for found, measured in zip((ours, bare, bare_without), rates, strict=True):
                found.append(measured)
    return [
        Pair("index", ours, bare),
        Pair("index, bare without our terms", ours, bare_without),
    ]


def indexed(elasticsearch: str, work: Callable[[ElasticStore], None], number: int) -> float:
    with servers.namespaces(elasticsearch) as new_url:
        store = ElasticStore(new_url())
        store.prepare()
        store.put([assessed_document()])  # the month's index is there
        measured = rate(number, lambda: work(store))
        store.close()
    return measured


def stored_documents(number: int) -> list[Document]:
    from detente.document import article_document

    documents = []
    for n, message in enumerate(messages(number)):
        article = decode(message, CollectedArticle)
        judged = assessed(f"a{n:06}", title=article.title, body=article.body)
        documents.append(normalised(article_document(judged, ("USA", "RUS"))))
    return documents


def assessed_document() -> Document:
    from detente.document import article_document

    return normalised(article_document(assessed("first"), ("USA", "RUS")))


def index_ours(store: ElasticStore, documents: Sequence[Document]) -> None:
    assert {outcome.result for outcome in store.put(documents)} == {"written"}


def index_bare(store: ElasticStore, documents: Sequence[Document]) -> None:
    index = store.indices.targets().current.month(documents[0]["first_seen"])
    actions = (
        {
            "_index": index,
            "_id": document["id"],
            "_version": document["revision"],
            "_version_type": "external_gte",
            "_source": document,
        }
        for document in documents
    )
    for done, _ in parallel_bulk(store.client, actions, chunk_size=CHUNK):
        assert done


# The whole way


def end_to_end(kafka: str, elasticsearch: str, number: int = 300) -> dict[str, list[float]]:
    """Seconds from publishing an article until a search finds it, through processors and indexer
    with the model that judges by cue words; ten articles a second."""
    stages = ("processors", "indexer")
    with (
        servers.namespaces(elasticsearch) as new_url,
        deployed(kafka, new_url(), "keyword", stages) as deployment,
    ):
        bus, store = open_bus(deployment.bus_url), ElasticStore(deployment.store_url)
        published: dict[str, float] = {}
        found: dict[str, float] = {}
        over = threading.Event()

        def look() -> None:
            while not over.is_set() and len(found) < number:
                page = store.search(Query(size=number))
                now = time.monotonic()
                for document in page.documents:
                    found.setdefault(str(document["id"]), now)
                time.sleep(0.02)

        wait_for_first(bus, store)
        looking = threading.Thread(target=look)
        looking.start()
        for n in range(number):
            id = f"e{n:04}"
            published[id] = time.monotonic()
            bus.publish("articles.collected", [Record(id, encode(collected(id)))])
            time.sleep(0.1)
        looking.join(30.0)
        over.set()
        bus.close()
        store.close()
    delays = [found[id] - at for id, at in published.items() if id in found]
    assert len(delays) == number, "not all were found"
    return {"published until searchable": delays}


def wait_for_first(bus: Any, store: ElasticStore) -> None:
    bus.publish("articles.collected", [Record("warm", encode(collected("warm")))])
    deadline = time.monotonic() + 60.0
    while store.get("warm") is None:
        assert time.monotonic() < deadline, "nothing goes through"
        time.sleep(0.1)


def processors_side_by_side(kafka: str, number: int = 160) -> dict[int, float]:
    """Articles a second of one and of two processors, a thread of the shipped model each."""
    speeds = {}
    values = messages(number)
    for processes in (1, 2):
        stages = ("processors", "processors-2")[:processes]
        with deployed(kafka, "", "shipped", stages) as deployment:
            bus = open_bus(deployment.bus_url)
            time.sleep(8.0)  # loaded, and the partitions shared out
            bus.publish(
                "articles.collected", [Record(f"a{n:06}", value) for n, value in enumerate(values)]
            )
            began = time.monotonic()
            while bus.lag("articles.collected", "processors"):
                time.sleep(0.05)
            speeds[processes] = number / (time.monotonic() - began)
            bus.close()
    return speeds


@contextmanager
def deployed(kafka: str, store: str, model: str, stages: Sequence[str]) -> Iterator[Deployment]:
    """These stages, each a process of one thread, on topics of their own; without a `store`, on an
    embedded one."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = Deployment(
            Path(folder),
            "",
            model=model,
            bus=f"kafka://{kafka}/?namespace=b{uuid.uuid4().hex[:10]}",
            store=store,
            settings={
                "DETENTE_PROCESSORS__THREADS": "1",
                "DETENTE_RUNNER__POLL_TIMEOUT": "0.1",
            },
        )
        deployment.prepare()
        with Supervised(deployment, *stages):
            yield deployment


def rate(number: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return number / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
