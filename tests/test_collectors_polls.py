"""Whole polls: real HTTP in, messages on a real log out, and the state that advances in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collectors.catalog import Feed
from collectors.feedstate import FeedState
from collectors.stage import collect
from collectors.status import PollEvent, PollState
from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import Bus, Record
from detente.bus.sqlite import SqliteBus
from detente.deadletters import list_dead_letters, read_all
from detente.errors import BusUnavailable, ConfigError
from detente.flow import COLLECTED
from detente.settings import Settings, load_settings
from detente.wire import decode
from tests.feeds import item, rss
from tests.httpserver import Connection, HttpServer, Reply, in_turn

LONG = "The delegations met in Geneva and agreed to meet again in a month. " * 30
SUMMARY = "The delegations met in Geneva."
PAGE = (
    "<html><head><title>{title}</title></head><body><article><h1>{title}</h1>"
    + "<p>" + "</p><p>".join([LONG[:700]] * 3) + "</p></article></body></html>"
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environ={},
        bus=f"sqlite:///{tmp_path}/bus.sqlite",
        state=f"sqlite:///{tmp_path}/feeds.sqlite",
        collectors={"allow_loopback": True, "host_spacing": 0.0, "timeout": 5.0},
        runner={"attempts": 2},
    )


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def bus(settings: Settings) -> Iterator[Bus]:
    bus = open_bus(settings.bus)
    yield bus
    bus.close()


def feed(server: HttpServer, id: str = "one", **changes: Any) -> Feed:
    made = Feed(id=id, url=server.url(f"/{id}"), outlet=id.title(), full_text="feed", interval=0.01)
    return replace(made, **changes)


def poll(settings: Settings, bus: Bus, *feeds: Feed, rounds: int = 1) -> list[PollEvent]:
    events: list[PollEvent] = []
    collect(settings, feeds, bus, stop=threading.Event(), on_event=events.append, rounds=rounds)
    return events


def published(bus: Bus) -> list[CollectedArticle]:
    return [decode(one.value, CollectedArticle) for one in read_all(bus, COLLECTED, "test")]


def document(*titles: str, text: str = LONG) -> Reply:
    items = [item(n, title=title, text=text) for n, title in enumerate(titles)]
    return Reply(body=rss(*items), headers={"Content-Type": "application/rss+xml"})


def test_new_changed_and_seen(settings: Settings, bus: Bus, server: HttpServer) -> None:
    server.handlers["/one"] = in_turn(
        document("A first", "A second"),
        document("A first", "A second"),
        document("A first, corrected", "A second"),
    )
    events = poll(settings, bus, feed(server), rounds=3)
    assert [(e.new, e.changed, e.seen) for e in events] == [(2, 0, 0), (0, 0, 0), (0, 1, 1)]
    assert events[1].state is PollState.UNCHANGED
    articles = published(bus)
    assert [(a.title, a.revision) for a in articles] == [
        ("A second", 1),
        ("A first", 1),
        ("A first, corrected", 2),
    ]
    assert articles[1].id == articles[2].id
    assert articles[1].first_seen == articles[2].first_seen < articles[2].collected
    assert poll(settings, bus, feed(server))[0].new == 0, "a new start remembers"


class Faulty(SqliteBus):
    """Breaks on the publications of these numbers: before appending, or after (the ack is lost)."""

    def __init__(self, url: str, *, before: Sequence[int] = (), after: Sequence[int] = ()) -> None:
        super().__init__(url)
        self.calls = 0
        self._before, self._after = before, after

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        self.calls += 1
        if self.calls in self._before:
            raise BusUnavailable("out of order", after=0.01)
        super().publish(topic, records)
        if self.calls in self._after:
            raise BusUnavailable("the acknowledgement got lost", after=0.01)


def test_state_advances_only_after_the_acknowledgement(
    settings: Settings, server: HttpServer
) -> None:
    """Both tries fail: nothing is remembered but the plan, and the next start carries it out."""
    server.handlers["/one"] = in_turn(document("As it was"), document("As it is now"))
    broken = Faulty(settings.bus, before=(1, 2))
    with pytest.raises(BusUnavailable):
        poll(settings, broken, feed(server))
    state = FeedState(settings.state)
    assert state.rows() == {}
    assert [plan.feed.feed for plan in state.pending()] == ["one"]
    assert state.article_counts() == {}
    state.close()
    assert published(broken) == []
    broken.close()

    sound = open_bus(settings.bus)
    poll(settings, sound, feed(server))
    titles = [(article.title, article.revision) for article in published(sound)]
    assert titles == [("As it was", 1), ("As it is now", 2)]
    sound.close()


def test_a_lost_acknowledgement_repeats_the_very_same_bytes(
    settings: Settings, server: HttpServer
) -> None:
    server.handlers["/one"] = document("Only once")
    bus = Faulty(settings.bus, after=(1,))
    assert poll(settings, bus, feed(server))[0].new == 1
    first, second = read_all(bus, COLLECTED, "test")
    assert (first.key, first.value) == (second.key, second.value)
    bus.close()


def test_without_rounds_an_unavailable_bus_is_tried_until_it_works(
    settings: Settings, server: HttpServer
) -> None:
    server.handlers["/one"] = document("Patience")
    bus, stop = Faulty(settings.bus, before=range(1, 6)), threading.Event()
    collect(settings, [feed(server)], bus, stop=stop, on_event=lambda event: stop.set())
    assert [article.title for article in published(bus)] == ["Patience"]
    bus.close()


def test_an_article_too_large_for_the_bus_is_parked_and_the_rest_goes_on(
    settings: Settings, server: HttpServer
) -> None:
    bus = SqliteBus(settings.bus, max_record_bytes=20_000)
    big = [item(0, title="Small", text=LONG), item(1, title="Too large", text=LONG * 20)]
    server.handlers["/one"] = Reply(body=rss(*big))
    (event,) = poll(settings, bus, feed(server))
    assert (event.new, event.dead) == (2, 1)
    assert [article.title for article in published(bus)] == ["Small"]
    (letter,) = list_dead_letters(bus)
    assert letter.stage == "collectors"
    assert "the bus carries at most 20,000" in letter.reason
    assert poll(settings, bus, feed(server))[0].dead == 0, "it isn't parked again at every poll"
    bus.close()


def test_an_article_of_two_feeds_is_one_and_belongs_to_the_first(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = document("In both")
    server.handlers["/two"] = document("In both, with another summary")
    poll(settings, bus, feed(server, "one"))
    (event,) = poll(settings, bus, feed(server, "two"))
    assert (event.new, event.changed, event.seen) == (0, 0, 1)
    (article,) = published(bus)
    assert article.source.feed == "one"
    state = FeedState(settings.state)
    trace = state.trace(article.url)
    assert trace is not None
    assert list(trace.shown_by) == ["one", "two"]
    state.close()


def test_a_summary_brings_its_page(settings: Settings, bus: Bus, server: HttpServer) -> None:
    link = server.url("/page")
    body = rss(item(0, title="Talks in Geneva", text=SUMMARY, link=link))
    server.handlers["/one"] = Reply(body=body)
    server.handlers["/page"] = Reply(
        body=PAGE.format(title="Talks in Geneva").encode(), headers={"Content-Type": "text/html"}
    )
    poll(settings, bus, feed(server, full_text="auto"))
    (article,) = published(bus)
    assert article.text_origin == "page"
    assert article.body.count("agreed to meet again") >= 10
    assert not article.body.startswith("Talks in Geneva"), "the headline isn't a part of the text"
    poll(settings, bus, feed(server, full_text="auto"))
    assert len(server.asked("/page")) == 1, "a page is fetched once"


def test_a_failing_page_is_tried_again_and_then_let_be(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    link = server.url("/page")
    body = rss(item(0, title="Talks in Geneva", text=SUMMARY, link=link))
    server.handlers["/one"] = Reply(body=body, headers={"ETag": '"1"'})
    server.handlers["/page"] = Reply(status=500)
    poll(settings, bus, feed(server, full_text="auto"), rounds=6)
    assert len(server.asked("/page")) == 4
    (article,) = published(bus)
    assert (article.text_origin, article.body) == ("summary", SUMMARY)


def test_a_page_that_comes_late_is_a_revision(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    link = server.url("/page")
    body = rss(item(0, title="Talks in Geneva", text=SUMMARY, link=link))
    server.handlers["/one"] = Reply(body=body)
    page = PAGE.format(title="Talks in Geneva").encode()
    good = Reply(body=page, headers={"Content-Type": "text/html"})
    server.handlers["/page"] = in_turn(Reply(status=500), good)
    poll(settings, bus, feed(server, full_text="auto"), rounds=3)
    assert [(a.revision, a.text_origin, a.change) for a in published(bus)] == [
        (1, "summary", None),
        (2, "page", "text"),
    ]


def test_a_moved_feed_is_asked_at_its_new_address(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = Reply(status=301, headers={"Location": "/there"})
    server.handlers["/there"] = document("Moved along")
    events = poll(settings, bus, feed(server), rounds=3)
    assert [event.state for event in events] == [PollState.MOVED] * 3
    assert len(server.asked("/one")) == 1
    server.handlers["/there"] = Reply(status=404)
    server.handlers["/one"] = document("Moved along")
    first, second = poll(settings, bus, feed(server), rounds=2)
    assert (first.state, second.state) == (PollState.NOT_FOUND, PollState.UNCHANGED)


def test_gone_and_throttled_feeds_are_left_alone(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = Reply(status=410)
    server.handlers["/two"] = Reply(status=429, headers={"Retry-After": "300"})
    server.handlers["/three"] = document("Same host")
    assert poll(settings, bus, feed(server, "one"))[0].state is PollState.GONE
    assert poll(settings, bus, feed(server, "two"))[0].state is PollState.THROTTLED
    asked = len(server.requests)
    events = poll(settings, bus, *(feed(server, id) for id in ("one", "two", "three")))
    assert len(server.requests) == asked, "a host that asked for peace gets it, after a start too"
    assert {event.feed: event.state for event in events} == {
        "one": PollState.GONE,
        "two": PollState.THROTTLED,
        "three": PollState.THROTTLED,
    }


def test_a_body_that_was_no_feed_is_asked_for_again_in_full(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    """A 304 after a failed parse must not make the feed look healthy."""
    wall = Reply(body=b"<html><title>Are you human?</title></html>", headers={"ETag": '"w"'})
    server.handlers["/one"] = in_turn(wall, document("Back"))
    first, second = poll(settings, bus, feed(server), rounds=2)
    assert (first.state, second.state) == (PollState.NOT_A_FEED, PollState.WORKING)
    assert "if-none-match" not in server.asked("/one")[1].headers


def test_a_second_collector_is_refused(settings: Settings, bus: Bus, server: HttpServer) -> None:
    server.handlers["/one"] = document("One at a time")
    stop, at_work = threading.Event(), threading.Event()
    first = threading.Thread(
        target=collect,
        args=(settings, [feed(server, interval=60.0)], bus),
        kwargs={"stop": stop, "on_event": lambda event: at_work.set()},
    )
    first.start()
    try:
        assert at_work.wait(10)
        with pytest.raises(ConfigError, match="another collector"):
            poll(settings, bus, feed(server))
    finally:
        stop.set()
        first.join(10)
    assert poll(settings, bus, feed(server)) != []


def test_a_stop_does_not_wait_for_a_server_that_drips(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    dripping = threading.Event()

    def drip(connection: Connection) -> None:
        going = connection.send(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
        dripping.set()
        while going and connection.wait(0.05):
            going = connection.send(b" ")

    server.handlers["/one"] = lambda request: drip
    stop = threading.Event()
    thread = threading.Thread(
        target=collect, args=(settings, [feed(server)], bus), kwargs={"stop": stop}
    )
    thread.start()
    assert dripping.wait(10)
    began = time.monotonic()
    stop.set()
    thread.join(10)
    assert time.monotonic() - began < 5.0


def test_disabled_feeds_are_not_asked(settings: Settings, bus: Bus, server: HttpServer) -> None:
    assert poll(settings, bus, feed(server, enabled=False)) == []
    assert server.requests == []


def test_an_article_behind_a_redirector_is_the_one_of_the_publishers_own_feed(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    """Whichever comes first: a short address leads to where the other feed has it."""
    own = server.url("/2026/talks")
    page = PAGE.format(title="Talks in Geneva").encode()
    server.handlers["/2026/talks"] = Reply(body=page, headers={"Content-Type": "text/html"})
    server.handlers["/s/1"] = Reply(302, headers={"Location": own})
    short = rss(item(0, title="Talks in Geneva", text=SUMMARY, link=server.url("/s/1")))
    server.handlers["/one"] = Reply(body=short)
    poll(settings, bus, feed(server, full_text="auto"))
    server.handlers["/two"] = Reply(body=rss(item(0, title="Talks", text=SUMMARY, link=own)))
    (event,) = poll(settings, bus, feed(server, "two", full_text="auto"))
    assert (event.new, event.seen) == (0, 1)
    assert len(published(bus)) == 1
