"""Many publishers on loopback, for the benchmark of the collectors: a process of its own.

Each feed has 50 entries and gets new ones at its own rate; it answers conditional requests. Some
are at fault all the time. `http://127.0.H.1:PORT/N` is feed N; H only spreads them over hosts.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import random
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Final

ENTRIES: Final = 50
FAULTS: Final = (
    *(("404 Not Found", 0.01), ("500 Internal Server Error", 0.01), ("410 Gone", 0.005)),
    *(("wall", 0.01), ("nonsense", 0.005), ("slow", 0.01)),
)
"""What is wrong with a feed, and the share of feeds of which it is."""

HOSTILE: Final = ("many", "drip", "endless", "deep", "title", "bomb")
"""What feeds of negative numbers do: -1 has ten thousand entries that change with each poll, -2
sends a byte now and then, -3 never ends, -4 nests, -5 has a title of 15 MB, -6 expands to 1 GB."""

SLOW: Final = 1.0
"""Seconds that a slow feed takes."""

_ITEM = (
    "<item><title>Envoys discuss matter {n} of feed {feed}</title>"
    "<link>https://outlet{feed}.example/{n}</link><guid>https://outlet{feed}.example/{n}</guid>"
    "<pubDate>{date}</pubDate><description>{text}</description></item>"
)
_TEXT = "The two delegations met again, spoke of the matter at hand and agreed to go on. " * 14


class Publisher:
    """Serves `feeds`; a feed's version grows by its rate in entries a second."""

    def __init__(self, feeds: int, rates: Sequence[float]) -> None:
        self._rates = rates
        self._faults = _faults(feeds)
        self._began = time.time()

    def version(self, feed: int) -> int:
        return ENTRIES + int((time.time() - self._began) * self._rates[feed])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()) and line != b"\r\n":
                tag = None
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.partition(b":")
                    if name.lower() == b"if-none-match":
                        tag = value.strip()
                feed = int(line.split()[1][1:])
                if feed < 0:
                    await _harm(HOSTILE[(-feed - 1) % len(HOSTILE)], writer)
                    break
                writer.write(await self._reply(feed, tag))
                await writer.drain()
        except (ConnectionError, ValueError, IndexError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _reply(self, feed: int, tag: bytes | None) -> bytes:
        fault = self._faults.get(feed)
        if fault == "slow":
            await asyncio.sleep(SLOW)
        elif fault == "wall":
            return _http("200 OK", b"<html><title>Are you human?</title></html>", type="text/html")
        elif fault == "nonsense":
            return _http("200 OK", b"\x00\x01nothing that anybody can read", type="text/xml")
        elif fault:
            return _http(fault, b"no")
        version = self.version(feed)
        current = b'"%d"' % version
        if tag == current:
            return _http("304 Not Modified", b"", tag=current)
        return _http("200 OK", _document(feed, version), tag=current)


async def _harm(how: str, writer: asyncio.StreamWriter) -> None:
    if how in ("drip", "endless"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<rss><channel>")
        while True:
            writer.write(b"<" if how == "drip" else b"<item><title>more</title></item>" * 1_000)
            await writer.drain()
            await asyncio.sleep(0.5 if how == "drip" else 0.001)
    if how == "bomb":
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/xml\r\n\r\n"
        writer.write(head + _bomb())
    else:
        body = {
            "many": lambda: _document(-1, int(time.time()), entries=10_000),
            "deep": lambda: b"<rss><channel>" + b"<a>" * 1_000_000,
            "title": lambda: b"<rss><channel><title>" + b"x" * 15_000_000,
        }[how]()
        writer.write(_http("200 OK", body))
    await writer.drain()


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(1_000_000_000), 9)


def serve(pipe: Connection, feeds: int, rates: Sequence[float]) -> None:
    """Tell the port by the pipe, and serve until killed."""

    async def run() -> None:
        publisher = Publisher(feeds, rates)
        server = await asyncio.start_server(publisher.answer, "0.0.0.0", 0, backlog=1_024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _faults(feeds: int) -> dict[int, str]:
    dice = random.Random(3)
    found = {}
    for feed in range(feeds):
        drawn = dice.random()
        for fault, share in FAULTS:
            if drawn < share:
                found[feed] = fault
                break
            drawn -= share
    return found


def _document(feed: int, version: int, entries: int = ENTRIES) -> bytes:
    items = "".join(
        _ITEM.format(
            n=n, feed=feed, text=_TEXT, date=f"Mon, {1 + n % 28:02} Jun 2026 10:{n % 60:02}:00 GMT"
        )
        for n in range(version - 1, version - 1 - entries, -1)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Outlet {feed}'
        f"</title><link>https://outlet{feed}.example/</link><description>News</description>{items}"
        "</channel></rss>"
    ).encode()


def _http(
    status: str, body: bytes, *, type: str = "application/rss+xml", tag: bytes = b""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {len(body)}\r\n".encode()
    return head + (b"ETag: " + tag + b"\r\n" if tag else b"") + b"\r\n" + body
