from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detente.errors import ConfigError, StoreUnavailable
from detente.store import open_store
from detente.store.base import Query
from tests.contracts.store import NewUrl, StoreContract, document


class TestSqliteStore(StoreContract):
    @pytest.fixture(scope="class")
    @classmethod
    def new_store_url(cls, tmp_path_factory: pytest.TempPathFactory) -> NewUrl:
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('store')}/articles.sqlite"


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/articles.sqlite")
    store.prepare()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.put([document("a")])
    with pytest.raises(StoreUnavailable, match="closed"):
        store.search(Query())


def test_an_unprepared_store_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/articles.sqlite")
    with pytest.raises(StoreUnavailable, match="documents"):
        store.get("a")
    store.close()


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "articles.sqlite"
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(ConfigError, match="layout 99"):
        store.prepare()
    store.close()


def test_a_failed_batch_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/articles.sqlite")
    store.prepare()
    store._connection.execute("DROP TABLE words")  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        store.put([document("a"), document("b")])
    assert store.get("a") is None
    store.close()


@pytest.mark.parametrize("url", ["sqlite://", "mongodb://x", "ftp://user:secret@host:9200"])
def test_an_address_that_names_no_store(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert "sqlite:///" in str(caught.value)
    assert "secret" not in str(caught.value)
