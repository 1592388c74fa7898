"""Being told by a hub: subscribed, verified, told, and polled at once; all by real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collectors.fetch import Fetcher, FetchFailure
from collectors.parse import parse_feed
from collectors.stage import collect
from collectors.status import PollEvent, PollState
from collectors.websub import Hub, WebSub
from detente.bus.base import Bus
from detente.errors import ConfigError
from detente.settings import Settings
from tests.feeds import item, rss
from tests.httpserver import HttpServer, Reply
from tests.httpserver import Request as Asked
from tests.test_collectors_parse import NOW
from tests.test_collectors_polls import bus, feed, published, server, settings

__all__ = ["bus", "server", "settings"]  # fixtures


@dataclass
class RealHub:
    """A hub by the standard, on loopback."""

    grant: bool = True
    subscriptions: list[dict[str, str]] = field(default_factory=list)
    verified: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    async def subscribe(self, request: Request) -> Response:
        form = (await request.body()).decode()
        asked = dict(httpx.QueryParams(form).items())
        self.subscriptions.append(asked)
        threading.Thread(target=self._verify, args=(asked,)).start()
        return PlainTextResponse("", 202)

    def _verify(self, asked: dict[str, str]) -> None:
        if not self.grant:
            denied = {"hub.mode": "denied", "hub.topic": asked["hub.topic"], "hub.reason": "full"}
            httpx.get(asked["hub.callback"], params=denied)
            self.verified.set()
            return
        challenge = {
            "hub.mode": "subscribe",
            "hub.topic": asked["hub.topic"],
            "hub.challenge": "are-you-sure",
            "hub.lease_seconds": asked["hub.lease_seconds"],
        }
        answer = httpx.get(asked["hub.callback"], params=challenge)
        if answer.status_code == 200 and answer.text == "are-you-sure":
            self.verified.set()

    def tell(self, body: bytes, secret: str | None = None, method: str = "sha256") -> int:
        """Send it to the last subscriber; gives the status of the answer."""
        to = self.subscriptions[-1]
        mac = hmac.new((secret or to["hub.secret"]).encode(), body, getattr(hashlib, method))
        signature = {"X-Hub-Signature": f"{method}={mac.hexdigest()}"}
        return httpx.post(to["hub.callback"], content=body, headers=signature).status_code


@pytest.fixture
def hub() -> Iterator[RealHub]:
    real = RealHub()
    app = Starlette(routes=[Route("/hub", real.subscribe, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    real.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hub"
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    yield real
    running.should_exit = True
    thread.join(10)
    listener.close()


@contextmanager
def collecting(
    settings: Settings, bus: Bus, server: HttpServer, port: int
) -> Iterator[list[PollEvent]]:
    own = {
        "websub_url": f"http://127.0.0.1:{port}",
        "websub_listen": f"127.0.0.1:{port}",
        "longest_interval": 3_000.0,
    }
    collectors = settings.collectors.model_copy(update=own)
    stop, events = threading.Event(), list[PollEvent]()
    thread = threading.Thread(
        target=collect,
        args=(
            settings.model_copy(update={"collectors": collectors}),
            [feed(server, interval=3_000.0)],
            bus,
        ),
        kwargs={"stop": stop, "on_event": events.append},
    )
    thread.start()
    try:
        yield events
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: int = listener.getsockname()[1]
    return found


def announcing(hub: RealHub, *titles: str) -> Reply:
    head = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="{hub.url}"/>'
    body = rss(*(item(title.replace(" ", "-"), title=title) for title in titles), head=head)
    return Reply(body=body, headers={"Content-Type": "application/rss+xml"})


def until(condition: object, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_news_that_a_hub_tells_of_is_there_at_once(
    settings: Settings, bus: Bus, server: HttpServer, hub: RealHub, port: int
) -> None:
    server.handlers["/one"] = announcing(hub, "Envoys meet")
    with collecting(settings, bus, server, port) as events:
        assert hub.verified.wait(10)
        asked = hub.subscriptions[0]
        assert (asked["hub.mode"], asked["hub.topic"]) == ("subscribe", server.url("/one"))
        assert len(asked["hub.secret"]) >= 32
        server.handlers["/one"] = announcing(hub, "Envoys agree", "Envoys meet")
        assert len(events) == 1
        assert hub.tell(b"whatever") == 202
        until(lambda: [one.title for one in published(bus)] == ["Envoys meet", "Envoys agree"])
    assert len(events) == 2
    assert len(hub.subscriptions) == 1, "one that stands isn't asked for again"


def test_what_is_signed_with_another_secret_moves_nothing(
    settings: Settings, bus: Bus, server: HttpServer, hub: RealHub, port: int
) -> None:
    server.handlers["/one"] = announcing(hub, "Envoys meet")
    with collecting(settings, bus, server, port) as events:
        assert hub.verified.wait(10)
        callback = hub.subscriptions[0]["hub.callback"]
        assert hub.tell(b"forged", secret="guessed") == 202
        assert httpx.post(callback, content=b"unsigned").status_code == 202
        odd = {"X-Hub-Signature": "md5=0"}
        assert httpx.post(callback, content=b"x", headers=odd).status_code == 202
        time.sleep(0.3)
        assert len(events) == 1
        for method in ("sha1", "sha512"):
            before = len(events)
            assert hub.tell(b"true", method=method) == 202
            until(lambda before=before: len(events) > before)


def test_a_hub_that_refuses_leaves_the_polling_as_it_was(
    settings: Settings, bus: Bus, server: HttpServer, hub: RealHub, port: int
) -> None:
    hub.grant = False
    server.handlers["/one"] = announcing(hub, "Envoys meet")
    with collecting(settings, bus, server, port) as events:
        assert hub.verified.wait(10)
        until(lambda: len(events) == 1)
    assert len(published(bus)) == 1


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "", 404),
        ("GET", "?hub.mode=subscribe&hub.topic=x&hub.challenge=c&hub.lease_seconds=9", 404),
        ("POST", "", 410),
    ],
)
def test_a_stranger_at_the_callback_gets_nothing(
    settings: Settings, method: str, query: str, status: int
) -> None:
    async def run() -> int:
        async with Fetcher(settings.collectors) as fetcher:
            websub = WebSub(fetcher, "http://ours.example")
            async with websub.listening("127.0.0.1", 0) as port, httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{port}/unknown{query}"
                return (await client.request(method, url)).status_code

    assert asyncio.run(run()) == status


def test_a_subscription_that_nobody_asked_for_is_not_confirmed(
    settings: Settings, server: HttpServer
) -> None:
    """Nor one for another topic, or without an end: a hub must not be able to make us its tool."""
    server.handlers["/hub"] = Reply(202)

    async def run() -> list[int]:
        async with Fetcher(settings.collectors) as fetcher:
            websub = WebSub(fetcher, "http://ours.example")
            await websub.heed("one", Hub(server.url("/hub"), "http://topic.example/"))
            (token,) = websub._by_token
            async with websub.listening("127.0.0.1", 0) as port, httpx.AsyncClient() as client:
                statuses = []
                for change in (
                    {"hub.topic": "http://other.example/"},
                    {"hub.mode": "unsubscribe"},
                    {"hub.lease_seconds": "soon"},
                    {"hub.challenge": ""},
                    {"hub.challenge": "x" * 3_000},
                    {},
                ):
                    asked = {
                        "hub.mode": "subscribe",
                        "hub.topic": "http://topic.example/",
                        "hub.challenge": "c",
                        "hub.lease_seconds": "60",
                        **change,
                    }
                    answer = await client.get(f"http://127.0.0.1:{port}/{token}", params=asked)
                    statuses.append(answer.status_code)
                    assert websub.is_subscribed("one") is (change == {})
                return statuses

    assert asyncio.run(run()) == [404] * 5 + [200]


def test_a_hub_within_is_not_asked(settings: Settings) -> None:
    async def run() -> FetchFailure | None:
        own = settings.collectors.model_copy(update={"allow_loopback": False})
        async with Fetcher(own) as fetcher:
            return await fetcher.post("http://127.0.0.1:1/hub", {"hub.mode": "subscribe"})

    failure = asyncio.run(run())
    assert failure is not None
    assert failure.state is PollState.ADDRESS


def test_a_hub_is_asked_for_a_form_and_its_refusal_told(
    settings: Settings, server: HttpServer
) -> None:
    seen: list[Asked] = []

    def refuse(request: Asked) -> Reply:
        seen.append(request)
        return Reply(403)

    server.handlers["/hub"] = refuse

    async def run() -> FetchFailure | None:
        async with Fetcher(settings.collectors) as fetcher:
            return await fetcher.post(server.url("/hub"), {"hub.mode": "subscribe"})

    failure = asyncio.run(run())
    assert failure is not None
    assert failure.state is PollState.FORBIDDEN
    assert seen[0].method == "POST"
    assert seen[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_taken_port_is_said(settings: Settings, bus: Bus, server: HttpServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        own = {"websub_url": "http://ours.example", "websub_listen": where}
        collectors = settings.collectors.model_copy(update=own)
        with pytest.raises(ConfigError, match="websub_listen"):
            collect(
                settings.model_copy(update={"collectors": collectors}),
                [feed(server)],
                bus,
                stop=threading.Event(),
            )


def test_where_a_document_announces_its_hub() -> None:
    def of(body: bytes, content_type: str) -> tuple[str | None, str | None]:
        parsed = parse_feed(body, content_type=content_type, url="https://a.example/f", now=NOW)
        return parsed.hub, parsed.itself

    atom = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><link rel="hub" href="/hub"/>'
        b'<link rel="self" href="https://a.example/feed"/><entry><title>B</title></entry></feed>'
    )
    assert of(atom, "application/atom+xml") == ("https://a.example/hub", "https://a.example/feed")
    json_feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "A",
        "feed_url": "https://a.example/feed.json",
        "hubs": [{"type": "rssCloud", "url": "/cloud"}, {"type": "WebSub", "url": "/hub"}],
        "items": [],
    }
    found = of(json.dumps(json_feed).encode(), "application/feed+json")
    assert found == ("https://a.example/hub", "https://a.example/feed.json")
    assert of(rss(item()), "application/rss+xml") == (None, None)
