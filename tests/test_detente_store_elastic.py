"""Elasticsearch keeps the contract of the article store, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.store import NewUrl, StoreContract
from tests.servers import Server, namespaces


class TestElasticStore(StoreContract):
    @pytest.fixture(scope="class")
    @classmethod
    def new_store_url(cls, elasticsearch: Server) -> Iterator[NewUrl]:
        with namespaces(elasticsearch) as new_url:
            yield new_url
