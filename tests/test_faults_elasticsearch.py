"""Fault matrix: Elasticsearch killed, blocked, overworked, and answering strangely."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tests import servers
from tests.faultproxy import FaultProxy
from tests.faults import Truth, assert_as_undisturbed, deployed, needs_polls, under_load
from tests.servers import Server
from tests.whole import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_polls]


@pytest.fixture
def node() -> Iterator[Server]:
    """One of its own, to be killed."""
    with servers.running(servers.elasticsearch) as node:
        yield node


def test_a_node_in_trouble(truth: Truth, node: Server, kafka: Server, tmp_path: Path) -> None:
    with FaultProxy(node.address) as proxy:
        bus = f"kafka://{kafka.address}/?namespace=elasticsearch-faults"
        store = f"{proxy.url}/?namespace=faulty"
        with under_load(truth, lambda feed: deployed(tmp_path, feed, bus, store)) as run:
            for fault, what in (
                ("429", "Elasticsearch answers 429"),
                ("503", "Elasticsearch answers 503"),
                ("lost", "Elasticsearch writes, and its answers are lost"),
                ("partial", "Elasticsearch takes two documents of three"),
            ):
                met = proxy.met
                with run.fault(what):
                    proxy.fault = fault
                    run.more_polls(4)
                    time.sleep(2.0)
                    proxy.release()
                assert proxy.met > met, f"{fault} was never met"
            with run.fault("Elasticsearch refuses requests as too large"):
                proxy.fault = "503"  # so that several documents wait
                run.more_polls(4)
                met, proxy.fault = proxy.met, "413"
                until(lambda: proxy.met > met, 30, "a request refused as too large")
                run.more_polls(2)
                proxy.release()
            with run.fault("Elasticsearch's disk is full (flood stage)"):
                block(node, True)
                run.more_polls(4)
                time.sleep(2.0)
                block(node, None)
            with run.fault("Elasticsearch killed and started again"):
                node.kill()
                time.sleep(2.0)
                node.start()
        assert_as_undisturbed(truth, run)
        assert not run.processes.ended, "a stage died of it"


def block(node: Server, on: bool | None) -> None:
    """What a node does to its indices when its disk is nearly full."""
    with Elasticsearch(f"http://{node.address}") as client:
        client.indices.put_settings(
            index="faulty-articles-*", settings={"index.blocks.read_only_allow_delete": on}
        )
