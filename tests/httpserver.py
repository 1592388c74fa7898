"""A small HTTP server on loopback for tests: handlers are functions, and it can misbehave.

    with HttpServer({"/feed": Reply(body=b"…"), "/slow": drip}) as server:
        …  # server.url("/feed"), server.requests

A handler takes a `Request` and gives a `Reply`, or takes over the connection: then it gives a
function of a `Connection`, which may send anything at any pace; the connection is closed after.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType

from tests.feeds.tls import server_context


@dataclass(frozen=True)
class Request:
    """What a client asked. Header names are in lower case; `at` is on the monotonic clock."""

    method: str
    path: str
    headers: Mapping[str, str]
    at: float


@dataclass(frozen=True)
class Reply:
    """A whole answer; its Content-Length is added. A header's value None leaves it out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str | bytes | None] = field(default_factory=dict)

    def encoded(self) -> bytes:
        phrase = HTTPStatus(self.status).phrase if self.status in list(HTTPStatus) else "Odd"
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} {phrase}".encode()]
        for name, value in headers.items():
            if value is not None:
                raw = value if isinstance(value, bytes) else value.encode("latin-1")
                lines.append(name.encode() + b": " + raw)
        body = b"" if self.status == 304 else self.body
        return b"\r\n".join([*lines, b"", body])


class Connection:
    """A client's connection, to misbehave on."""

    def __init__(self, raw: socket.socket, ended: threading.Event) -> None:
        self._raw = raw
        self._ended = ended

    def send(self, data: bytes) -> bool:
        """Send; False once the client has gone or the server ends."""
        try:
            self._raw.sendall(data)
        except OSError:
            return False
        return not self._ended.is_set()

    def receive(self) -> bytes:
        """What the client sends next; empty at the end."""
        try:
            return self._raw.recv(65_536)
        except OSError:
            return b""

    def wait(self, seconds: float) -> bool:
        """Wait so long; False once the server ends."""
        return not self._ended.wait(seconds)


Raw = Callable[[Connection], object]
Handler = Callable[[Request], "Reply | Raw"]


class HttpServer:
    """Serves `handlers` by path (without the query); other paths are 404. `talk` replaces HTTP."""

    def __init__(
        self,
        handlers: Mapping[str, Handler | Reply] | None = None,
        *,
        tls: bool = False,
        protocols: tuple[str, ...] = (),
        talk: Raw | None = None,
    ) -> None:
        self.handlers = dict(handlers or {})
        self.requests: list[Request] = []
        self._tls = server_context(protocols) if tls else None
        self._talk = talk
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [request for request in self.requests if request.path == path]

    def __enter__(self) -> HttpServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, run: Callable[..., object], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                plain, connection = connection, self._tls.wrap_socket(connection, server_side=True)
                self._open.discard(plain)
                self._open.add(connection)
            if self._talk:
                self._talk(Connection(connection, self._ended))
            else:
                self._serve_http(connection)
        except (OSError, ssl.SSLError):
            pass
        finally:
            self._open.discard(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _serve_http(self, connection: socket.socket) -> None:
        waiting = b""
        while not self._ended.is_set():
            while b"\r\n\r\n" not in waiting:
                data = connection.recv(65_536)
                if not data:
                    return
                waiting += data
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            request = _parsed(head.decode("latin-1"))
            self.requests.append(request)
            path = request.path.partition("?")[0]
            handler = self.handlers.get(path, Reply(404))
            answer = handler if isinstance(handler, Reply) else handler(request)
            if not isinstance(answer, Reply):
                answer(Connection(connection, self._ended))
                return
            connection.sendall(answer.encoded())


def _parsed(head: str) -> Request:
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Request(method, path, headers, time.monotonic())


def in_turn(*answers: Reply | Raw) -> Handler:
    """A handler that gives these answers one after the other, and the last one for ever."""
    left = list(answers)

    def handle(request: Request) -> Reply | Raw:
        return left.pop(0) if len(left) > 1 else left[0]

    return handle


def unused_port() -> tuple[socket.socket, int]:
    """A port that refuses connections while the socket that holds it stays open."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]
