"""What the commands share: the settings, and the engines that they name, opened when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collectors.feedstate import FeedState
    from detente.bus.base import Bus
    from detente.settings import Settings
    from detente.store.base import ArticleStore

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Context:
    """The options that stand before the command."""

    settings_file: Path | None = None


def load(context: typer.Context, **overrides: Any) -> Settings:
    """The settings, with logging set up. Raises ConfigError."""
    from detente.settings import load_settings
    from detente.telemetry import configure_logging

    settings = load_settings(context.obj.settings_file, **overrides)
    configure_logging(settings.log_level, settings.log_format)
    return settings


@contextmanager
def opened_bus(settings: Settings) -> Iterator[Bus]:
    from detente.bus import open_bus

    bus = open_bus(settings.bus, retention=settings.retention_days * _DAY, kafka=settings.kafka)
    try:
        bus.check()
        yield bus
    finally:
        bus.close()


@contextmanager
def opened_store(settings: Settings) -> Iterator[ArticleStore]:
    from detente.store import open_store

    store = open_store(settings.store, settings.elasticsearch)
    try:
        store.check()
        yield store
    finally:
        store.close()


@contextmanager
def opened_state(settings: Settings) -> Iterator[FeedState]:
    """What the collectors remember, to be read: of this machine, or of all that share the feeds."""
    from collectors.feedstate import FeedState
    from collectors.sharing import read_state
    from detente.flow import COLLECTORS, FEED_STATE

    with ExitStack() as stack:
        shared = None
        if not settings.bus.startswith("sqlite://"):
            bus = stack.enter_context(opened_bus(settings))
            shared = bus.partitioned_state(FEED_STATE, COLLECTORS)
        if shared is None:
            state = FeedState(settings.state)
        else:
            stack.callback(shared.close)
            scratch = stack.enter_context(TemporaryDirectory(prefix="detente-"))
            state = read_state(shared, Path(scratch) / "feeds.sqlite")
        stack.callback(state.close)
        yield state
