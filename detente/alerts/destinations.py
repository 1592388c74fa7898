"""How a message gets to people: through Apprise, or to a webhook, signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Protocol

import httpx
import msgspec

from detente.alerts.message import Message
from detente.alerts.subscription import Destination

TIMEOUT = 20.0
"""Seconds for one delivery; after that it counts as failed, and is tried again."""


class NotDelivered(Exception):
    """A message didn't get there; the reason is for a person."""


class Channel(Protocol):
    """One destination. `send` blocks until the message is there, or raises NotDelivered."""

    def send(self, message: Message) -> None: ...


def open_channel(destination: Destination) -> Channel:
    """The channel of a destination."""
    if destination.webhook is not None:
        secret = destination.secret.get_secret_value() if destination.secret else None
        return Webhook(destination.webhook, secret)
    assert destination.url is not None  # one of both, as it was read
    return Apprised(destination.url.get_secret_value())


class Webhook:
    """POSTs a message as JSON.

    With a secret, `X-Detente-Signature` is `t=<epoch>,v1=<hex>`: an HMAC-SHA-256 over `<epoch>.`
    and the body, so that the receiver can tell who sent it, and that it isn't an old one again.
    `Idempotency-Key` is the message's id, the same when it is repeated.
    """

    def __init__(self, url: str, secret: str | None) -> None:
        self._url = url
        self._secret = secret

    def send(self, message: Message) -> None:
        body = msgspec.json.encode(
            {**msgspec.to_builtins(message), "subject": message.subject, "text": message.text()}
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        if self._secret is not None:
            headers["X-Detente-Signature"] = signature(self._secret, body, int(time.time()))
        try:
            answer = httpx.post(self._url, content=body, headers=headers, timeout=TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise NotDelivered(f"the receiver answers {answer.status_code}")


def signature(secret: str, body: bytes, at: int) -> str:
    """What `X-Detente-Signature` has for a body sent at an epoch."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Apprised:
    """Any of the services that Apprise knows."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Message) -> None:
        import apprise  # a third of a second that nobody else pays

        service = apprise.Apprise()
        if not service.add(self._url):
            raise NotDelivered("Apprise can't read the destination's url")
        with apprise.LogCapture(level=apprise.logging.WARNING) as said:  # type: ignore[no-untyped-call]
            try:
                done = service.notify(title=message.subject, body=message.text())
            except TypeError as error:  # what Apprise raises for no good service
                raise NotDelivered(str(error)) from error
            if not done:
                raise NotDelivered(" ".join(said.getvalue().split())[:500] or "Apprise failed")
