"""What a feed would give, looked at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.catalog import Feed
from collectors.check import FeedCheck, check_feeds
from collectors.status import PollState
from detente.settings import CollectorSettings
from tests.feeds import item, rss
from tests.httpserver import HttpServer, Reply

SETTINGS = CollectorSettings(allow_loopback=True, host_spacing=0, timeout=5)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


def check(server: HttpServer, path: str = "/feed", **changes: Any) -> FeedCheck:
    feed = Feed(id="sample", url=server.url(path), outlet="Sample")
    (found,) = check_feeds(SETTINGS, [replace(feed, **changes)])
    return found


def test_a_sound_feed(server: HttpServer) -> None:
    items = [
        item(1),
        item(2, date="the day before yesterday"),
        item(3, content="<p>The whole of it.</p>", date="Sat, 28 Feb 2026 10:00:00 GMT"),
    ]
    server.handlers["/feed"] = Reply(body=rss(*items, head="<language>en-US</language>"))
    found = check(server)
    assert found == FeedCheck(
        feed="sample",
        url=server.url("/feed"),
        state=PollState.WORKING,
        message="",
        format="rss20",
        title="Sample",
        language="en",
        entries=3,
        summaries=2,
        undated=1,
        newest=datetime(2026, 3, 1, 10, tzinfo=UTC),
    )
    assert check(server, full_text="feed").summaries == 0


@pytest.mark.parametrize(
    ("reply", "state", "message"),
    [
        (Reply(404), PollState.NOT_FOUND, "404"),
        (Reply(body=b"<html><title>Hm</title>"), PollState.NOT_A_FEED, "'Hm'"),
        (Reply(body=rss()), PollState.EMPTY, ""),
        (Reply(body=rss(item(1), item(2))[:-60]), PollState.TRUNCATED, ""),
        (Reply(body=rss(item(title="Женева")) + b"\xff"), PollState.WORKING, "broken characters"),
    ],
)
def test_what_is_wrong_is_said(
    server: HttpServer, reply: Reply, state: PollState, message: str
) -> None:
    server.handlers["/feed"] = reply
    found = check(server)
    assert found.state is state
    assert message in found.message


def test_advice_for_the_catalogue(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(301, headers={"Location": "/there"})
    link = "https://sample.example/live"
    twins = [item(1, link=link, guid="1"), item(2, link=link, guid="2")]
    server.handlers["/there"] = Reply(body=rss(*twins))
    moved = f'url = "{server.url("/there")}"'
    found = check(server)
    assert found.moved_to == server.url("/there")
    assert found.advice == (moved, 'identity = "guid" (several entries share a link)')
    assert check(server, identity="guid").advice == (moved,)


def test_feeds_come_in_the_order_given(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=rss(item()))
    urls = [server.url(path) for path in ("/none", "/feed", "/gone")]
    feeds = [Feed(id=f"f{n}", url=url, outlet="x") for n, url in enumerate(urls)]
    assert [(it.feed, it.url) for it in check_feeds(SETTINGS, feeds)] == [
        (f"f{n}", url) for n, url in enumerate(urls)
    ]
    assert check_feeds(SETTINGS, []) == []
