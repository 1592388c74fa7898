"""The stages of one process: engines opened, a thread each, stopped together."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from detente.cli.context import opened_bus, opened_store
from detente.errors import RetryLater
from detente.flow import ROUTES
from detente.lock import StateLock
from detente.runner import Stage, run_stage

if TYPE_CHECKING:
    from collectors.catalog import Feed
    from collectors.status import PollEvent
    from detente.alerts.mirror import Mirror
    from detente.bus.base import Bus
    from detente.settings import Settings
    from detente.store.base import Document

PATIENCE = 3.5
"""Seconds that a stop waits for the batches in hand."""

_TICK = 0.1
_LAG_SHARE = 0.05
"""Of the time, at most so much goes into asking for the lag: a cluster answers it over the network,
and may be slow to."""


class Observer(Protocol):
    """Is told what happens; called from any thread."""

    def polled(self, event: PollEvent) -> None: ...

    def stored(self, document: Document) -> None: ...

    def tick(self, lag: dict[str, int]) -> None: ...


class Pipeline:
    """Some or all stages over the engines that the settings name."""

    def __init__(
        self,
        settings: Settings,
        stages: Sequence[str],
        stop: threading.Event,
        observer: Observer,
        *,
        once: bool = False,
        feeds: Sequence[Feed] | None = None,
    ) -> None:
        self._settings = settings
        self._stages = stages
        self._stop = stop
        self._observer = observer
        self._once = once
        self._feeds = feeds
        self._failures: list[BaseException] = []

    def run(self) -> None:
        """Run until stopped, or with `once` until all is handled; raises what failed a stage."""
        with ExitStack() as stack:
            bus = stack.enter_context(opened_bus(self._settings))
            jobs = {name: self._job(name, bus, stack) for name in self._stages}
            threads = {
                name: threading.Thread(target=self._guarded, args=(job,), name=name, daemon=True)
                for name, job in jobs.items()
            }
            for thread in threads.values():
                thread.start()
            try:
                self._watch_over(bus, threads)
            finally:
                self._stop.set()
                _join(threads)
        if self._failures:
            raise self._failures[0]

    def _watch_over(self, bus: Bus, threads: dict[str, threading.Thread]) -> None:
        lag: dict[str, int] = {}
        next_look = 0.0
        while not self._stop.wait(_TICK):
            collecting = "collectors" in threads and threads["collectors"].is_alive()
            if (began := time.monotonic()) >= next_look:
                # After `collecting`, so that what was published last is counted.
                lag = lag_of(bus, self._stages)
                ended = time.monotonic()
                next_look = ended + (ended - began) / _LAG_SHARE
                if self._once and not collecting and not any(lag.values()):
                    return
            self._observer.tick(lag)

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            self._failures.append(error)
            self._stop.set()

    def _job(self, name: str, bus: Bus, stack: ExitStack) -> Callable[[], None]:
        if name == "collectors":
            return self._collectors(bus)
        stage = opened_stage(name, self._settings, stack, self._observer.stored)
        return lambda: run_stage(stage, bus, self._settings.runner, self._stop)

    def _collectors(self, bus: Bus) -> Callable[[], None]:
        from collectors.catalog import load_catalogue
        from collectors.stage import collect

        feeds = load_catalogue(self._settings.feeds) if self._feeds is None else self._feeds
        return lambda: collect(
            self._settings,
            feeds,
            bus,
            stop=self._stop,
            on_event=self._observer.polled,
            rounds=1 if self._once else None,
        )


def lag_of(bus: Bus, stages: Sequence[str]) -> dict[str, int]:
    """How many records each of these stages has before it, upstream first: in that order a record
    that moves on meanwhile is counted, perhaps twice, never missed. -1 where the bus can't tell."""
    lag = {}
    for route in ROUTES:
        if route.stage in stages and route.topic_in and route.group:
            try:
                lag[route.stage] = bus.lag(route.topic_in, route.group)
            except RetryLater:
                lag[route.stage] = -1
    return lag


def opened_stage(
    name: str,
    settings: Settings,
    stack: ExitStack,
    on_stored: Callable[[Document], None] | None = None,
) -> Stage[Any]:
    """`processors`, `indexer` or `alerts` for the runner; what they write to is closed with the
    stack."""
    if name == "processors":
        from processors.stage import processor_stage

        return processor_stage(settings)
    from detente.watch import load_watch

    if name == "alerts":
        return _alerts(settings, stack, load_watch(settings.watch).codes)
    from indexer.stage import indexer_stage

    store = stack.enter_context(opened_store(settings))
    return indexer_stage(store, load_watch(settings.watch).codes, on_stored)


def _alerts(settings: Settings, stack: ExitStack, sides: tuple[str, str]) -> Stage[Any]:
    from detente.alerts.destinations import Channel, open_channel
    from detente.alerts.dispatch import Dispatcher
    from detente.alerts.file import SubscriptionFile
    from detente.alerts.stage import Alerts, alerts_stage
    from detente.alerts.state import AlertState
    from detente.alerts.subscription import Subscriptions

    def channels_of(read: Subscriptions) -> dict[str, Channel]:
        return {name: open_channel(one) for name, one in read.destinations.items()}

    def look() -> None:
        if (changed := file.changed()) is not None:
            dispatcher.use(changed.subscriptions, channels_of(changed))
            alerts.use(changed.subscriptions)
        alerts.look()
        if mirror is not None:
            mirror.look()

    file = SubscriptionFile(settings.subscriptions)
    stack.enter_context(StateLock(settings.alerts, "process of alerts", "alerts"))
    state = AlertState(settings.alerts)
    stack.callback(state.close)
    mirror = _mirror(settings, stack, sides)
    subscriptions, news = file.read.subscriptions, threading.Event()
    alerts = Alerts(state, subscriptions, sides, on_told=news.set)
    dispatcher = Dispatcher(state, subscriptions, channels_of(file.read), news=news, look=look)
    stack.callback(dispatcher.close)
    dispatcher.start()
    return alerts_stage(alerts)


def _mirror(settings: Settings, stack: ExitStack, sides: tuple[str, str]) -> Mirror | None:
    """Copies the alerts beside the articles, where these are in Elasticsearch. To be called when
    the alerts' file is there."""
    if not settings.store.startswith(("https://", "http://")):
        return None
    from detente.alerts.mirror import Mirror

    mirror = Mirror(settings.alerts, settings.store, settings.elasticsearch, sides)
    stack.callback(mirror.close)
    mirror.start()
    return mirror


def _join(threads: dict[str, threading.Thread]) -> None:
    """Wait for the batches in hand. One that takes too long (a single article may be a book) is
    left uncommitted: it will be delivered again."""
    deadline = time.monotonic() + PATIENCE
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            log = structlog.get_logger("detente.pipeline")
            log.warning("a batch takes too long; it will be delivered again", stage=name)


class Stop(threading.Event):
    """What the stages look at; `signalled` says that it was a signal that set it."""

    signalled = False


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """An event that SIGINT and SIGTERM set; a second signal of them ends the process at once."""
    stop = Stop()

    def on_signal(number: int, frame: object) -> None:
        stop.signalled = True
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
