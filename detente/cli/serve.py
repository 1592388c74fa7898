"""`detente serve`: the dashboard."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.context import load, opened_bus, opened_state, opened_store

if TYPE_CHECKING:
    from fastapi import FastAPI

    from detente.bus.base import Bus
    from detente.dashboard.ports import Ports, Source
    from detente.settings import Settings
    from detente.store.base import ArticleStore
    from detente.way import Way

_SOURCES_FOR = 5.0
"""Seconds that what is known of the sources is shown again before they are read anew."""


def serve(
    context: typer.Context,
    listen: Annotated[
        str | None, typer.Option(help="Where; 127.0.0.1:8090 by default (dashboard.listen).")
    ] = None,
    hash_password: Annotated[
        bool, typer.Option("--hash-password", help="Make the hash of a password, and end.")
    ] = False,
) -> None:
    """Serve the dashboard until stopped."""
    from detente.dashboard.server import run_server

    if hash_password:
        from detente.dashboard.passwords import hashed

        asked = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        typer.echo(hashed(asked))
        return
    settings = load(context)
    if listen is not None:
        settings = load(context, dashboard={"listen": listen})
    with dashboard(settings) as app:
        run_server(app, settings.dashboard.listen, typer.echo)


def serve_beside(settings: Settings, stack: ExitStack) -> None:
    """Serve the dashboard from a thread, until the stack is closed. Raises ConfigError."""
    from detente.dashboard.server import beside

    app = stack.enter_context(dashboard(settings))
    address = stack.enter_context(beside(app, settings.dashboard.listen))
    typer.echo(f"Dashboard: {address}")


@contextmanager
def dashboard(settings: Settings) -> Iterator[FastAPI]:
    """The application over the engines that the settings name."""
    from detente.dashboard.app import create_app
    from detente.dashboard.security import check_binding

    check_binding(settings.dashboard)
    with opened_ports(settings) as ports:
        yield create_app(ports, settings.dashboard)


@contextmanager
def opened_ports(settings: Settings) -> Iterator[Ports]:
    """What the dashboard, and a brief, read from."""
    from detente.alerts.reading import StoryReader
    from detente.alerts.state import AlertState
    from detente.dashboard.ports import Ports
    from detente.watch import load_watch

    with ExitStack() as stack:
        alerts = AlertState(settings.alerts)
        stack.callback(alerts.close)
        stories = StoryReader(settings.alerts)
        stack.callback(stories.close)
        store = stack.enter_context(opened_store(settings))
        bus = stack.enter_context(opened_bus(settings))
        yield Ports(
            store=store,
            stories=stories,
            alerts=alerts,
            sources=CatalogueSources(settings),
            pipeline=LogPipeline(settings, bus, store),
            watch=load_watch(settings.watch),
            subscriptions=settings.subscriptions,
            corrections=settings.dashboard.corrections,
        )


class CatalogueSources:
    """`detente.dashboard.ports.Sources` over the catalogue and the collectors' state."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._read: tuple[float, Sequence[Source]] = (0.0, ())

    def all(self) -> Sequence[Source]:
        with self._lock:
            at, found = self._read
            if not at or monotonic() - at > _SOURCES_FOR:
                self._read = (monotonic(), found := self._all())
        return found

    def _all(self) -> Sequence[Source]:
        from collectors.catalog import load_catalogue
        from collectors.coverage import is_blind
        from collectors.status import PollState
        from detente.cli.feeds import feed_statuses
        from detente.dashboard.ports import Source

        if not self._settings.feeds.exists():
            return ()  # a dashboard may stand beside the store alone
        feeds = {feed.id: feed for feed in load_catalogue(self._settings.feeds)}
        return tuple(
            Source(
                feed=one.feed,
                outlet=one.outlet,
                url=one.url,
                kind=feeds[one.feed].kind or "",
                country=feeds[one.feed].country or "",
                language=feeds[one.feed].language or "",
                state=str(one.state),
                message=one.message,
                enabled=feeds[one.feed].enabled,
                blind=feeds[one.feed].enabled and is_blind(one),
                since=one.since,
                last_poll=one.last_poll,
                next_poll=one.next_poll,
                last_new=one.last_new,
                articles=one.articles,
                stale=one.state is PollState.STALE,
            )
            for one in feed_statuses(self._settings)
            if one.feed in feeds  # who edits the catalogue just now may have added one
        )

    def polls(self, feed: str) -> Sequence[Mapping[str, Any]]:
        with opened_state(self._settings) as state:
            row = state.rows().get(feed)
        return [
            {"at": datetime.fromtimestamp(note.at, UTC), "state": str(note.state), "new": note.new}
            for note in reversed(row.history if row else ())
        ]

    def add(self, url: str) -> str:
        from collectors.catalog import add_feeds
        from detente.cli.catalogue import checked_feed
        from detente.errors import ConfigError

        added = add_feeds(self._settings.feeds, [checked_feed(self._settings, url)])
        if not added:
            raise ConfigError(f"feeds: {url} is in the catalogue already")
        self._read_again()
        return added[0].id

    def add_all(self, opml: bytes) -> int:
        from collectors.catalog import add_feeds
        from collectors.opml import import_opml

        added = add_feeds(self._settings.feeds, import_opml(opml))
        self._read_again()
        return len(added)

    def pause(self, feed: str) -> None:
        from collectors.editing import set_enabled

        set_enabled(self._settings.feeds, feed, enabled=False)
        self._read_again()

    def resume(self, feed: str) -> None:
        from collectors.editing import set_enabled

        set_enabled(self._settings.feeds, feed, enabled=True)
        self._read_again()

    def remove(self, feed: str) -> None:
        from collectors.editing import remove_feed

        remove_feed(self._settings.feeds, feed)
        self._read_again()

    def _read_again(self) -> None:
        with self._lock:
            self._read = (0.0, ())

    def opml(self) -> bytes:
        from collectors.catalog import load_catalogue
        from collectors.opml import export_opml

        return export_opml(load_catalogue(self._settings.feeds))


class LogPipeline:
    """`detente.dashboard.ports.Pipeline` over the bus."""

    def __init__(self, settings: Settings, bus: Bus, store: ArticleStore) -> None:
        self._settings = settings
        self._bus = bus
        self._store = store

    def lag(self) -> Mapping[str, int]:
        from detente.cli.pipeline import lag_of
        from detente.flow import ROUTES

        return lag_of(self._bus, [route.stage for route in ROUTES])

    def dead(self) -> Sequence[Mapping[str, Any]]:
        from detente.deadletters import list_dead_letters

        letters = list_dead_letters(self._bus)
        return [
            {"id": it.id, "stage": it.stage, "key": it.key, "reason": it.reason, "at": it.at}
            for it in reversed(letters)
        ]

    def replay(self, ids: Sequence[str]) -> int:
        from detente import deadletters

        letters = [it for it in deadletters.list_dead_letters(self._bus) if it.id in ids]
        return deadletters.replay(self._bus, letters)

    def way(self, article: str) -> Way:
        from detente.cli.trace import way_of

        return way_of(self._settings, self._bus, self._store, article)
