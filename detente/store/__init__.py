"""The store seam: `open_store` gives the backend that a URL names."""

from __future__ import annotations

from detente.errors import ConfigError
from detente.settings import redact
from detente.store.base import ArticleStore


def open_store(url: str) -> ArticleStore:
    """Open the article store at `url`. Raises ConfigError when no backend answers to the URL."""
    if url.startswith("sqlite://"):
        from detente.store.sqlite import SqliteStore

        return SqliteStore(url)
    raise ConfigError(
        f"store = {redact(url)!r}: no such store here; sqlite:///path is the one there is"
    )
