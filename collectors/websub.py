"""Being told of news instead of asking for it: WebSub (W3C Recommendation, 2018).

A feed that announces a hub is subscribed to there. What the hub then sends is taken for a hint that
the feed be polled at once, by the way that all feeds go, and for nothing else: so a forged or lost
message does no harm, and polling stays the safety net, at the longest interval.

Subscriptions live in memory and are asked for anew after a start; the callback of an earlier run
answers 410, at which its hub forgets it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collectors.fetch import Fetcher, FetchFailure
from detente.errors import ConfigError

LEASE = 10 * 86_400
"""Seconds that a subscription shall last; a hub may grant less."""

RENEWAL = 0.1
"""It is renewed when so much of its lease is left."""

ASK_AGAIN = 3_600.0
"""A hub that doesn't answer, or refuses, is asked again after so many seconds."""

MAX_BODY = 16_000_000
MAX_CHALLENGE = 2_000

_HASHES = {"sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}


class Hub(NamedTuple):
    """Where a feed says that one can subscribe to it, and under which address it is known there."""

    url: str
    topic: str


@dataclass(slots=True)
class _Subscription:
    feed: str
    hub: Hub
    token: str
    secret: str
    asked: float
    until: float = 0.0
    lease: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def is_standing(self, now: float) -> bool:
        return self.until > now

    def is_due(self, now: float) -> bool:
        return now > self.asked + ASK_AGAIN and now > self.until - RENEWAL * self.lease


class WebSub:
    """The subscriptions of one process. Used within one event loop; `base` is the public address
    that ends at the listener."""

    def __init__(self, fetcher: Fetcher, base: str) -> None:
        self._fetcher = fetcher
        self._base = base.rstrip("/")
        self._by_feed: dict[str, _Subscription] = {}
        self._by_token: dict[str, _Subscription] = {}
        self._log = structlog.get_logger("detente.collectors")
        self.app = Starlette(
            routes=[
                Route("/{token}", self._verify, methods=["GET"]),
                Route("/{token}", self._notified, methods=["POST"]),
            ]
        )

    def is_subscribed(self, feed: str) -> bool:
        """Whether a hub has promised to tell of this feed's news."""
        found = self._by_feed.get(feed)
        return found is not None and found.is_standing(time.monotonic())

    def news(self, feed: str) -> asyncio.Event:
        """Set when the hub of this feed, if it has one, says that there is something new."""
        found = self._by_feed.get(feed)
        return found.news if found else asyncio.Event()

    async def heed(self, feed: str, hub: Hub | None) -> None:
        """Subscribe where a feed's document announces a hub, if that is due."""
        found = self._by_feed.get(feed)
        if hub is None or (found and found.hub == hub and not found.is_due(time.monotonic())):
            return
        if found is None or found.hub != hub:
            if found:
                del self._by_token[found.token]
            found = _Subscription(
                feed, hub, secrets.token_urlsafe(24), secrets.token_urlsafe(32), 0.0
            )
            self._by_feed[feed] = self._by_token[found.token] = found
        found.asked = time.monotonic()
        answer = await self._fetcher.post(
            hub.url,
            {
                "hub.mode": "subscribe",
                "hub.topic": hub.topic,
                "hub.callback": f"{self._base}/{found.token}",
                "hub.secret": found.secret,
                "hub.lease_seconds": str(LEASE),
            },
        )
        if isinstance(answer, FetchFailure):
            self._log.info("no subscription", feed=feed, hub=hub.url, reason=answer.message)

    async def _verify(self, request: Request) -> Response:
        """The hub asks whether we did ask, or says that it won't."""
        found = self._by_token.get(request.path_params["token"])
        asked = request.query_params
        if found is None or asked.get("hub.topic") != found.hub.topic:
            return PlainTextResponse("no such subscription", 404)
        if asked.get("hub.mode") == "denied":
            found.until = 0.0
            reason = asked.get("hub.reason", "")[:200]
            self._log.info("no subscription", feed=found.feed, hub=found.hub.url, reason=reason)
            return PlainTextResponse("heard")
        challenge = asked.get("hub.challenge", "")
        lease = asked.get("hub.lease_seconds", "")
        wanted = asked.get("hub.mode") == "subscribe" and lease.isascii() and lease.isdigit()
        if not wanted or not 0 < len(challenge) <= MAX_CHALLENGE:
            return PlainTextResponse("not asked for", 404)
        found.lease = float(min(int(lease[:12]), 10 * LEASE))
        found.until = time.monotonic() + found.lease
        self._log.info("subscribed", feed=found.feed, hub=found.hub.url, seconds=found.lease)
        # As plain text: it is a stranger's, and a browser shall not read it as a page.
        return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})

    async def _notified(self, request: Request) -> Response:
        found = self._by_token.get(request.path_params["token"])
        if found is None:
            return PlainTextResponse("no such subscription", 410)
        mac = _Mac.of(request.headers.get("x-hub-signature", ""), found.secret)
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    break
                if mac:
                    mac.update(chunk)
        except ClientDisconnect:
            return PlainTextResponse("cut off", 400)
        # With a large body, or one that ends too early for its signature, the poll is no dearer.
        if mac and (size > MAX_BODY or mac.is_right()):
            found.news.set()
        # A bad signature is answered alike, as the standard wants it.
        return PlainTextResponse("thanks", 202)

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen within the context; gives the port. Raises ConfigError when it can't be had."""
        try:
            listener = socket.create_server((host, port))
        except OSError as error:
            raise ConfigError(
                f"collectors.websub_listen: {host}:{port} can't be listened on: {error}"
            ) from error
        server = _Server(
            uvicorn.Config(
                self.app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                limit_concurrency=256,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=1,
            )
        )
        task = asyncio.ensure_future(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await asyncio.wait({task}, timeout=2.0)
            listener.close()


class _Mac:
    """The check of a message's signature, `method=hex`."""

    def __init__(self, method: str, digest: str, secret: str) -> None:
        self._hashed = hmac.new(secret.encode(), digestmod=getattr(hashlib, method))
        self._digest = digest

    @classmethod
    def of(cls, signature: str, secret: str) -> _Mac | None:
        method, _, digest = signature.partition("=")
        name = _HASHES.get(method.strip().lower())
        return cls(name, digest.strip().lower(), secret) if name and digest.isascii() else None

    def update(self, chunk: bytes) -> None:
        self._hashed.update(chunk)

    def is_right(self) -> bool:
        return hmac.compare_digest(self._hashed.hexdigest(), self._digest)


class _Server(uvicorn.Server):
    """uvicorn within somebody else's loop: signals are the process's own affair."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
