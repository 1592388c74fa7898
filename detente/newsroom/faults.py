"""Feeds that misbehave on purpose, each in one way that is seen in the wild.

A fault answers one request through an `Exchange`. What it keeps between requests, it reads from the
counts of past answers.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from threading import Event
from typing import Protocol

from detente.newsroom import feeds
from detente.newsroom.content import Masthead
from detente.newsroom.edition import Edition, with_dates

XML = "application/rss+xml"
THROTTLED_TIMES = 2
RETRY_AFTER_S = 1
DRIP_INTERVAL_S = 0.1
BOMB_BYTES = 64 * 2**20
PRIVATE_ADDRESS = "http://10.0.0.1/feed"
FILE_ADDRESS = "file:///etc/hostname"
ELSEWHERE = "/faults/elsewhere"

_HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>Sample</title>'
_WALL = b"""<!DOCTYPE html>
<html lang="en"><head><title>One moment, please (sample)</title></head>
<body><h1>Are you human?</h1><p>This sample page stands where a feed should be. Tick the box to show
that you are not a robot.</p><form><input type="checkbox"> I am not a robot</form></body></html>
"""


class Exchange(Protocol):
    """One request being answered."""

    closing: Event

    def answers(self, status: int) -> int:
        """How often this path has been answered with this status so far."""
        ...

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        """A whole answer; Content-Length is added."""
        ...

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head of an answer whose connection ends with it."""
        ...

    def write(self, data: bytes) -> bool:
        """A piece of the body; False if no more is wanted (HEAD, or the server closes)."""
        ...


Responder = Callable[[Exchange, Edition], None]


@dataclass(frozen=True)
class Fault:
    """A faulty feed. `expected_state` is how a collector should describe it after a first poll.

    One that throttles goes by another name of this machine: a collector leaves the whole host
    alone then, and the other publishers are to be on hosts of their own, as in life.
    """

    slug: str
    title: str
    expected_state: str
    respond: Responder
    throttles: bool = False

    @property
    def path(self) -> str:
        return f"/faults/{self.slug}"


def _masthead(edition: Edition) -> Masthead:
    assert edition.faulty is not None  # without one, the server answers 404 for faulty feeds
    return edition.faulty


def _rss(edition: Edition, path: str, entries: list[feeds.Entry]) -> bytes:
    masthead = _masthead(edition)
    return feeds.render(masthead, edition.channel(masthead, path), entries)


def _status(status: int) -> Responder:
    return lambda exchange, _edition: exchange.reply(
        status, {"Content-Type": "text/plain"}, f"{status} (sample)\n".encode()
    )


def _redirect(status: int, location: Callable[[Edition], str]) -> Responder:
    return lambda exchange, edition: exchange.reply(status, {"Location": location(edition)})


def _body(body: bytes, content_type: str = XML) -> Responder:
    return lambda exchange, _edition: exchange.reply(200, {"Content-Type": content_type}, body)


def _elsewhere(exchange: Exchange, edition: Edition) -> None:
    """Where the redirects lead: the articles that a cut connection keeps from arriving."""
    body = _rss(edition, ELSEWHERE, edition.fault_entries("cut-connection"))
    exchange.reply(200, {"Content-Type": XML}, body)


def _throttled(exchange: Exchange, edition: Edition) -> None:
    if exchange.answers(429) < THROTTLED_TIMES:
        exchange.reply(429, {"Retry-After": str(RETRY_AFTER_S)})
    else:
        body = _rss(edition, "/faults/throttled", edition.fault_entries("throttled"))
        exchange.reply(200, {"Content-Type": XML}, body)


def _cut_connection(exchange: Exchange, edition: Edition) -> None:
    body = _rss(edition, "/faults/cut-connection", edition.fault_entries("cut-connection"))
    exchange.begin(200, {"Content-Type": XML, "Content-Length": str(len(body))})
    exchange.write(body[: len(body) // 2])


def _cut_xml(exchange: Exchange, edition: Edition) -> None:
    body = _rss(edition, "/faults/cut-xml", edition.fault_entries("cut-xml"))
    last_item = body.rindex(b"<item>")
    exchange.reply(200, {"Content-Type": XML}, body[: last_item + 40])


def _drip(exchange: Exchange, _edition: Edition) -> None:
    exchange.begin(200, {"Content-Type": XML})
    going = exchange.write(_HEAD)
    while going and not exchange.closing.wait(DRIP_INTERVAL_S):
        going = exchange.write(b"<!-- wait -->\n")


def _flood(exchange: Exchange, _edition: Edition) -> None:
    exchange.begin(200, {"Content-Type": XML, "Transfer-Encoding": "chunked"})
    piece = b"<!-- more and more and more of this sample -->\n" * 1000
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
    going = exchange.write(b"%x\r\n%s\r\n" % (len(_HEAD), _HEAD))
    while going:
        going = exchange.write(chunk)


@cache
def _bomb_body() -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as packed:
        packed.write(_HEAD)
        for _ in range(BOMB_BYTES // 2**20):
            packed.write(b" " * 2**20)
        packed.write(b"</channel></rss>")
    return buffer.getvalue()


def _bomb(exchange: Exchange, _edition: Edition) -> None:
    exchange.reply(200, {"Content-Type": XML, "Content-Encoding": "gzip"}, _bomb_body())


def _wrong_encoding(exchange: Exchange, edition: Edition) -> None:
    declared = _rss(edition, "/faults/wrong-encoding", edition.fault_entries("wrong-encoding"))
    body = declared.decode("utf-8").encode("windows-1251", errors="xmlcharrefreplace")
    exchange.reply(200, {"Content-Type": f"{XML}; charset=utf-8"}, body)


def _same_guid(exchange: Exchange, edition: Edition) -> None:
    entries = [
        replace(entry, guid="sample-issue-1") for entry in edition.fault_entries("same-guid")
    ]
    exchange.reply(200, {"Content-Type": XML}, _rss(edition, "/faults/same-guid", entries))


def _odd_dates(exchange: Exchange, edition: Edition) -> None:
    future = feeds.claim(edition.start + timedelta(days=30), "rfc822-gmt")
    claims = (None, "the day before yesterday, after lunch", "31/13/2026 25:61", future)
    entries = with_dates(edition.fault_entries("odd-dates"), claims)
    exchange.reply(200, {"Content-Type": XML}, _rss(edition, "/faults/odd-dates", entries))


def _bad_json(exchange: Exchange, edition: Edition) -> None:
    masthead = _masthead(edition)
    entries = edition.fault_entries("throttled")
    whole = feeds.json_feed(edition.channel(masthead, "/faults/bad-json"), entries)
    exchange.reply(200, {"Content-Type": feeds.CONTENT_TYPES["json"]}, whole[: len(whole) // 2])


FAULTS = (
    Fault("unavailable", "Always 503", "server error", _status(503)),
    Fault("throttled", "429 with Retry-After, then fine", "throttled", _throttled, throttles=True),
    Fault("moved", "301 to elsewhere", "moved", _redirect(301, lambda e: e.url + ELSEWHERE)),
    Fault("found", "302 to elsewhere", "working", _redirect(302, lambda e: e.url + ELSEWHERE)),
    Fault("gone", "410", "gone", _status(410)),
    Fault("missing", "404", "not found", _status(404)),
    Fault("cut-connection", "Closed before the end", "truncated", _cut_connection),
    Fault("cut-xml", "XML that breaks off", "truncated", _cut_xml),
    Fault(
        "wall",
        "A human check with status 200",
        "html instead of a feed",
        _body(_WALL, "text/html; charset=utf-8"),
    ),
    Fault("drip", "A body that never ends, slowly", "time-out", _drip),
    Fault("flood", "A body that never ends, fast", "too large", _flood),
    Fault("bomb", "A small gzip body that unpacks to 64 MiB", "too large", _bomb),
    Fault("empty", "200 and nothing", "empty", _body(b"")),
    Fault(
        "loop",
        "Redirects in a circle",
        "redirect problem",
        _redirect(302, lambda e: f"{e.url}/faults/loop/again"),
    ),
    Fault(
        "to-private",
        "Redirects to a private address",
        "address refused",
        _redirect(302, lambda _: PRIVATE_ADDRESS),
    ),
    Fault(
        "to-file", "Redirects to a file", "address refused", _redirect(302, lambda _: FILE_ADDRESS)
    ),
    Fault("wrong-encoding", "Declares UTF-8, is windows-1251", "working", _wrong_encoding),
    Fault("bad-json", "A JSON Feed that breaks off", "parse error", _bad_json),
    Fault("same-guid", "One guid for all", "working", _same_guid),
    Fault("odd-dates", "Dates missing, unreadable, to come", "working", _odd_dates),
)

BEHIND: dict[str, Responder] = {
    "/faults/loop/again": _redirect(302, lambda e: f"{e.url}/faults/loop"),
    ELSEWHERE: _elsewhere,
}
"""What redirects lead to: the other half of the circle, and a feed that works."""
