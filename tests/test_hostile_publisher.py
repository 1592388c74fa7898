"""A publisher that means harm, beside others that don't: it hurts nobody else."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest

from collectors.status import PollState
from detente.bus.base import Bus
from detente.settings import Settings
from tests.feeds import item, rss
from tests.httpserver import Connection, HttpServer, Reply, Request
from tests.test_collectors_polls import bus, feed, poll, published, settings

__all__ = ["bus", "settings"]  # fixtures

GOOD = 10
ROUNDS = 5
MANY = 10_000
HUGE = 50_000_000


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


def slow_loris(connection: Connection) -> None:
    """A header a byte at a time."""
    while connection.wait(0.05) and connection.send(b"H"):
        pass


def endless(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<rss>")
    while connection.send(b"<item><title>more</title></item>" * 2_000):
        pass


def hung(connection: Connection) -> None:
    while connection.wait(1.0):
        pass


Misbehaviour = Callable[[Connection], None]


def _taken_over(misbehaviour: Misbehaviour) -> Callable[[Request], Misbehaviour]:
    return lambda request: misbehaviour


def _bomb() -> Reply:
    body = gzip.compress(b"<rss>" + b" " * HUGE, 9)
    return Reply(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "text/xml"})


HOSTILE = {
    "loris": (_taken_over(slow_loris), PollState.TIMEOUT),
    "endless": (_taken_over(endless), PollState.TOO_LARGE),
    "hung": (_taken_over(hung), PollState.TIMEOUT),
    "bomb": (_bomb(), PollState.TOO_LARGE),
    "inside": (Reply(302, headers={"Location": "http://10.0.0.1/"}), PollState.ADDRESS),
    "circle": (Reply(301, headers={"Location": "/circle"}), PollState.REDIRECT),
    "entities": (
        Reply(body=b"<!DOCTYPE r [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><rss>&b;</rss>"),
        PollState.EMPTY,
    ),
    "deep": (Reply(body=b"<rss>" + b"<a>" * 100_000), PollState.PARSE_ERROR),
    "title": (Reply(body=rss(item(title="x" * HUGE))), PollState.TOO_LARGE),
    "many": (
        Reply(body=rss(*(item(n, title=f"Many {n}") for n in range(MANY)))),
        PollState.WORKING,
    ),
}


def test_a_hostile_publisher_hurts_nobody_else(
    settings: Settings, bus: Bus, server: HttpServer
) -> None:
    patient = settings.model_copy(
        update={"collectors": settings.collectors.model_copy(update={"timeout": 2.0})}
    )
    for id, (reply, _) in HOSTILE.items():
        server.handlers[f"/{id}"] = reply
    for n in range(GOOD):
        server.handlers[f"/good{n}"] = Reply(body=rss(item(f"good-{n}")))
    hostile = [feed(server, id) for id in HOSTILE]
    # Another host, as other publishers are.
    good = [feed(server, f"good{n}", url=server.url(f"/good{n}", "localhost")) for n in range(GOOD)]
    events = poll(patient, bus, *hostile, *good, rounds=ROUNDS)
    states = {event.feed: event.state for event in events}
    for id, (_, state) in HOSTILE.items():
        # What is unchanged when asked again was read before.
        assert states[id] in {state, PollState.UNCHANGED}, id
    for one in good:
        polled = [event for event in events if event.feed == one.id]
        assert [event.state for event in polled] == [
            PollState.WORKING,
            *[PollState.UNCHANGED] * (ROUNDS - 1),
        ]
        assert max(event.duration for event in polled) < 2.0
    assert len(published(bus)) == GOOD + MANY
