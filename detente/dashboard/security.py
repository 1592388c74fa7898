"""Who may ask for what: hosts, logins, forms that are ours, and how often.

On loopback the machine's user is trusted; a page elsewhere is kept out by the check of the host
(DNS rebinding) and of where a form comes from. Beyond loopback somebody has to log in, or a reverse
proxy has to say who it is (`dashboard.users`, `dashboard.user_header`).
"""

from __future__ import annotations

import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from detente.dashboard.passwords import is_right, nobodys
from detente.errors import ConfigError
from detente.settings import DashboardSettings, host_and_port

COOKIE = "detente_session"
SESSION_SECONDS = 12 * 3_600
FORM_FIELD = "form_key"
MOST_BODY = 4_000_000
"""Bytes of a form, of which the largest is a list of feeds; nobody fills the memory with one."""

OPEN_PATHS = ("/login", "/static/", "/healthz")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Publishers learn nothing; and a form of ours says where it comes from, which under
    # `no-referrer` it would not.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Next = Callable[[Request], Awaitable[Response]]


def is_loopback(listen: str) -> bool:
    host, _ = host_and_port(listen)
    return host == "localhost" or (host != "" and _address(host))


def _address(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(settings: DashboardSettings) -> None:
    """Raises ConfigError where anyone could read and change what is here."""
    problems = []
    if not is_loopback(settings.listen) and not (settings.users or settings.user_header):
        problems.append(
            f"dashboard.listen = {settings.listen!r}: beyond this machine somebody has to log in; "
            "set dashboard.users (`detente serve --hash-password`), or dashboard.user_header and "
            "dashboard.proxies for a reverse proxy that does"
        )
    if settings.user_header and not settings.proxies:
        problems.append(
            "dashboard.user_header: set dashboard.proxies, the addresses that are believed"
        )
    for name, kept in settings.users.items():
        try:
            is_right("", kept.get_secret_value())
        except (ValueError, TypeError):
            problems.append(
                f"dashboard.users.{name}: is no hash; `detente serve --hash-password` makes one"
            )
    if problems:
        raise ConfigError(problems)


@dataclass
class Budget:
    """So many requests at once, and so many a second after that, of each client."""

    burst: float
    a_second: float
    clock: Callable[[], float] = time.monotonic
    _MOST = 10_000

    def __post_init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """0 if there is one left, else in how many seconds there will be."""
        now = self.clock()
        left, at = self._left.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.a_second)
        wait = 0.0 if left >= 1 else (1 - left) / self.a_second
        self._left[client] = (left - 1 if not wait else left, now)
        while len(self._left) > self._MOST:
            self._left.popitem(last=False)
        return wait


class Guard:
    """What every request passes before it is answered, and what every answer is given."""

    def __init__(self, settings: DashboardSettings) -> None:
        check_binding(settings)
        self._settings = settings
        self._key = _key(settings.key)
        self._requests = Budget(settings.burst, settings.requests_a_second)
        self._logins = Budget(5, 1 / 20)
        host, _ = host_and_port(settings.listen)
        own = {"localhost", "127.0.0.1", "::1"} if is_loopback(settings.listen) else {host}
        self._hosts = own | {one.lower() for one in settings.hosts}
        self._any_host = not is_loopback(settings.listen) and not settings.hosts

    async def __call__(self, request: Request, call_next: Next) -> Response:
        response = self._refusal(request)
        if response is None:
            request.state.user = self.user(request)
            if request.state.user is None and not request.url.path.startswith(OPEN_PATHS):
                response = _to_login(request)
            else:
                response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refusal(self, request: Request) -> Response | None:
        if not self._any_host and _host(request) not in self._hosts:
            return PlainTextResponse(
                "This dashboard isn't known by that name; see dashboard.hosts.\n", 421
            )
        if wait := self._requests.take(self._client(request)):
            return _too_many(wait)
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return None
        if not self._from_here(request):
            return PlainTextResponse("A form of another site can't be sent here.\n", 403)
        length = request.headers.get("content-length", "")
        # With both, the server reads on for as long as there are chunks.
        if not length.isdecimal() or "transfer-encoding" in request.headers:
            return PlainTextResponse("Say how long the form is (Content-Length).\n", 411)
        if int(length) > MOST_BODY:
            return PlainTextResponse(f"A form has {MOST_BODY:,} bytes at most.\n", 413)
        return None

    def _from_here(self, request: Request) -> bool:
        """Whether a browser sent this from a page of ours, as far as it tells."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("origin")
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")

    def user(self, request: HTTPConnection) -> str | None:
        """Who asks; None for nobody that is known."""
        settings = self._settings
        if settings.user_header and self._peer(request) in settings.proxies:
            return request.headers.get(settings.user_header) or None
        if settings.users:
            return self._session(request.cookies.get(COOKIE, ""))
        return "local" if not settings.user_header else None

    async def login(self, request: Request, name: str, password: str) -> str | None:
        """The session's cookie for a name and its password; None where they are wrong. Raises
        TooManyTries."""
        if wait := self._logins.take(self._client(request)):
            raise TooManyTries(wait)
        kept = self._settings.users.get(name)
        text = kept.get_secret_value() if kept else nobodys()
        right = await run_in_threadpool(is_right, password, text)
        return self._signed(name, int(time.time()) + SESSION_SECONDS) if right and kept else None

    def form_key(self, request: HTTPConnection) -> str:
        """What a form of ours brings along: who has the session, and until tomorrow."""
        return self._mac(f"form:{request.state.user}:{int(time.time()) // 86_400}")

    def is_form_key(self, request: HTTPConnection, given: str) -> bool:
        day = int(time.time()) // 86_400
        keys = [self._mac(f"form:{request.state.user}:{one}") for one in (day, day - 1)]
        return any(hmac.compare_digest(given.encode(), one.encode()) for one in keys)

    def _signed(self, name: str, until: int) -> str:
        told = f"{name.encode().hex()}.{until}"
        return f"{told}.{self._mac(f'session:{told}')}"

    def _session(self, cookie: str) -> str | None:
        told, _, mac = cookie.rpartition(".")
        if not told or not hmac.compare_digest(self._mac(f"session:{told}").encode(), mac.encode()):
            return None
        name_hex, _, until = told.partition(".")
        name = bytes.fromhex(name_hex).decode()
        return name if int(until) > time.time() and name in self._settings.users else None

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), sha256).hexdigest()

    def _peer(self, request: HTTPConnection) -> str:
        return request.client.host if request.client else ""

    def _client(self, request: Request) -> str:
        peer = self._peer(request)
        if peer in self._settings.proxies:
            return request.headers.get("x-forwarded-for", peer).rpartition(",")[2].strip() or peer
        return peer


class TooManyTries(Exception):
    """After so many `seconds` another one is allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def _host(request: Request) -> str:
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    return (name or "").lower()


def _to_login(request: Request) -> Response:
    if request.url.path.startswith("/api/") or request.method != "GET":
        return PlainTextResponse("Log in first.\n", 401)
    return RedirectResponse("/login", 303)


def _too_many(wait: float) -> Response:
    headers = {"Retry-After": str(int(wait) + 1)}
    return PlainTextResponse("Too many requests; try again shortly.\n", 429, headers)


def _key(file: Path) -> bytes:
    """The key of sessions and forms, made at the first start. Raises ConfigError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(made, "wb") as new:
                new.write(os.urandom(32))
        key = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"dashboard.key = {str(file)!r}: {error.strerror}") from None
    if len(key) < 32:
        raise ConfigError(f"dashboard.key = {str(file)!r}: is too short; delete it for a new one")
    return key
