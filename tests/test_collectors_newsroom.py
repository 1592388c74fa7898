"""The sample newsroom, all its faults included, polled as a whole."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.catalog import Feed, parse_catalogue
from collectors.feedstate import FeedState
from collectors.stage import collect
from collectors.status import HEALTHY, PollEvent
from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import Bus
from detente.deadletters import list_dead_letters, read_all
from detente.flow import COLLECTED
from detente.newsroom import Newsroom
from detente.settings import Settings, load_settings
from detente.wire import decode


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environ={},
        bus=f"sqlite:///{tmp_path}/bus.sqlite",
        state=f"sqlite:///{tmp_path}/feeds.sqlite",
        collectors={
            "allow_loopback": True,
            "host_spacing": 0.0,
            "timeout": 3.0,
            "max_feed_bytes": 2_000_000,
        },
    )


@pytest.fixture
def bus(settings: Settings) -> Iterator[Bus]:
    bus = open_bus(settings.bus)
    yield bus
    bus.close()


def poll(settings: Settings, bus: Bus, feeds: tuple[Feed, ...]) -> dict[str, PollEvent]:
    events: list[PollEvent] = []
    collect(settings, feeds, bus, stop=threading.Event(), on_event=events.append, rounds=1)
    assert [n for n in Counter(event.feed for event in events).values() if n != 1] == []
    return {event.feed: event for event in events}


def published(bus: Bus) -> list[CollectedArticle]:
    return [decode(one.value, CollectedArticle) for one in read_all(bus, COLLECTED, "test")]


def test_every_feed_ends_in_its_expected_state(
    newsroom: Newsroom, settings: Settings, bus: Bus
) -> None:
    feeds = parse_catalogue(newsroom.catalogue_toml().encode())
    expected = {
        it.slug: it.expected_state for it in (*newsroom.healthy_feeds, *newsroom.faulty_feeds)
    }
    events = poll(settings, bus, feeds)
    assert {feed: event.state.value for feed, event in events.items()} == expected
    assert all(event.message for event in events.values() if event.state not in HEALTHY)
    assert all(event.message.isprintable() for event in events.values())

    articles = published(bus)
    assert Counter(article.revision for article in articles) == {1: len(articles)}
    assert len({article.id for article in articles}) == len(articles)
    assert len(articles) == sum(event.new for event in events.values())
    healthy = {it.slug for it in newsroom.healthy_feeds}
    assert healthy <= {article.source.feed for article in articles}
    assert list_dead_letters(bus) == []

    state = FeedState(settings.state)
    assert {id: row.state.value for id, row in state.rows().items()} == expected
    assert state.pending() == []
    state.close()


def test_a_second_look_brings_nothing_new(newsroom: Newsroom, settings: Settings, bus: Bus) -> None:
    feeds = parse_catalogue(newsroom.catalogue_toml(faulty=False).encode())
    poll(settings, bus, feeds)
    count = len(published(bus))
    pages = {path: n for (path, _), n in newsroom.requests.items() if "/faults/" not in path}
    events = poll(settings, bus, feeds)
    assert {(event.new, event.changed) for event in events.values()} == {(0, 0)}
    assert {event.state for event in events.values()} <= HEALTHY
    assert len(published(bus)) == count
    again = {path: n for (path, _), n in newsroom.requests.items() if "/faults/" not in path}
    asked_twice = {path for path in again if again[path] != pages.get(path)}
    assert len(asked_twice) <= len(feeds), "only the feeds themselves are asked again"


def test_what_is_published_and_edited_later_arrives(
    newsroom: Newsroom, settings: Settings, bus: Bus
) -> None:
    feeds = parse_catalogue(newsroom.catalogue_toml(faulty=False).encode())
    poll(settings, bus, feeds)
    before = {article.url: article for article in published(bus)}
    late = newsroom.publish_next()
    assert late is not None
    edited = newsroom.edit(newsroom.editable[0])
    events = poll(settings, bus, feeds)
    assert sum(event.new for event in events.values()) == 1
    assert sum(event.changed for event in events.values()) == 1
    new, changed = sorted(
        (article for article in published(bus)[len(before) :]), key=lambda it: it.revision
    )
    assert new.url not in before
    assert (changed.revision, changed.id) == (2, before[changed.url].id)
    assert edited.slug in changed.url
    newsroom.retract(edited.slug)
    quiet = poll(settings, bus, feeds)
    assert {(event.new, event.changed) for event in quiet.values()} == {(0, 0)}


def test_a_stop_in_the_middle_of_everything_is_quick(
    newsroom: Newsroom, settings: Settings, bus: Bus
) -> None:
    """A feed that drips for ever is under way; what is on the bus then is in the state, too."""
    feeds = parse_catalogue(newsroom.catalogue_toml().encode())
    patient = settings.model_copy(
        update={"collectors": settings.collectors.model_copy(update={"timeout": 60.0})}
    )
    stop, stopped = threading.Event(), 0.0

    def on_event(event: PollEvent) -> None:
        nonlocal stopped
        if event.new and not stop.is_set():
            stop.set()
            stopped = time.monotonic()

    collect(patient, feeds, bus, stop=stop, on_event=on_event)
    assert 0 < time.monotonic() - stopped < 5.0
    poll(settings, bus, feeds)
    keys = Counter((article.id, article.revision) for article in published(bus))
    assert set(keys.values()) == {1}
