"""One URL over real HTTP: conditional requests, redirects, throttling, and what clients betray."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import h2.config
import h2.connection
import h2.events
import pytest
from prometheus_client import REGISTRY

from collectors.fetch import (
    Fetched,
    Fetcher,
    FetchFailure,
    NotModified,
    Validators,
)
from collectors.politeness import HostGate
from collectors.status import PollState
from detente.settings import CollectorSettings
from tests.feeds.tls import trusting_context
from tests.httpserver import Connection, HttpServer, Reply, Request, in_turn

T = TypeVar("T")
ETAG = '"v1"'
MODIFIED = "Sun, 01 Mar 2026 10:00:00 GMT"


def using(run: Callable[[Fetcher], Awaitable[T]], gate: HostGate | None = None, **set: Any) -> T:
    """Run with a fetcher that may reach this machine."""
    settings = CollectorSettings(**{"allow_loopback": True, "host_spacing": 0, "timeout": 10} | set)

    async def go() -> T:
        async with Fetcher(settings, gate, trusting_context()) as fetcher:
            return await run(fetcher)

    return asyncio.run(go())


def fetch(
    url: str, validators: Validators | None = None, *, max_bytes: int = 100_000, **settings: Any
) -> Fetched | NotModified | FetchFailure:
    return using(lambda it: it.fetch(url, max_bytes=max_bytes, validators=validators), **settings)


def failure(url: str, **arguments: Any) -> FetchFailure:
    answer = fetch(url, **arguments)
    assert isinstance(answer, FetchFailure), answer
    return answer


def fetched(url: str, **arguments: Any) -> Fetched:
    answer = fetch(url, **arguments)
    assert isinstance(answer, Fetched), answer
    return answer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


def conditional(request: Request) -> Reply:
    """A server that keeps its promises."""
    known = ETAG in request.headers.get("if-none-match", "") or (
        request.headers.get("if-modified-since") == MODIFIED
    )
    headers = {"ETag": ETAG, "Last-Modified": MODIFIED, "Content-Type": "text/xml"}
    return Reply(304 if known else 200, b"" if known else b"news", headers)


def test_a_body_with_all_that_is_known_of_it(server: HttpServer) -> None:
    server.handlers["/feed"] = conditional
    answer = fetched(server.url("/feed"))
    assert answer == Fetched(
        url=server.url("/feed"),
        body=b"news",
        content_type="text/xml",
        validators=Validators(server.url("/feed"), ETAG, MODIFIED),
    )


def test_what_the_client_says_of_itself(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=b"news")
    fetch(server.url("/feed"), contact="https://ngo.example/feeds")
    [request] = server.requests
    assert request.method == "GET"
    assert request.headers["user-agent"].startswith("Detente/")
    assert request.headers["user-agent"].endswith("(+https://ngo.example/feeds)")
    assert "application/rss+xml" in request.headers["accept"]
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert not {"cookie", "referer", "authorization", "if-none-match"} & set(request.headers)


@pytest.mark.parametrize(("etag", "modified"), [(ETAG, None), (None, MODIFIED), (ETAG, MODIFIED)])
def test_a_conditional_request(server: HttpServer, etag: str | None, modified: str | None) -> None:
    server.handlers["/feed"] = conditional
    url = server.url("/feed")
    answer = fetch(url, Validators(url, etag, modified))
    assert answer == NotModified(url, Validators(url, ETAG, MODIFIED))
    headers = server.requests[0].headers
    assert headers.get("if-none-match") == etag
    assert headers.get("if-modified-since") == modified


def test_validators_are_never_shown_to_another_url(server: HttpServer) -> None:
    server.handlers["/feed"] = conditional
    server.handlers["/old"] = Reply(302, headers={"Location": "/feed"})
    validators = Validators(server.url("/feed"), ETAG, MODIFIED)
    assert isinstance(fetch(server.url("/feed?page=2"), validators), Fetched)
    assert isinstance(fetch(server.url("/old"), validators), NotModified)
    shown = [(request.path, "if-none-match" in request.headers) for request in server.requests]
    assert shown == [("/feed?page=2", False), ("/old", False), ("/feed", True)]


def test_a_304_that_nobody_asked_for_is_a_fault(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(304)
    assert failure(server.url("/feed")).state is PollState.CLIENT_ERROR


@pytest.mark.parametrize(
    "etag", ["é".encode("latin-1"), "€".encode(), b"x" * 5_000, b"a\tb"], ids=repr
)
def test_a_validator_that_no_request_can_carry_is_not_kept(server: HttpServer, etag: bytes) -> None:
    server.handlers["/feed"] = Reply(body=b"news", headers={"ETag": etag})
    assert fetched(server.url("/feed")).validators.etag is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (204, PollState.CLIENT_ERROR),
        (206, PollState.CLIENT_ERROR),
        (300, PollState.CLIENT_ERROR),
        (400, PollState.CLIENT_ERROR),
        (401, PollState.FORBIDDEN),
        (403, PollState.FORBIDDEN),
        (404, PollState.NOT_FOUND),
        (410, PollState.GONE),
        (451, PollState.FORBIDDEN),
        (500, PollState.SERVER_ERROR),
        (503, PollState.SERVER_ERROR),
        (599, PollState.SERVER_ERROR),
    ],
)
def test_each_status_has_a_state(server: HttpServer, status: int, state: PollState) -> None:
    server.handlers["/feed"] = Reply(status, headers={"Content-Length": "0"})
    answer = failure(server.url("/feed"))
    assert answer.state is state
    assert f"answers {status}" in answer.message


def test_203_is_as_good_as_200(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(203, b"news")
    assert fetched(server.url("/feed")).body == b"news"


def test_a_password_never_gets_into_a_message(server: HttpServer) -> None:
    url = server.url("/feed").replace("http://", "http://reader:hunter2@")
    answer = failure(url)
    assert "hunter2" not in answer.message
    assert server.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("headers", "fresh_for"),
    [
        ({"Cache-Control": "public, max-age=900"}, 900.0),
        ({"Cache-Control": 's-maxage=5, Max-Age="60"'}, 60.0),
        ({"Cache-Control": "s-maxage=5"}, None),
        ({"Expires": "Sun, 01 Mar 2026 11:00:00 GMT", "Date": MODIFIED}, 3_600.0),
        ({"Expires": "Sun, 01 Mar 2026 09:00:00 GMT", "Date": MODIFIED}, 0.0),
        ({"Expires": "0", "Date": MODIFIED}, None),
        ({"Expires": MODIFIED}, None),
        ({"Expires": "Sun, 01 Mar 2026 11:00:00 -0000", "Date": MODIFIED}, None),
        ({"Expires": "Sun, 01 Mar 99999999999999999999 11:00:00 GMT", "Date": MODIFIED}, None),
    ],
)
def test_how_long_an_answer_is_fresh(
    server: HttpServer, headers: dict[str, str], fresh_for: float | None
) -> None:
    server.handlers["/feed"] = Reply(body=b"news", headers=headers)
    assert fetched(server.url("/feed")).fresh_for == fresh_for


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_permanent_ones_remembered(
    server: HttpServer, status: int
) -> None:
    server.handlers["/old"] = Reply(status, headers={"Location": "new?a=1#part"})
    server.handlers["/new"] = Reply(body=b"news")
    answer = fetched(server.url("/old"))
    assert answer.url == answer.validators.url == server.url("/new?a=1")
    assert answer.moved_to == (server.url("/new?a=1") if status in (301, 308) else None)


def test_only_the_permanent_beginning_of_a_chain_is_remembered(server: HttpServer) -> None:
    server.handlers["/1"] = Reply(301, headers={"Location": "/2"})
    server.handlers["/2"] = Reply(308, headers={"Location": "/3"})
    server.handlers["/3"] = Reply(302, headers={"Location": "/4"})
    server.handlers["/4"] = Reply(301, headers={"Location": "/5"})
    server.handlers["/5"] = Reply(body=b"news")
    answer = fetched(server.url("/1"))
    assert (answer.url, answer.moved_to) == (server.url("/5"), server.url("/3"))


@pytest.mark.parametrize(
    ("location", "state"),
    [
        ("/old", PollState.REDIRECT),
        (None, PollState.REDIRECT),
        ("http://[", PollState.REDIRECT),
        ("http://a℀b.example/".encode(), PollState.REDIRECT),
        ("file:///etc/passwd", PollState.ADDRESS),
        ("gopher://sample.example/", PollState.ADDRESS),
        ("http://sample.example:99999/", PollState.ADDRESS),
        ("http://10.0.0.1/admin", PollState.ADDRESS),
        ("http://169.254.169.254/latest/meta-data/", PollState.ADDRESS),
        ("http://[::ffff:192.168.0.1]/", PollState.ADDRESS),
    ],
    ids=repr,
)
def test_redirects_to_nowhere_good(
    server: HttpServer, location: str | bytes | None, state: PollState
) -> None:
    server.handlers["/old"] = Reply(301, headers={"Location": location})
    assert failure(server.url("/old")).state is state
    assert len(server.requests) == 1


def test_a_limit_to_redirects(server: HttpServer) -> None:
    for number in range(9):
        server.handlers[f"/{number}"] = Reply(302, headers={"Location": f"/{number + 1}"})
    server.handlers["/3"] = Reply(body=b"news")
    assert fetched(server.url("/0"), max_redirects=3).body == b"news"
    answer = failure(server.url("/0"), max_redirects=2)
    assert (answer.state, "more than 2" in answer.message) == (PollState.REDIRECT, True)


def test_a_circle_of_two(server: HttpServer) -> None:
    server.handlers["/a"] = Reply(302, headers={"Location": "/b"})
    server.handlers["/b"] = Reply(302, headers={"Location": "/a"})
    answer = failure(server.url("/a"))
    assert (answer.state, "circle" in answer.message) == (PollState.REDIRECT, True)


def test_the_time_limit_is_over_all_redirects(server: HttpServer) -> None:
    def wait_and_move(request: Request) -> Callable[[Connection], object]:
        number = int(request.path[1:])
        moved = Reply(302, headers={"Location": f"/{number + 1}", "Connection": "close"})
        return lambda connection: connection.wait(0.15) and connection.send(moved.encoded())

    server.handlers = {f"/{number}": wait_and_move for number in range(9)}
    assert failure(server.url("/0"), timeout=0.4).state is PollState.TIMEOUT
    assert 2 <= len(server.requests) <= 3


# Nothing else gets out, nothing else gets in


def test_no_cookie_is_kept(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=b"news", headers={"Set-Cookie": "id=1; Path=/"})

    async def twice(fetcher: Fetcher) -> None:
        for _ in range(2):
            await fetcher.fetch(server.url("/feed"), max_bytes=1_000)

    using(twice)
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_the_environments_proxy_is_not_used(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.handlers["/feed"] = Reply(body=b"news")
    assert fetched(server.url("/feed")).body == b"news"


def test_answers_change_and_connections_are_reused(server: HttpServer) -> None:
    server.handlers["/feed"] = in_turn(Reply(body=b"one"), Reply(500), Reply(body=b"two"))

    async def thrice(fetcher: Fetcher) -> list[object]:
        return [await fetcher.fetch(server.url("/feed"), max_bytes=1_000) for _ in range(3)]

    first, second, third = using(thrice)
    assert isinstance(first, Fetched)
    assert isinstance(second, FetchFailure)
    assert isinstance(third, Fetched)
    assert (first.body, third.body) == (b"one", b"two")


def test_tls_and_http2() -> None:
    def talk(connection: Connection) -> None:
        h2_side = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        h2_side.initiate_connection()
        connection.send(h2_side.data_to_send())
        while data := connection.receive():
            for event in h2_side.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    h2_side.send_headers(event.stream_id, [(":status", "200"), ("etag", ETAG)])
                    h2_side.send_data(event.stream_id, b"news", end_stream=True)
            connection.send(h2_side.data_to_send())

    with HttpServer(tls=True, protocols=("h2",), talk=talk) as server:
        answer = fetched(server.url("/feed"))
    assert (answer.body, answer.validators.etag) == (b"news", ETAG)


def test_every_request_is_counted_by_its_outcome(server: HttpServer) -> None:
    def counted(outcome: str) -> float:
        return (
            REGISTRY.get_sample_value(
                "detente_requests_total", {"host": "127.0.0.1", "outcome": outcome}
            )
            or 0.0
        )

    outcomes = ("200", "301", "304", "429", "failed")
    before = [counted(one) for one in outcomes]
    server.handlers["/feed"] = Reply(301, headers={"Location": "/there"})
    server.handlers["/there"] = in_turn(Reply(body=b"x"), Reply(304), Reply(429))
    there = Validators(server.url("/there"), ETAG)

    async def go(fetcher: Fetcher) -> None:
        await fetcher.fetch(server.url("/feed"), max_bytes=9)
        await fetcher.fetch(server.url("/there"), max_bytes=9, validators=there)
        await fetcher.fetch(server.url("/there"), max_bytes=9)
        await fetcher.fetch(server.url("/there"), max_bytes=9)  # blocked: not even asked

    using(go)
    fetch("http://127.0.0.1:1/")
    assert [counted(one) for one in outcomes] == [one + 1 for one in before]
