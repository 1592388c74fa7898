"""What a person sees while the stages run: articles as they are stored, and a line of totals."""

from __future__ import annotations

import sys
from collections import Counter
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING

from detente.cli.output import console

if TYPE_CHECKING:
    from rich.text import Text

    from collectors.status import PollEvent
    from detente.settings import Settings
    from detente.store.base import Document

_TROUBLE_SHOWN = 3
_WORKING = ("working", "unchanged", "moved")


class Progress:
    """An observer of the pipeline that writes to the terminal; every article when it is no
    terminal, all but the irrelevant ones when it is."""

    def __init__(self, settings: Settings, *, quiet: bool = False) -> None:
        from rich.live import Live

        self._quiet = quiet
        self._lock = Lock()
        self._feeds: dict[str, str] = {}
        self._polls = 0
        self._relevance: Counter[str] = Counter()
        self._seen: dict[str, str] = {}
        self._lag: dict[str, int] = {}
        self._terminal = sys.stdout.isatty() and not quiet
        self._live = Live(
            self._status(), console=console(), auto_refresh=False, redirect_stderr=False
        )
        self._where = f"store {settings.redacted()['store']}"

    def __enter__(self) -> Progress:
        if self._terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._live.update(self._status(), refresh=True)
            self._live.stop()
        elif not self._quiet:
            console().print(self._status())

    def polled(self, event: PollEvent) -> None:
        with self._lock:
            self._polls += 1
            self._feeds[event.feed] = str(event.state)

    def stored(self, document: Document) -> None:
        relevance = document.get("relevance") or "unscored"
        with self._lock:
            if before := self._seen.get(document["id"]):
                self._relevance[before] -= 1
            self._seen[document["id"]] = relevance
            self._relevance[relevance] += 1
        if not self._quiet and (relevance in ("core", "peripheral") or not self._terminal):
            from detente.cli.read import headline

            console().print(headline(document))

    def tick(self, lag: dict[str, int]) -> None:
        self._lag = lag
        if self._terminal:
            self._live.update(self._status(), refresh=True)

    def _status(self) -> Text:
        from rich.text import Text

        with self._lock:
            troubled = sorted(f for f, state in self._feeds.items() if state not in _WORKING)
            articles = sum(self._relevance.values())
            line = Text(
                f"{len(self._feeds)} feeds, {self._polls} polls · {articles} articles: "
                f"{self._relevance['core']} core, {self._relevance['peripheral']} peripheral, "
                f"{self._relevance['none']} not relevant, {self._relevance['unscored']} unscored"
            )
        if waiting := sum(count for count in self._lag.values() if count > 0):
            line.append(f" · {waiting} waiting")
        if troubled:
            more = "…" if len(troubled) > _TROUBLE_SHOWN else ""
            names = ", ".join(troubled[:_TROUBLE_SHOWN])
            line.append(f" · {len(troubled)} feeds in trouble ({names}{more})", style="yellow")
        return line
