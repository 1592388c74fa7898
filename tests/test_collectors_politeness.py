"""How often a host is asked, and what it gets when it asks to be left alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.fetch import Fetched, Fetcher, FetchFailure
from collectors.politeness import (
    DEFAULT_RETRY_AFTER,
    MAX_RETRY_AFTER,
    HostGate,
    retry_after_seconds,
)
from collectors.status import PollState
from tests.httpserver import Connection, HttpServer, Reply
from tests.test_collectors_fetch import MODIFIED, using

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@given(st.none() | st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+"))
def test_any_wait_is_within_a_day(value: str | None) -> None:
    assert 0 <= retry_after_seconds(value, NOW) <= MAX_RETRY_AFTER


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, DEFAULT_RETRY_AFTER),
        (" 7 ", 7),
        ("1.5", DEFAULT_RETRY_AFTER),
        ("\u0667", DEFAULT_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:10:00 GMT", 600),
        ("Sun, 01 Mar 2026 12:10:00", 600),
        ("Sun, 01 Mar 2026 15:10:00 +0300", 600),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2126 11:00:00 GMT", MAX_RETRY_AFTER),
    ],
)
def test_waits_as_servers_write_them(value: str | None, seconds: float) -> None:
    assert retry_after_seconds(value, NOW) == seconds


def test_a_shorter_wish_does_not_end_a_longer_one() -> None:
    gate = HostGate(0.0)
    gate.block("sample.example", 100)
    gate.block("sample.example", 1)
    assert 99 < gate.remaining("sample.example") <= 100
    assert gate.remaining("other.example") == 0


def test_who_gives_up_waiting_leaves_no_gap() -> None:
    async def run() -> float:
        gate = HostGate(0.2)
        begun = time.monotonic()
        async with gate.turn("host"):
            pass
        impatient = asyncio.ensure_future(gate.turn("host").__aenter__())
        await asyncio.sleep(0.01)
        impatient.cancel()
        async with gate.turn("host"):
            return time.monotonic() - begun

    assert asyncio.run(run()) > 0.19


IN_AN_HOUR = "a date in an hour from when the test runs"


@pytest.mark.parametrize(
    ("status", "retry_after", "at_least", "at_most"),
    [
        (429, None, 60, 60),
        (429, "120", 120, 120),
        (503, "120", 120, 120),
        (503, IN_AN_HOUR, 3_500, 3_601),
        (429, "tomorrow", 60, 60),
        (429, "Mon, 01 Mar 99999999999999999999 10:00:00 GMT", 60, 60),
        (429, "9" * 400, MAX_RETRY_AFTER, MAX_RETRY_AFTER),
        (429, MODIFIED.replace("2026", "2001"), 0, 0),
        (429, "-5", 60, 60),
    ],
)
def test_a_host_that_asks_for_a_wait_is_left_alone(
    server: HttpServer, status: int, retry_after: str | None, at_least: float, at_most: float
) -> None:
    if retry_after == IN_AN_HOUR:
        retry_after = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.handlers["/feed"] = Reply(status, headers={"Retry-After": retry_after})
    server.handlers["/other"] = Reply(body=b"news")

    async def twice(fetcher: Fetcher) -> tuple[object, object]:
        first = await fetcher.fetch(server.url("/feed"), max_bytes=1_000)
        return first, await fetcher.fetch(server.url("/other"), max_bytes=1_000)

    first, second = using(twice)
    assert isinstance(first, FetchFailure)
    assert first.state is PollState.THROTTLED
    assert first.retry_after is not None
    assert at_least <= first.retry_after <= at_most
    if at_most:
        assert isinstance(second, FetchFailure)
        assert second.state is PollState.THROTTLED
        assert 0 < (second.retry_after or 0) <= at_most
    else:
        assert isinstance(second, Fetched)
    assert len(server.asked("/other")) == (not at_most)


def test_a_request_that_waits_its_turn_heeds_a_block_that_comes_meanwhile(
    server: HttpServer,
) -> None:
    server.handlers["/feed"] = Reply(429, headers={"Retry-After": "30"})

    async def both(fetcher: Fetcher) -> list[object]:
        asks = (fetcher.fetch(server.url("/feed"), max_bytes=1_000) for _ in range(3))
        return await asyncio.gather(*asks)

    answers = using(both, host_spacing=0.1)
    assert [it.state for it in answers if isinstance(it, FetchFailure)] == [PollState.THROTTLED] * 3
    assert len(server.requests) == 1


def test_a_block_from_an_earlier_run_holds(server: HttpServer) -> None:
    gate = HostGate(0.0, {"127.0.0.1": time.time() + 100})
    answer = using(lambda it: it.fetch(server.url("/feed"), max_bytes=1_000), gate)
    assert isinstance(answer, FetchFailure)
    assert answer.state is PollState.THROTTLED
    assert server.requests == []


def test_requests_to_one_host_are_spaced(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=b"news")

    async def many(fetcher: Fetcher) -> None:
        await asyncio.gather(
            *(fetcher.fetch(server.url("/feed"), max_bytes=1_000) for _ in range(3))
        )

    using(many, host_spacing=0.2)
    times = [request.at for request in server.requests]
    assert all(after - before > 0.1 for before, after in pairwise(times))


def test_a_wait_for_a_free_connection_does_not_bunch_up_a_hosts_requests(
    server: HttpServer,
) -> None:
    def slow(connection: Connection) -> None:
        connection.wait(0.3)
        connection.send(Reply(body=b"slow").encoded())

    server.handlers["/slow"] = lambda request: slow
    server.handlers["/feed"] = Reply(body=b"news")

    async def many(fetcher: Fetcher) -> None:
        blocker = asyncio.ensure_future(
            fetcher.fetch(server.url("/slow", "localhost"), max_bytes=1_000)
        )
        await asyncio.sleep(0.05)
        asks = (fetcher.fetch(server.url("/feed"), max_bytes=1_000) for _ in range(3))
        await asyncio.gather(blocker, *asks)

    using(many, host_spacing=0.2, concurrency=1)
    times = [request.at for request in server.asked("/feed")]
    assert all(after - before > 0.1 for before, after in pairwise(times))


def test_a_slow_host_takes_no_connection_from_the_others(server: HttpServer) -> None:
    def slow(connection: Connection) -> None:
        connection.wait(1.0)
        connection.send(Reply(body=b"slow").encoded())

    server.handlers["/slow"] = lambda request: slow
    server.handlers["/feed"] = Reply(body=b"news")

    async def many(fetcher: Fetcher) -> float:
        slow = server.url("/slow", "localhost")
        waiting = [asyncio.ensure_future(fetcher.fetch(slow, max_bytes=9)) for _ in range(6)]
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        assert isinstance(await fetcher.fetch(server.url("/feed"), max_bytes=9), Fetched)
        took = time.monotonic() - begun
        assert len(server.asked("/slow")) == 2
        for one in waiting:
            one.cancel()
        return took

    assert using(many, concurrency=3, host_concurrency=2) < 0.5


def test_idle_hosts_are_forgotten_and_busy_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.politeness.HOSTS", 3)

    async def run() -> None:
        gate = HostGate(60.0)
        gate.block("blocked", 100)
        async with gate.place("open"), gate.turn("spaced"):
            pass
        for number in range(100):
            gate.slow_down(f"{number}.example", 1.0)
        begun = time.monotonic()
        waiting = asyncio.ensure_future(gate.turn("spaced").__aenter__())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()
        assert gate.remaining("blocked") > 99 - (time.monotonic() - begun)
        assert len(gate._hosts) <= 4  # what nobody can ask it: how much it remembers

    asyncio.run(run())
