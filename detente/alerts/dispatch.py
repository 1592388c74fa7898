"""Sending what is in the outbox: at least once, as often as it takes, each place by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from detente.alerts.destinations import Channel, NotDelivered
from detente.alerts.kept import Entry
from detente.alerts.message import Message
from detente.alerts.state import AlertState
from detente.alerts.subscription import Subscription
from detente.errors import RetryLater

FIRST_RETRY = 15.0
LONGEST_RETRY = 3_600.0
"""Seconds between two attempts: doubling from the first to the longest."""

GIVEN_UP = 3 * 86_400.0
"""Seconds after which what can't be delivered is given up; `detente alerts retry` takes it up."""

AT_ONCE = 50
"""Alerts in one message at most."""

SENDERS = 64
"""Messages that are under way at a time at most."""
_LOOK = 1.0
_LOOK_EVERY = 5.0


class Dispatcher:
    """Sends in threads of its own until closed, at once when `news` is set.

    A destination has one message under way at a time: one that hangs holds up nobody but itself.
    `look` is called every few seconds.
    """

    def __init__(
        self,
        state: AlertState,
        subscriptions: Sequence[Subscription],
        channels: Mapping[str, Channel],
        *,
        news: threading.Event | None = None,
        look: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._look = look
        self._state = state
        self.use(subscriptions, channels)
        self._clock = clock
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._wake = news or threading.Event()
        self._stop = threading.Event()
        self._senders = ThreadPoolExecutor(SENDERS, "alerts-send")
        self._thread = threading.Thread(target=self._run, name="alerts-dispatch", daemon=True)
        self._log = structlog.get_logger("detente.alerts")

    def use(self, subscriptions: Sequence[Subscription], channels: Mapping[str, Channel]) -> None:
        """Send for these from now on."""
        self._subscriptions = {one.id: one for one in subscriptions}
        self._channels = dict(channels)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def close(self, patience: float = 3.0) -> None:
        """Send nothing more; what is under way is waited for so long."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        self._senders.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + patience
        while self._busy and time.monotonic() < deadline:
            time.sleep(0.02)

    def _run(self) -> None:
        looked = 0.0
        while not self._stop.is_set():
            self._wake.clear()
            try:
                if time.monotonic() >= looked + _LOOK_EVERY:
                    looked = time.monotonic()
                    self._look()
                self.send_due()
                due = self._state.next_due()
            except RetryLater as error:
                self._log.warning("outbox not read", reason=error.reason)
                due = None
            wait = _LOOK if due is None else min(_LOOK, max(0.05, due - self._clock()))
            self._wake.wait(wait)

    def send_due(self) -> None:
        """Hand what is due to the senders, and return."""
        now = self._clock()
        for (id, destination), entries in self._state.due(now).items():
            with self._lock:
                if destination in self._busy or self._stop.is_set():
                    continue
                self._busy.add(destination)
            self._senders.submit(self._guarded, id, destination, entries[:AT_ONCE])

    def _guarded(self, id: str, destination: str, entries: Sequence[Entry]) -> None:
        try:
            self._send(id, destination, entries)
        except RetryLater as error:
            self._log.warning("outbox not written", reason=error.reason)
        except Exception:
            self._log.exception("an alert could not be sent", destination=destination)
            self._failed(entries, "a fault in Détente")
        finally:
            with self._lock:
                self._busy.discard(destination)
            self._wake.set()

    def _send(self, id: str, destination: str, entries: Sequence[Entry]) -> None:
        subscription = self._subscriptions.get(id)
        channel = self._channels.get(destination)
        numbers = [one.number for one in entries]
        if subscription is None or channel is None:
            self._state.mark(numbers, "dead", reason="no such subscription or destination any more")
            return
        now = self._clock()
        sent = self._state.sent_since(id, destination, now - 3_600)
        if sent >= subscription.most_per_hour:
            # They go in one message, once there is room for it.
            self._state.mark(numbers, "waiting", due=now + 60, reason="above the limit an hour")
            return
        # What was muted or acknowledged meanwhile isn't among them any more.
        numbers = self._state.mark(numbers, "sending", tried=True)
        entries = [one for one in entries if one.number in numbers]
        if not entries:
            return
        repeat = any(one.state == "sending" for one in entries)
        stories = [one.story for one in entries]
        message = Message(
            id=f"{id}.{destination}.{numbers[0]}-{numbers[-1]}",
            subscription=id,
            name=subscription.title,
            repeat=repeat,
            alerts=tuple(self._state.alerts(id, stories)),
            sources=self._state.sources(stories),
        )
        try:
            channel.send(message)
        except NotDelivered as failure:
            self._failed(entries, str(failure))
            return
        self._state.mark(numbers, "sent", sent=self._clock())
        self._log.info("sent", subscription=id, destination=destination, alerts=len(entries))

    def _failed(self, entries: Sequence[Entry], reason: str) -> None:
        now = self._clock()
        for entry in entries:
            if now - entry.created > GIVEN_UP:
                self._state.mark([entry.number], "dead", reason=reason)
                self._log.error("given up", destination=entry.destination, reason=reason)
                continue
            wait = min(LONGEST_RETRY, FIRST_RETRY * 2**entry.attempts)
            wait *= random.uniform(0.8, 1.2)
            self._state.mark([entry.number], "waiting", due=now + wait, reason=reason)
        first = entries[0]
        self._log.warning("not sent", destination=first.destination, reason=reason)
