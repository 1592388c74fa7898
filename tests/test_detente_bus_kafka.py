"""Kafka keeps the contract of the bus, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.bus import TOPIC, BusContract
from tests.servers import Server, topics


class TestKafkaBus(BusContract):
    @pytest.fixture
    def bus_url(self, kafka: Server) -> Iterator[str]:
        with topics(kafka, {TOPIC: 3, "contract.other": 2}) as url:
            yield url
