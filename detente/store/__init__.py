"""The store seam: `open_store` gives the backend that a URL names."""

from __future__ import annotations

from detente.errors import ConfigError
from detente.settings import ElasticsearchSettings, redact
from detente.store.base import ArticleStore


def open_store(url: str, elasticsearch: ElasticsearchSettings | None = None) -> ArticleStore:
    """Open the article store at `url`; `elasticsearch` says how one of that kind is reached.

    Raises ConfigError when no backend answers to the URL.
    """
    if url.startswith("sqlite://"):
        from detente.store.sqlite import SqliteStore

        return SqliteStore(url)
    if url.startswith(("https://", "http://")):
        from detente.store.elastic import ElasticStore

        return ElasticStore(url, elasticsearch)
    raise ConfigError(
        f"store = {redact(url)!r}: no such store; there are sqlite:///path and https://host:9200"
    )
