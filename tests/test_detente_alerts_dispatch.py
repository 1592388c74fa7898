"""Delivery through a real SMTP server and real HTTP receivers that fail, hang and come back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from detente.alerts.destinations import Channel, open_channel, signature
from detente.alerts.dispatch import FIRST_RETRY, GIVEN_UP, Dispatcher
from detente.alerts.message import Alert, Shown
from detente.alerts.state import AlertState
from detente.alerts.subscription import Destination, Subscription
from tests.test_detente_alerts_stage import Clock

SECRET = "shared secret"


class Receiver:
    """A webhook's receiver; `answers` are statuses in turn, the last one for good; `hold` makes it
    hang."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], dict[str, Any], bytes]] = []
        self.answers = [200]
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), json.loads(body), body))
                receiver.hold.wait(30)
                answers = receiver.answers
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.refuse = False

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.refuse:
            return "451 come back later"
        self.mails.append(envelope.content)
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    query = "from=watch@sample.example&to=desk@sample.example&mode=insecure&format=text"
    yield box, f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&{query}"
    controller.stop()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[AlertState]:
    state = AlertState(f"sqlite:///{tmp_path}/alerts.sqlite")
    yield state
    state.close()


def alert(number: int, subscription: str = "visas") -> Alert:
    return Alert(
        id=f"{subscription}.s{number}",
        subscription=subscription,
        story=f"s{number}",
        article=f"a{number}",
        title=f"Envoys meet, day {number}\r\nBcc: everybody@sample.example",
        outlet="The Sample",
        url=f"https://sample.example/{number}",
        published=None,
        evidence=(Shown("Moscow thanked Washington.", "RUS>USA: cooperative", "Sergei Lavrov"),),
        stance={"RUS>USA": 0.5},
        before={"RUS>USA": -0.25},
    )


def subscription(*to: str, **changes: Any) -> Subscription:
    return Subscription(**{"id": "visas", "name": "Visas", "query": "visas", "to": to, **changes})


@contextmanager
def sending(
    state: AlertState,
    subscriptions: list[Subscription],
    channels: dict[str, Destination],
    clock: Callable[[], float] = time.time,
) -> Iterator[Dispatcher]:
    opened: dict[str, Channel] = {name: open_channel(one) for name, one in channels.items()}
    dispatcher = Dispatcher(state, subscriptions, opened, clock=clock)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.close()


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states(state: AlertState) -> list[str]:
    return [one.state for one in state.outbox()]


def test_a_webhook_gets_the_alert_signed(state: AlertState, receiver: Receiver) -> None:
    hook = Destination(webhook=receiver.url, secret=SECRET)
    state.tell(alert(1), ["hook"], now=1.0, due=1.0)
    with sending(state, [subscription("hook")], {"hook": hook}):
        until(lambda: states(state) == ["sent"])
    ((headers, said, body),) = receiver.got
    assert said["subject"] == "Envoys meet, day 1 Bcc: everybody@sample.example"
    assert said["repeat"] is False
    assert said["alerts"][0]["evidence"][0]["text"] == "Moscow thanked Washington."
    assert "RUS>USA: +0.50, -0.25 in the week before" in said["text"]
    at = int(headers["X-Detente-Signature"].split(",")[0].removeprefix("t="))
    assert headers["X-Detente-Signature"] == signature(SECRET, body, at)
    assert abs(time.time() - at) < 60
    assert headers["Idempotency-Key"] == said["id"]


def test_a_mail_gets_there_and_a_headline_adds_no_header(
    state: AlertState, mailbox: tuple[Mailbox, str]
) -> None:
    box, url = mailbox
    state.tell(alert(1), ["desk"], now=1.0, due=1.0)
    with sending(state, [subscription("desk")], {"desk": Destination(url=url)}):
        until(lambda: states(state) == ["sent"])
    mail = message_from_bytes(box.mails[0], policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Envoys meet, day 1")
    part = mail.get_body(("plain",)) if mail.is_multipart() else mail
    text = part.get_content()
    assert "“Moscow thanked Washington.” — Sergei Lavrov" in text
    assert "https://sample.example/1" in text


def test_what_fails_is_tried_again_until_it_gets_there(
    state: AlertState, receiver: Receiver
) -> None:
    clock = Clock(1_000.0)
    receiver.answers = [500, 429, 200]
    state.tell(alert(1), ["hook"], now=clock.now, due=clock.now)
    with sending(state, [subscription("hook")], {"hook": Destination(webhook=receiver.url)}, clock):
        for attempt in range(1, 3):
            until(lambda attempt=attempt: state.outbox()[0].attempts == attempt)
            until(lambda: state.outbox()[0].state == "waiting")
            (line,) = state.outbox()
            assert line.reason.startswith("the receiver answers")
            assert 0.7 * FIRST_RETRY < line.due - clock.now < 1.3 * FIRST_RETRY * 2**attempt
            clock.now = line.due + 1
        until(lambda: states(state) == ["sent"])
    assert len(receiver.got) == 3
    assert len({headers["Idempotency-Key"] for headers, _, _ in receiver.got}) == 1


def test_a_mail_server_that_is_down_loses_nothing(
    state: AlertState, mailbox: tuple[Mailbox, str]
) -> None:
    box, url = mailbox
    box.refuse = True
    clock = Clock(1_000.0)
    state.tell(alert(1), ["desk"], now=clock.now, due=clock.now)
    with sending(state, [subscription("desk")], {"desk": Destination(url=url)}, clock):
        until(lambda: state.outbox()[0].attempts == 1 and states(state) == ["waiting"])
        box.refuse = False
        clock.now += 3_600
        until(lambda: states(state) == ["sent"])
    assert len(box.mails) == 1


def test_one_that_hangs_delays_no_other(state: AlertState, receiver: Receiver) -> None:
    other = Receiver()
    receiver.hold.clear()
    channels = {
        "hung": Destination(webhook=receiver.url),
        "good": Destination(webhook=other.url),
    }
    for number in range(5):
        state.tell(alert(number), ["hung", "good"], now=1.0, due=1.0)
    begun = time.monotonic()
    with sending(state, [subscription("hung", "good")], channels):
        until(lambda: sum(len(said["alerts"]) for _, said, _ in other.got) == 5)
        assert time.monotonic() - begun < 5
        assert len(receiver.got) <= 1, "and it has one message under way"
        receiver.hold.set()
        until(lambda: set(states(state)) == {"sent"})
    other.close()


def test_what_is_due_together_goes_in_one_message(state: AlertState, receiver: Receiver) -> None:
    for number in range(3):
        state.tell(alert(number), ["hook"], now=1.0, due=1.0)
    hook = {"hook": Destination(webhook=receiver.url)}
    with sending(state, [subscription("hook", when="hourly")], hook):
        until(lambda: states(state) == ["sent"] * 3)
    ((_, said, _),) = receiver.got
    assert said["subject"] == "3 stories on Visas"
    assert [one["story"] for one in said["alerts"]] == ["s0", "s1", "s2"]


def test_a_limit_an_hour_merges_and_drops_nothing(state: AlertState, receiver: Receiver) -> None:
    clock = Clock(10_000.0)
    one = subscription("hook", most_per_hour=2)
    with sending(state, [one], {"hook": Destination(webhook=receiver.url)}, clock) as dispatcher:
        for number in range(6):
            state.tell(alert(number), ["hook"], now=clock.now, due=clock.now)
            dispatcher.wake()
            if number < 2:
                until(lambda number=number: states(state).count("sent") == number + 1)
            clock.now += 1
        until(lambda: all(one.reason for one in state.outbox() if one.state == "waiting"))
        assert len(receiver.got) == 2
        clock.now += 3_700
        until(lambda: set(states(state)) == {"sent"})
    assert [len(said["alerts"]) for _, said, _ in receiver.got] == [1, 1, 4]


def test_after_days_it_is_given_up_and_can_be_taken_up(
    state: AlertState, receiver: Receiver
) -> None:
    clock = Clock(1_000.0)
    receiver.answers = [500, 500, 200]
    state.tell(alert(1), ["hook"], now=clock.now, due=clock.now)
    with sending(state, [subscription("hook")], {"hook": Destination(webhook=receiver.url)}, clock):
        until(lambda: state.outbox()[0].attempts == 1 and states(state) == ["waiting"])
        clock.now += GIVEN_UP + 1
        until(lambda: states(state) == ["dead"])
        assert state.revive(clock.now) == 1
        until(lambda: states(state) == ["sent"])


def test_what_goes_nowhere_any_more_is_given_up_with_its_reason(state: AlertState) -> None:
    state.tell(alert(1), ["gone"], now=1.0, due=1.0)
    with sending(state, [subscription("gone")], {}):
        until(lambda: states(state) == ["dead"])
    assert "no such subscription or destination" in state.outbox()[0].reason


def test_an_address_that_apprise_does_not_know_says_so(state: AlertState) -> None:
    state.tell(alert(1), ["odd"], now=1.0, due=1.0)
    with sending(state, [subscription("odd")], {"odd": Destination(url="surprise://x")}):
        until(lambda: state.outbox()[0].reason)
    assert "Apprise can't read" in state.outbox()[0].reason


_KILLED = """
import sys, time
from detente.alerts.destinations import open_channel
from detente.alerts.dispatch import Dispatcher
from detente.alerts.state import AlertState
from detente.alerts.subscription import Destination, Subscription
state = AlertState(sys.argv[1])
one = Subscription(id="visas", query="visas", to=("hook",))
channel = open_channel(Destination(webhook=sys.argv[2]))
Dispatcher(state, [one], {"hook": channel}).start()
time.sleep(60)
"""


def test_killed_during_delivery_it_repeats_one_message_at_most_and_says_so(
    state: AlertState, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.hold.clear()
    for number in range(3):
        state.tell(alert(number), ["hook"], now=1.0, due=1.0)
    url = f"sqlite:///{tmp_path}/alerts.sqlite"
    process = subprocess.Popen([sys.executable, "-c", _KILLED, url, receiver.url])
    try:
        until(lambda: receiver.got, 30)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert set(states(state)) == {"sending"}
    receiver.hold.set()
    with sending(state, [subscription("hook")], {"hook": Destination(webhook=receiver.url)}):
        until(lambda: set(states(state)) == {"sent"})
    first, second = (said for _, said, _ in receiver.got)
    assert first["id"] == second["id"]
    assert (first["repeat"], second["repeat"]) == (False, True)
    assert second["subject"].startswith("(repeated) ")
