"""robots.txt: which pages are let be, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from collectors.address import FetchProblem
from collectors.fetch import Fetched, Fetcher, FetchFailure, NotModified
from collectors.politeness import HostGate
from collectors.robots import MAX_BYTES, Robots
from collectors.status import PollState
from detente.bus.base import Bus
from detente.settings import Settings
from tests.httpserver import HttpServer, Reply, in_turn
from tests.test_collectors_fetch import using
from tests.test_collectors_polls import (
    PAGE,
    SUMMARY,
    bus,
    feed,
    item,
    poll,
    published,
    rss,
    settings,
)

__all__ = ["bus", "settings"]  # fixtures

RULES = b"""User-agent: *
Disallow: /

User-agent: detente
Disallow: /private
Disallow: /*.pdf$
Allow: /private/open
Crawl-delay: 0.2
"""


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer({"/robots.txt": Reply(body=RULES)}) as server:
        yield server


def ask(*urls: str) -> list[str]:
    """What is said of each address, in turn: empty where it may be fetched."""

    async def go(fetcher: Fetcher) -> list[str]:
        robots, said = Robots(fetcher), []
        for url in urls:
            try:
                await robots.check(url)
                said.append("")
            except FetchProblem as problem:
                said.append(problem.state.value)
        return said

    return using(go)


def test_our_own_rules_hold(server: HttpServer) -> None:
    paths = {"/a": "", "/private/a": "forbidden", "/private/open": "", "/a.pdf": "forbidden"}
    assert ask(*map(server.url, paths)) == list(paths.values())
    assert len(server.asked("/robots.txt")) == 1, "once a day is enough"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(404), ""),
        (Reply(403), ""),
        (Reply(410), ""),
        (Reply(500), "throttled"),
        (Reply(body=b"Disallow: /" + b"x" * (MAX_BYTES + 1)), "throttled"),
        (Reply(body=b""), ""),
        (Reply(body=b"<html>\xff\xfe\0nonsense" * 100), ""),
        (Reply(body=b"\xef\xbb\xbfUser-agent: *\nDisallow: /a"), "forbidden"),
        (Reply(body=b"User-agent: *\nDisallow: /" + b"*a" * 2_000 + b"b$"), ""),
    ],
)
def test_files_as_they_come(server: HttpServer, reply: Reply, said: str) -> None:
    server.handlers["/robots.txt"] = reply
    begun = time.monotonic()
    assert ask(server.url("/" + "a" * 2_000)) == [said]
    assert time.monotonic() - begun < 5


def test_a_crawl_delay_spaces_the_requests(server: HttpServer) -> None:
    server.handlers["/a"] = Reply(body=b"a")

    async def go(fetcher: Fetcher) -> list[Fetched | NotModified | FetchFailure]:
        check = Robots(fetcher).check
        return [await fetcher.fetch(server.url("/a"), max_bytes=9, check=check) for _ in range(3)]

    assert all(isinstance(answer, Fetched) for answer in using(go, HostGate(0.0)))
    first, _, third = (request.at for request in server.asked("/a"))
    assert third - first >= 0.35


def test_where_a_redirect_leads_is_asked_about_too(server: HttpServer) -> None:
    server.handlers["/a"] = Reply(302, headers={"Location": "/private/a"})
    server.handlers["/private/a"] = Reply(body=b"secret")

    async def go(fetcher: Fetcher) -> Fetched | NotModified | FetchFailure:
        return await fetcher.fetch(server.url("/a"), max_bytes=99, check=Robots(fetcher).check)

    answer = using(go)
    assert isinstance(answer, FetchFailure)
    assert (answer.state, server.asked("/private/a")) == (PollState.FORBIDDEN, [])
    assert "robots.txt doesn't allow" in answer.message


def test_a_page_that_is_let_be_leaves_the_summary(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    link = server.url("/private/page")
    server.handlers["/one"] = Reply(
        body=rss(item(0, title="Talks in Geneva", text=SUMMARY, link=link))
    )
    poll(settings, bus, feed(server, full_text="auto"), rounds=3)
    (article,) = published(bus)
    assert (article.text_origin, server.asked("/private/page")) == ("summary", [])


def test_a_page_waits_for_rules_that_cannot_be_had(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    link = server.url("/page")
    server.handlers["/one"] = Reply(
        body=rss(item(0, title="Talks in Geneva", text=SUMMARY, link=link))
    )
    server.handlers["/robots.txt"] = in_turn(Reply(500), Reply(404))
    server.handlers["/page"] = Reply(
        body=PAGE.format(title="Talks in Geneva").encode(), headers={"Content-Type": "text/html"}
    )
    poll(settings, bus, feed(server, full_text="auto"))
    poll(settings, bus, feed(server, full_text="auto"))  # a new process: it asks again
    assert [(a.revision, a.text_origin) for a in published(bus)] == [(1, "summary"), (2, "page")]
