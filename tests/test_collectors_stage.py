"""Polls in trouble: faults of ours, pages that don't come, a state or a clock that is not right."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

import collectors.pages
import collectors.poll
import collectors.polling
import collectors.reading
import collectors.stage
from collectors.feedstate import FeedState
from collectors.pages import HOST_IN_TROUBLE
from collectors.parse import parse_feed
from collectors.plan import FeedRow
from collectors.reading import Reading
from collectors.stage import collect
from collectors.status import PollEvent, PollState
from detente.bus import open_bus
from detente.bus.base import Bus, Record
from detente.bus.sqlite import SqliteBus
from detente.deadletters import read_all
from detente.errors import StoreUnavailable
from detente.flow import COLLECTED
from detente.settings import Settings
from tests.feeds import item, rss
from tests.httpserver import HttpServer, Reply, in_turn
from tests.test_collectors_polls import (
    PAGE,
    SUMMARY,
    bus,
    document,
    feed,
    poll,
    published,
    server,
    settings,
)

__all__ = ["bus", "server", "settings"]  # fixtures
HTML = {"Content-Type": "text/html"}


def summaries(*links: str) -> Reply:
    items = [item(n, title=f"Talks {n}", text=SUMMARY, link=link) for n, link in enumerate(links)]
    return Reply(body=rss(*items))


def page(number: int) -> Reply:
    return Reply(body=PAGE.format(title=f"Talks {number}").encode(), headers=HTML)


def row_of(settings: Settings, id: str = "one") -> FeedRow:
    state = FeedState(settings.state)
    try:
        return state.rows()[id]
    finally:
        state.close()


# Pages


def test_a_host_that_wants_peace_uses_up_no_tries(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    """The page comes after more polls than there are tries, since none of them asked for it."""
    server.handlers["/one"] = summaries(server.url("/page", "localhost"))
    server.handlers["/page"] = in_turn(Reply(429, headers={"Retry-After": "60"}), page(0))
    one = feed(server, full_text="auto")
    poll(settings, bus, one, rounds=6)
    assert len(server.asked("/page")) == 1
    with sqlite3.connect(settings.state.removeprefix("sqlite:///")) as db:
        db.execute("DELETE FROM hosts")  # the minute has passed
    db.close()
    poll(settings, bus, one)
    assert [(a.revision, a.text_origin) for a in published(bus)] == [(1, "summary"), (2, "page")]
    poll(settings, bus, one)
    assert len(server.asked("/page")) == 2


def test_a_host_in_trouble_is_not_asked_for_all_its_pages_at_once(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    count = HOST_IN_TROUBLE + 4
    server.handlers["/one"] = summaries(*(server.url(f"/page{n}") for n in range(count)))
    for number in range(count):
        server.handlers[f"/page{number}"] = Reply(500)
    poll(settings, bus, feed(server, full_text="auto"))
    assert sum("/page" in request.path for request in server.requests) == HOST_IN_TROUBLE
    for number in range(count):
        server.handlers[f"/page{number}"] = page(number)
    poll(settings, bus, feed(server, full_text="auto"))
    origins = [article.text_origin for article in published(bus)]
    assert sorted(origins) == ["page"] * count + ["summary"] * count


def test_one_poll_fetches_so_many_pages_and_the_next_the_rest(
    settings: Settings, bus: Bus, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors.pages, "MAX_PAGES", 2)
    server.handlers["/one"] = summaries(*(server.url(f"/page{n}") for n in range(5)))
    for number in range(5):
        server.handlers[f"/page{number}"] = page(number)
    counts = []
    for _ in range(4):
        poll(settings, bus, feed(server, full_text="auto"))
        counts.append(sum("/page" in request.path for request in server.requests))
    assert counts == [2, 4, 5, 5]
    last = {article.id: article.text_origin for article in published(bus)}
    assert set(last.values()) == {"page"}


def test_a_summary_never_takes_the_place_of_a_page_that_is_only_away(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    link = server.url("/page")
    changed = Reply(body=rss(item(0, title="Talks 0", text=SUMMARY + " It rained.", link=link)))
    server.handlers["/one"] = in_turn(summaries(link), changed)
    server.handlers["/page"] = in_turn(page(0), Reply(500), Reply(500), page(0))
    poll(settings, bus, feed(server, full_text="auto"), rounds=5)
    assert [(a.revision, a.text_origin) for a in published(bus)] == [(1, "page")]
    assert len(server.asked("/page")) == 4, "and it is asked for until it is back"


def test_pages_are_not_fetched_where_the_settings_say_so(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = summaries(server.url("/page"))
    own = settings.collectors.model_copy(update={"fetch_pages": False})
    poll(settings.model_copy(update={"collectors": own}), bus, feed(server, full_text="page"))
    assert server.asked("/page") == []
    assert [article.text_origin for article in published(bus)] == ["summary"]


@pytest.mark.parametrize("blocked", ["parse_feed", "extract_page"])
def test_what_takes_for_ever_to_read_keeps_no_other_feed_waiting(
    settings: Settings,
    bus: Bus,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    blocked: str,
) -> None:
    ended = threading.Event()
    module = collectors.poll if blocked == "parse_feed" else collectors.pages
    as_it_was: Callable[..., object] = getattr(module, blocked)

    def reader(body: bytes, *arguments: object, **named: object) -> object:
        if b"hostile" in body:
            ended.wait(30)
        return as_it_was(body, *arguments, **named)

    monkeypatch.setattr(module, blocked, reader)
    monkeypatch.setattr(collectors.reading, "READ_TIMEOUT", 0.3)
    hostile = Reply(body=PAGE.format(title="hostile").encode(), headers=HTML)
    ids = [f"bad{n}" for n in range(4)]
    for id in ids:
        server.handlers[f"/page-{id}"] = hostile
        if blocked == "parse_feed":
            server.handlers[f"/{id}"] = Reply(body=rss(item(title="hostile")))
        else:
            server.handlers[f"/{id}"] = summaries(server.url(f"/page-{id}"))
    feeds = [feed(server, id, full_text="auto") for id in ids]
    try:
        events = poll(settings, bus, *feeds)
        if blocked == "parse_feed":
            assert {event.state for event in events} == {PollState.PARSE_ERROR}
            assert all("parsing takes longer" in event.message for event in events)
        else:
            assert [article.text_origin for article in published(bus)] == ["summary"] * 4
        server.handlers["/one"] = document("As ever")
        assert poll(settings, bus, feed(server))[0].state is PollState.WORKING
    finally:
        ended.set()


# Faults of ours


def test_a_fault_of_ours_costs_one_feed_one_poll(
    settings: Settings, bus: Bus, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_was = parse_feed

    def parse(body: bytes, **named: Any) -> object:
        if b"trips it" in body:
            raise ZeroDivisionError("oh")
        return as_it_was(body, **named)

    monkeypatch.setattr(collectors.poll, "parse_feed", parse)
    server.handlers["/one"] = in_turn(document("This trips it"), document("This doesn't"))
    server.handlers["/two"] = Reply(body=rss(item("untouched")))
    states = {event.feed: event for event in poll(settings, bus, feed(server), feed(server, "two"))}
    assert states["one"].state is PollState.INTERNAL
    assert states["one"].message == "a fault in Détente: ZeroDivisionError: oh"
    assert states["two"].state is PollState.WORKING
    assert row_of(settings).failures == 1
    (event,) = poll(settings, bus, feed(server))
    assert (event.state, event.new) == (PollState.WORKING, 1)


def test_a_stop_is_heeded_at_the_very_moment_that_a_document_is_read() -> None:
    """`asyncio.wait_for` would give the result, forget the stop, and poll on for ever."""
    read = threading.Event()

    async def run() -> bool:
        reading = Reading()
        task = asyncio.ensure_future(reading.run(read.set))
        await asyncio.sleep(0)
        assert read.wait(10)
        time.sleep(0.05)  # the result is on its way into the loop, which stands still
        task.cancel()
        await asyncio.wait({task})
        reading.close()
        return task.cancelled()

    assert asyncio.run(run())


def test_a_task_that_does_not_heed_a_stop_does_not_hold_it_up(
    settings: Settings, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors.stage, "_LONGEST_END", 0.1)

    async def deaf(*_: object) -> None:
        for _attempt in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    monkeypatch.setattr(collectors.polling.Polling, "poll_all", deaf)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    collect(settings, [], bus, stop=stop)
    assert time.monotonic() - began < 3.0


def test_a_state_that_is_away_is_waited_for(
    settings: Settings, bus: Bus, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shaky(FeedState):
        asked: ClassVar = 0

        def has_pages_to_retry(self, feed: str) -> bool:
            Shaky.asked += 1
            if Shaky.asked <= 3:
                raise StoreUnavailable("a full disk", after=0.01)
            return super().has_pages_to_retry(feed)

    monkeypatch.setattr(collectors.stage, "FeedState", Shaky)
    server.handlers["/one"] = document("Patience")
    with pytest.raises(StoreUnavailable):
        poll(settings, bus, feed(server))
    stop, events = threading.Event(), list[PollEvent]()

    def on_event(event: PollEvent) -> None:
        events.append(event)
        stop.set()

    collect(settings, [feed(server, interval=60.0)], bus, stop=stop, on_event=on_event)
    assert [event.new for event in events] == [1]
    assert len(server.requests) == 1


def test_an_error_of_the_listener_ends_it(settings: Settings, bus: Bus, server: HttpServer) -> None:
    def listener(event: PollEvent) -> None:
        raise LookupError("no screen")

    server.handlers["/one"] = server.handlers["/two"] = document("Told to nobody")
    with pytest.raises(LookupError):
        collect(
            settings,
            [feed(server), feed(server, "two")],
            bus,
            stop=threading.Event(),
            on_event=listener,
        )


class Stuck(SqliteBus):
    """Fails in a way that no bus should, or doesn't come back, before it appends."""

    def __init__(self, url: str, hangs: bool) -> None:
        super().__init__(url)
        self.begun, self.released = threading.Event(), threading.Event()
        self._hangs = hangs

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        if not self.released.is_set():
            self.begun.set()
            if not self._hangs:
                raise ZeroDivisionError("\ud800")
            self.released.wait(30)
        super().publish(topic, records)


def test_a_fault_in_the_bus_loses_nothing(settings: Settings, server: HttpServer) -> None:
    server.handlers["/one"] = document("Held up")
    bus = Stuck(settings.bus, hangs=False)
    first = poll(settings, bus, feed(server))
    assert [event.state for event in first] == [PollState.INTERNAL]
    assert published(bus) == []
    bus.released.set()
    assert poll(settings, bus, feed(server))[0].state is PollState.UNCHANGED
    assert [article.title for article in published(bus)] == ["Held up"]
    bus.close()


def test_a_bus_that_hangs_does_not_hold_up_a_stop(
    settings: Settings, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collectors.polling, "PATIENCE", 0.1)
    server.handlers["/one"] = document("Slow", "Slower")
    bus, stop = Stuck(settings.bus, hangs=True), threading.Event()
    threading.Timer(0.5, stop.set).start()
    collect(settings, [feed(server)], bus, stop=stop)
    assert bus.begun.is_set()
    bus.released.set()
    again = open_bus(settings.bus)
    poll(settings, again, feed(server))
    records = {(one.key, one.value) for one in read_all(again, COLLECTED, "test")}
    assert len(records) == 2, "whatever was published twice is the same"
    again.close()
    bus.close()


def test_two_feeds_that_show_an_article_at_once_publish_it_once(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    ids = ["one", "two", "three", "four"]
    for id in ids:
        server.handlers[f"/{id}"] = document("In all", "In all, too")
    events = poll(settings, bus, *(feed(server, id) for id in ids))
    assert sorted((event.new, event.seen) for event in events) == [(0, 2), (0, 2), (0, 2), (2, 0)]
    assert len(published(bus)) == 2
