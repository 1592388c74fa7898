"""Fault matrix: Kafka killed, frozen, and fed with what nobody can handle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from detente.bus import open_bus
from detente.bus.base import Record
from detente.deadletters import list_dead_letters
from detente.errors import OversizedRecord
from detente.flow import ASSESSED, COLLECTED
from detente.wire import encode
from tests import servers
from tests.articles import collected
from tests.faults import Truth, assert_as_undisturbed, deployed, needs_polls, under_load
from tests.servers import Server, namespaces

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_polls]

HUGE = 20_000_000


@pytest.fixture
def broker() -> Iterator[Server]:
    """One of its own, to be killed."""
    with servers.running(servers.kafka) as broker:
        yield broker


def test_a_broker_killed_and_out_of_reach(
    truth: Truth, broker: Server, elasticsearch: Server, tmp_path: Path
) -> None:
    with namespaces(elasticsearch.address) as new_url:
        bus, store = f"kafka://{broker.address}/", new_url()
        with under_load(truth, lambda feed: deployed(tmp_path, feed, bus, store)) as run:
            with run.fault("broker killed and started again"):
                broker.kill()
                time.sleep(2.0)
                broker.start()
            with run.fault("broker out of reach for 60 s"):
                broker.freeze()
                time.sleep(60.0)
                broker.thaw()
        assert_as_undisturbed(truth, run)
        assert not run.processes.ended, "a stage died of it"


def test_messages_that_nobody_can_handle(
    truth: Truth, broker: Server, elasticsearch: Server, tmp_path: Path
) -> None:
    with namespaces(elasticsearch.address) as new_url:
        bus, store = f"kafka://{broker.address}/", new_url()
        with under_load(truth, lambda feed: deployed(tmp_path, feed, bus, store)) as run:
            with run.fault("poison messages"):
                poison(bus)
            with run.fault("messages of 20 MB"):
                send_huge(bus, broker)
        assert_as_undisturbed(truth, run, dead=6)
        assert not run.processes.ended, "a stage died of it"
    opened = open_bus(bus)
    letters = {letter.key: letter for letter in list_dead_letters(opened)}
    opened.close()
    assert "JSON is malformed" in letters["garbage"].reason
    assert "schema 99" in letters["tomorrow"].reason
    assert "'CollectedArticle' where 'AssessedArticle' belongs" in letters["misplaced"].reason
    assert letters["huge-garbage"].truncated_from == HUGE
    assert "more" in letters["huge-article"].reason or "at most" in letters["huge-article"].reason
    assert all(letter.place.startswith("articles.") for letter in letters.values())


def poison(url: str) -> None:
    bus = open_bus(url)
    bus.publish(COLLECTED, [Record("garbage", b"\x00\xff not JSON"), Record("empty", b"")])
    bus.publish(COLLECTED, [Record("tomorrow", b'{"schema":99,"type":"X","message":{}}')])
    bus.publish(ASSESSED, [Record("misplaced", encode(collected("misplaced")))])
    bus.close()


def send_huge(url: str, broker: Server) -> None:
    """Our bus refuses to; another tool may send it, to a topic that someone has opened wide."""
    article = encode(collected("huge-article", body="word " * (HUGE // 5)))
    bus = open_bus(url)
    with pytest.raises(OversizedRecord):
        bus.publish(COLLECTED, [Record("huge-article", article)])
    bus.close()
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        wide = {"max.message.bytes": str(2 * HUGE)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, COLLECTED, wide)])
    with KafkaProducer(bootstrap_servers=broker.address, max_request_size=2 * HUGE) as producer:
        for key, value in ((b"huge-article", article), (b"huge-garbage", b"x" * HUGE)):
            producer.send(COLLECTED, value, key=key).get(timeout=30)
