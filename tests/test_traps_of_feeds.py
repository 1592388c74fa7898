"""What bit other collectors, each played out in whole polls: real HTTP in, messages on a log out.

Numbered as in the project's list of traps; what each is made of in detail is tested where it lives.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from collectors.status import PollState
from detente.bus.base import Bus
from detente.settings import Settings
from tests.feeds import item, rss
from tests.httpserver import Connection, HttpServer, Reply, in_turn
from tests.test_collectors_polls import (
    LONG,
    PAGE,
    SUMMARY,
    bus,
    document,
    feed,
    poll,
    published,
    settings,
)

__all__ = ["bus", "settings"]  # fixtures


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def titles(bus: Bus) -> list[str]:
    return [article.title for article in published(bus)]


def channel(*items: str, encoding: str = "utf-8") -> bytes:
    head = f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel>'
    tail = "<title>Sample</title><link>https://sample.example/</link></channel></rss>"
    return (head + "".join(items) + tail).encode(encoding)


def entry(n: int = 1, title: str = "Envoys meet", more: str = "", text: str = LONG) -> str:
    link = f"<link>https://sample.example/{n}</link>"
    return f"<item><title>{title}</title>{link}<description>{text}</description>{more}</item>"


def test_01_what_is_not_well_formed_is_read_all_the_same(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = Reply(body=channel(entry(title="Talks & a broken & sign")))
    server.handlers["/two"] = Reply(
        body=b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;"
    )
    good, bad = poll(settings, bus, feed(server), feed(server, "two"))
    assert {good.state, bad.state} == {PollState.WORKING, PollState.PARSE_ERROR}
    assert titles(bus) == ["Talks & a broken & sign"]


def test_02_bytes_are_decoded_by_what_they_say(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    text = "&lt;p&gt;" + LONG + "&lt;/p&gt;"
    body = channel(entry(title="Послы встретились", text=f"<![CDATA[{text}]]>"), encoding="utf-16")
    server.handlers["/one"] = Reply(body=body)
    poll(settings, bus, feed(server))
    (article,) = published(bus)
    assert article.title == "Послы встретились"
    assert LONG[:60] in article.body


def test_03_a_fetch_ends_in_time_however_slowly_it_drips(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    def drip(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while connection.wait(0.05) and connection.send(b"x"):
            pass

    server.handlers["/one"] = lambda request: drip
    short = settings.model_copy(
        update={"collectors": settings.collectors.model_copy(update={"timeout": 0.5})}
    )
    begun = time.monotonic()
    (event,) = poll(short, bus, feed(server))
    assert (event.state, time.monotonic() - begun < 3) == (PollState.TIMEOUT, True)


@pytest.mark.parametrize(
    ("claim", "instant"),
    [
        ("2016/6/29 15:07", None),  # which of both is the month?
        ("Wed, 05 Mar 25 10:00:00 GMT", "2025-03-05T10:00:00"),
        ("Wed, 05 Mar 2025 10:00:00 EDT", "2025-03-05T14:00:00"),
        ("yesterday", None),
    ],
)
def test_04_a_date_is_an_instant_or_none(
    settings: Settings, bus: Bus, server: HttpServer, claim: str, instant: str | None
) -> None:
    server.handlers["/one"] = Reply(body=channel(entry(more=f"<pubDate>{claim}</pubDate>")))
    poll(settings, bus, feed(server))
    (article,) = published(bus)
    found = article.published.strftime("%Y-%m-%dT%H:%M:%S") if article.published else None
    assert found == instant
    assert article.published_claim == claim


def test_05_a_date_is_never_now_and_never_yet_to_come(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    future = "<pubDate>Fri, 05 Mar 2100 10:00:00 GMT</pubDate>"
    server.handlers["/one"] = Reply(body=channel(entry(1), entry(2, more=future)))
    poll(settings, bus, feed(server))
    assert {(one.published, one.published_quality) for one in published(bus)} == {
        (None, "missing"),
        (None, "future"),
    }


def test_06_an_article_is_the_same_whatever_its_guid_and_address_do(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    def shown(guid: str, link: str) -> Reply:
        text = f"<guid>{guid}</guid><link>{link}</link>"
        return Reply(body=channel(f"<item><title>Envoys meet</title>{text}</item>"))

    host = server.url("").rstrip("/")
    server.handlers["/one"] = in_turn(
        shown(f"{host}/?p=7", "https://sample.example/envoys-meet"),
        shown(f"{host.replace('http:', 'https:')}/?p=7", "https://sample.example/envoys-meet"),
        shown(f"{host}/?p=7", "https://sample.example/envoys-met-in-geneva"),
    )
    events = poll(settings, bus, feed(server), rounds=3)
    assert [event.new for event in events] == [1, 0, 0]
    same = "<guid>always this</guid>"
    server.handlers["/two"] = Reply(body=channel(entry(8, more=same), entry(9, "Other", same)))
    (event,) = poll(settings, bus, feed(server, "two"))
    assert event.new == 2, "a guid that all entries share is none"


def test_07_two_pieces_of_one_headline_stay_two(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = Reply(
        body=channel(entry(1, "Daily briefing"), entry(2, "Daily briefing"))
    )
    (event,) = poll(settings, bus, feed(server))
    assert event.new == 2


def test_08_a_text_that_flaps_is_let_be(
    settings: Settings, bus: Bus, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.decide.MAX_REVISIONS", 5)
    server.handlers["/one"] = in_turn(
        *(Reply(body=channel(entry(text=f"Read {n} times. {LONG}"))) for n in range(20))
    )
    poll(settings, bus, feed(server), rounds=20)
    assert [article.revision for article in published(bus)] == [1, 2, 3, 4, 5]


def test_09_a_304_after_a_body_that_was_no_feed_heals_nothing(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    wall = Reply(body=b"<html><title>Are you human?</title></html>", headers={"ETag": '"1"'})
    server.handlers["/one"] = wall
    events = poll(settings, bus, feed(server), rounds=2)
    assert {event.state for event in events} == {PollState.NOT_A_FEED}
    assert all("if-none-match" not in request.headers for request in server.requests)


def test_10_a_wall_is_a_state_of_its_own(settings: Settings, bus: Bus, server: HttpServer) -> None:
    server.handlers["/one"] = Reply(body=b"<html><title>Just a moment...</title></html>")
    (event,) = poll(settings, bus, feed(server))
    assert event.state is PollState.NOT_A_FEED
    assert "Just a moment" in event.message
    assert (event.new, event.seen) == (0, 0)


def test_11_no_entry_is_cut_off_in_a_burst(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    server.handlers["/one"] = Reply(body=channel(*(entry(n, f"News {n}") for n in range(1_000))))
    (event,) = poll(settings, bus, feed(server))
    assert (event.new, len(published(bus))) == (1_000, 1_000)


def test_12_a_wish_to_wait_is_the_hosts(settings: Settings, bus: Bus, server: HttpServer) -> None:
    server.handlers["/one"] = Reply(429, headers={"Retry-After": "3600"})
    server.handlers["/two"] = document("News")
    (first,) = poll(settings, bus, feed(server))
    (second,) = poll(settings, bus, feed(server, "two"))
    assert {first.state, second.state} == {PollState.THROTTLED}
    assert len(server.requests) == 1, "neither its other feed is asked nor the first one twice"


def test_13_an_aggregators_address_identifies_nothing(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    def wrapped(id: str) -> Reply:
        link = f"<link>https://news.google.com/rss/articles/{id}?oc=5</link><guid>g1</guid>"
        return Reply(body=channel(f"<item><title>Envoys meet</title>{link}</item>"))

    server.handlers["/one"] = in_turn(wrapped("CBMiA"), wrapped("CBMiB"))
    events = poll(settings, bus, feed(server, full_text="auto"), rounds=2)
    assert [event.new for event in events] == [1, 0]
    assert not any(
        "google" in key for one in published(bus) for key in (one.identity, *one.aliases)
    )


def test_14_relative_links_are_the_feeds(settings: Settings, bus: Bus, server: HttpServer) -> None:
    links = ("//sample.example/a", "/b", "c?d=1")
    items = (f"<item><title>{n}</title><link>{link}</link></item>" for n, link in enumerate(links))
    server.handlers["/one"] = Reply(body=channel(*items))
    poll(settings, bus, feed(server))
    here = server.url("/")
    assert {article.url for article in published(bus)} == {
        "http://sample.example/a",
        f"{here}b",
        f"{here}c?d=1",
    }


def test_15_a_title_is_unescaped_as_often_as_it_was_escaped(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    twice = entry(1, "Envoys &amp;amp; ministers &amp;#8211; talks")
    once = entry(2, "How to write &amp;lt;b&amp;gt; in HTML")
    server.handlers["/one"] = Reply(body=channel(twice, once))
    poll(settings, bus, feed(server))
    assert set(titles(bus)) == {"Envoys & ministers – talks", "How to write <b> in HTML"}


def test_16_no_address_within_is_asked_and_no_file_is_read(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    for path, target in (("/one", "http://169.254.169.254/latest"), ("/two", "file:///etc/passwd")):
        server.handlers[path] = Reply(302, headers={"Location": target})
    events = poll(settings, bus, feed(server), feed(server, "two"))
    assert {event.state for event in events} == {PollState.ADDRESS}


def test_17_a_consent_wall_is_not_the_article(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    consent = "We and our 832 partners store and access information on your device. " * 20
    wall = f"<html><body><article><h1>Privacy</h1><p>{consent}</p></article></body></html>"
    link = server.url("/page")
    server.handlers["/one"] = Reply(body=rss(item(0, title="Talks", text=SUMMARY, link=link)))
    server.handlers["/page"] = Reply(body=wall.encode(), headers={"Content-Type": "text/html"})
    poll(settings, bus, feed(server, full_text="auto"))
    (article,) = published(bus)
    assert (article.text_origin, article.body, article.wall) == ("summary", SUMMARY, "consent")
    good = PAGE.format(title="Envoys").encode()
    server.handlers["/two"] = Reply(
        body=rss(item(1, title="Envoys", text=SUMMARY, link=server.url("/good")))
    )
    server.handlers["/good"] = Reply(body=good, headers={"Content-Type": "text/html"})
    poll(settings, bus, feed(server, "two", full_text="auto"))
    assert [one.text_origin for one in published(bus)] == ["summary", "page"]
