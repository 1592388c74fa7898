"""The bus seam: `open_bus` gives the backend that a URL names."""

from __future__ import annotations

from detente.bus.base import Bus
from detente.bus.sqlite import SqliteBus
from detente.errors import ConfigError
from detente.settings import redact


def open_bus(url: str, *, retention: float | None = None) -> Bus:
    """Open the bus at `url`; `retention` (seconds) bounds an embedded log.

    Raises ConfigError when no backend answers to the URL.
    """
    if url.startswith("sqlite://"):
        return SqliteBus(url, retention=retention)
    raise ConfigError(
        f"bus = {redact(url)!r}: no such bus here; sqlite:///path is the one there is"
    )
