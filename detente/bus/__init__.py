"""The bus seam: `open_bus` gives the backend that a URL names."""

from __future__ import annotations

from detente.bus.base import Bus
from detente.bus.sqlite import SqliteBus
from detente.errors import ConfigError
from detente.settings import KafkaSettings, redact


def open_bus(
    url: str, *, retention: float | None = None, kafka: KafkaSettings | None = None
) -> Bus:
    """Open the bus at `url`; `retention` (seconds) bounds an embedded log, `kafka` says how a
    cluster is reached.

    Raises ConfigError when no backend answers to the URL.
    """
    if url.startswith("sqlite://"):
        return SqliteBus(url, retention=retention)
    if url.startswith("kafka://"):
        from detente.bus.kafka import KafkaBus

        return KafkaBus(url, kafka)
    raise ConfigError(
        f"bus = {redact(url)!r}: no such bus; there are sqlite:///path and kafka://host:9092"
    )
