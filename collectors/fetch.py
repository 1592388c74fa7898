"""One URL over HTTP, with everything that can go wrong as a value.

Bounded in time (from connecting to the last byte, over all redirects), in size (decompressed), in
redirects and in addresses. Redirects are followed here and not by httpx, so that each hop is
checked and the permanent ones can be remembered.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from urllib.parse import urldefrag, urljoin

import httpcore
import httpx

from collectors.address import CheckedBackend, FetchProblem, check_url
from collectors.body import read_body
from collectors.dates import rfc822_date
from collectors.politeness import HostGate, retry_after_seconds
from collectors.problems import as_problems
from collectors.status import PollState
from detente.settings import CollectorSettings, redact
from detente.telemetry import requests

ACCEPT_FEED = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_MAX_VALIDATOR = 1_000
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes a GET conditional; good for the one URL that gave them."""

    url: str
    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body. `url` is where it was in the end; `moved_to` is set after permanent redirects;
    `fresh_for` is how many seconds the server calls it fresh; `links` are those of its header, by
    their relation."""

    url: str
    body: bytes
    content_type: str
    validators: Validators
    moved_to: str | None = None
    fresh_for: float | None = None
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that nothing changed since the validators were given."""

    url: str
    validators: Validators
    moved_to: str | None = None
    fresh_for: float | None = None


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """No body; `retry_after` (seconds) where the host asked for a wait."""

    state: PollState
    message: str
    retry_after: float | None = None


Check = Callable[[str], Awaitable[None]]
Admit = Callable[[], Awaitable[None]]


class _CheckedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool that only opens checked connections."""

    def __init__(self, settings: CollectorSettings, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls)
        # httpx offers no argument for the network backend; test_collectors_fetch holds this line
        # to its purpose, whatever a new version of httpx makes of it.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=settings.concurrency,
            keepalive_expiry=30.0,
            http2=True,
            network_backend=CheckedBackend(settings.allow_loopback),
        )


class Fetcher:
    """Fetches within one event loop; an async context manager. `gate` spaces the hosts."""

    def __init__(
        self,
        settings: CollectorSettings,
        gate: HostGate | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self.gate = gate or HostGate(settings.host_spacing, places=settings.host_concurrency)
        self._slots = asyncio.Semaphore(settings.concurrency)
        tls = tls or ssl.create_default_context()
        self._client = httpx.AsyncClient(
            transport=_CheckedTransport(settings, tls),
            headers={"User-Agent": settings.user_agent, "Accept-Encoding": "gzip, deflate"},
            timeout=settings.timeout,
            follow_redirects=False,
            # A proxy from the environment would connect for us, to addresses that nobody checked.
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str = ACCEPT_FEED,
        validators: Validators | None = None,
        check: Check | None = None,
        admit: Admit | None = None,
    ) -> Fetched | NotModified | FetchFailure:
        """GET the URL, following redirects. Never raises for what the outside does.

        `check` is asked about each URL before it is fetched, and may raise FetchProblem; `admit` is
        waited for each time when nothing else is left to wait for.
        `validators` go only to the URL that they came from. A 429 or 503 blocks the whole host for
        as long as it asks; while that lasts, nothing is sent to it.
        """
        try:
            return await self._follow(url, max_bytes, accept, validators, check, admit)
        except FetchProblem as problem:
            return FetchFailure(problem.state, redact(problem.message), problem.retry_after)

    async def post(self, url: str, form: Mapping[str, str]) -> FetchFailure | None:
        """POST a form, as politely and to no other addresses; None where it was accepted."""
        try:
            host = check_url(url)
            async with self._turn(host, None):
                with as_problems(url, self._settings.timeout), _counted(host) as outcome:
                    async with asyncio.timeout(self._settings.timeout):
                        async with self._client.stream("POST", url, data=form) as response:
                            outcome[:] = [str(response.status_code)]
        except FetchProblem as problem:
            return FetchFailure(problem.state, redact(problem.message), problem.retry_after)
        status = response.status_code
        if response.is_success:
            return None
        return FetchFailure(_state_of(status), f"{url} answers {status}{_reason(status)}")

    async def _follow(
        self,
        url: str,
        max_bytes: int,
        accept: str,
        validators: Validators | None,
        check: Check | None,
        admit: Admit | None,
    ) -> Fetched | NotModified:
        left = self._settings.timeout
        moved_to: str | None = None
        permanent = True
        visited = [url]
        while True:
            hop = visited[-1]
            host = check_url(hop)
            if check is not None:
                await check(hop)
            headers = _conditional(hop, validators) | {"Accept": accept}
            async with self._turn(host, admit):
                begun = time.monotonic()
                with as_problems(hop, self._settings.timeout), _counted(host) as outcome:
                    async with asyncio.timeout(left):
                        answer = await self._ask(hop, host, headers, max_bytes, outcome)
                left = max(0.01, left - (time.monotonic() - begun))
            if isinstance(answer, _Redirect):
                target = _target(hop, answer.location)
                _check_redirect(target, visited, self._settings.max_redirects)
                permanent = permanent and answer.permanent
                moved_to = target if permanent else moved_to
                visited.append(target)
                continue
            given = Validators(hop, answer.etag, answer.modified)
            if answer.body is None:
                return NotModified(hop, given, moved_to, answer.fresh_for)
            return Fetched(
                hop,
                answer.body,
                answer.content_type,
                given,
                moved_to,
                answer.fresh_for,
                answer.links,
            )

    @asynccontextmanager
    async def _turn(self, host: str, admit: Admit | None) -> AsyncIterator[None]:
        """Within it one request may be made: the host has few others open, it is this one's turn,
        and a connection is free."""
        self._respect(host)
        async with self.gate.place(host):
            async with self.gate.turn(host):
                if admit is not None:
                    await admit()
                await self._slots.acquire()
            try:
                self._respect(host)  # another answer may have asked for peace meanwhile
                yield
            finally:
                self._slots.release()

    def _respect(self, host: str) -> None:
        if (wait := self.gate.remaining(host)) > 0:
            message = f"{host} asked to be left alone for another {wait:.0f} s"
            raise FetchProblem(PollState.THROTTLED, message, wait)

    async def _ask(
        self, url: str, host: str, headers: dict[str, str], max_bytes: int, outcome: list[str]
    ) -> _Answer | _Redirect:
        async with self._client.stream("GET", url, headers=headers) as response:
            status = response.status_code
            outcome[:] = [str(status)]
            if status in _REDIRECTS:
                location = response.headers.get("location")
                if not location:
                    raise FetchProblem(
                        PollState.REDIRECT, f"{url} answers {status} without saying where to"
                    )
                return _Redirect(location, status in _PERMANENT)
            if status in (429, 503):
                wait = retry_after_seconds(response.headers.get("retry-after"), datetime.now(UTC))
                if status == 429 or "retry-after" in response.headers:
                    self.gate.block(host, wait)
                    message = f"{url} answers {status} and asks for a wait of {wait:.0f} s"
                    raise FetchProblem(PollState.THROTTLED, message, wait)
            conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
            if status not in (200, 203) and not (status == 304 and conditional):
                raise FetchProblem(_state_of(status), f"{url} answers {status}{_reason(status)}")
            return _Answer(
                body=None if status == 304 else await read_body(response, url, max_bytes),
                content_type=response.headers.get("content-type", ""),
                etag=_validator(response.headers.get("etag")),
                modified=_validator(response.headers.get("last-modified")),
                fresh_for=_fresh_for(response.headers),
                links=_links(response),
            )


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    body: bytes | None
    content_type: str
    etag: str | None
    modified: str | None
    fresh_for: float | None
    links: Mapping[str, str]


def _conditional(url: str, validators: Validators | None) -> dict[str, str]:
    if validators is None or validators.url != url:
        return {}
    shown = {"If-None-Match": validators.etag, "If-Modified-Since": validators.modified}
    return {name: value for name, value in shown.items() if value}


def _validator(value: str | None) -> str | None:
    """A validator as it can be shown again; one that no request could carry would break each."""
    sound = value and value.isascii() and value.isprintable() and len(value) <= _MAX_VALIDATOR
    return value if sound else None


def _target(hop: str, location: str) -> str:
    try:
        return urldefrag(urljoin(hop, location)).url
    except ValueError as error:
        message = f"{hop} redirects to what is no URL: {location[:200]!r}: {error}"
        raise FetchProblem(PollState.REDIRECT, message) from None


def _check_redirect(target: str, visited: list[str], limit: int) -> None:
    if target in visited:
        raise FetchProblem(PollState.REDIRECT, f"{visited[0]} redirects in a circle: {target}")
    if len(visited) > limit:
        raise FetchProblem(PollState.REDIRECT, f"{visited[0]}: more than {limit} redirects")


_STATES = {
    401: PollState.FORBIDDEN,
    402: PollState.FORBIDDEN,
    403: PollState.FORBIDDEN,
    404: PollState.NOT_FOUND,
    410: PollState.GONE,
    451: PollState.FORBIDDEN,
}


def _state_of(status: int) -> PollState:
    default = PollState.SERVER_ERROR if status >= 500 else PollState.CLIENT_ERROR
    return _STATES.get(status, default)


def _reason(status: int) -> str:
    phrase = httpx.codes.get_reason_phrase(status)
    return f" {phrase}" if phrase else ""


def _fresh_for(headers: httpx.Headers) -> float | None:
    """How long the answer is fresh by `Cache-Control: max-age` or else `Expires`, in seconds."""
    if found := _MAX_AGE.search(headers.get("cache-control", "")):
        return float(found[1])
    expires, date = rfc822_date(headers.get("expires", "")), rfc822_date(headers.get("date", ""))
    if expires is None or date is None or (expires.tzinfo is None) != (date.tzinfo is None):
        return None
    return max(0.0, (expires - date).total_seconds())


def _links(response: httpx.Response) -> dict[str, str]:
    return {str(rel): link["url"] for rel, link in response.links.items() if link.get("url")}


@contextmanager
def _counted(host: str) -> Iterator[list[str]]:
    """Count one request by the outcome that is put into the list."""
    outcome = ["failed"]
    try:
        yield outcome
    finally:
        requests.labels(host, *outcome).inc()
