"""Work on strangers' bytes: in threads, or in a process that can be stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

import collectors.reading
from collectors.parse import ParseFailure, parse_feed
from collectors.reading import Reading
from collectors.status import PollState
from tests.feeds import item, rss
from tests.test_collectors_parse import NOW


def apart(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    async def run() -> Any:
        reading = Reading()
        try:
            return await reading.run_apart(function, *args, **named)
        finally:
            reading.close()

    return asyncio.run(run())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hoard() -> int:
    return len(bytearray(4_000_000_000))


def test_a_document_is_read_in_another_process_as_in_this_one() -> None:
    body = rss(*(item(n) for n in range(30)))
    named = {"content_type": "text/xml", "url": "https://a.example/", "now": NOW, "encoding": None}
    assert apart(os.getpid) != os.getpid()
    assert apart(parse_feed, body, **named) == parse_feed(body, **named)  # type: ignore[arg-type]


def test_what_is_wrong_with_it_comes_back_as_it_is() -> None:
    with pytest.raises(ParseFailure) as failure:
        apart(parse_feed, b"<html>", content_type="text/html", url="https://a.example/", now=NOW)
    assert failure.value.state is PollState.NOT_A_FEED


def test_what_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collectors.reading, "READ_TIMEOUT", 0.5)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        apart(time.sleep, 60)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("function", [die, hoard])
def test_what_takes_too_much_or_kills_its_process_fails_alone(function: Callable[..., Any]) -> None:
    with pytest.raises(MemoryError):
        apart(function)
