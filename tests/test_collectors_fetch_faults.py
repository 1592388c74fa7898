"""What strangers' servers can do to a fetch: bombs, drips, floods, cut bodies, dead ends."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator

import h2.exceptions
import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.address import CheckedBackend, FetchProblem, check_url, refusal
from collectors.fetch import Fetched, Fetcher
from collectors.inflate import Inflater
from collectors.status import PollState
from detente.settings import CollectorSettings
from tests.httpserver import Connection, HttpServer, Raw, Reply, Request, unused_port
from tests.test_collectors_fetch import failure, fetched


def gzipped(data: bytes) -> bytes:
    """The same bytes at any time: a clock in a test's name would be another in each process."""
    return gzip.compress(data, mtime=0)


NEWS = b"<rss>" + b"news " * 1_000 + b"</rss>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


def raw(talk: Raw) -> Callable[[Request], Raw]:
    return lambda request: talk


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


# Bodies


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(NEWS)),
        ("GZip", gzipped(NEWS)),
        ("x-gzip", gzipped(NEWS)),
        ("gzip", gzipped(NEWS[:999]) + gzipped(b"") + gzipped(NEWS[999:])),
        ("gzip", gzipped(NEWS) + b"\0" * 100),
        ("deflate", zlib.compress(NEWS)),
        ("deflate", raw_deflate(NEWS)),
        ("deflate", zlib.compress(NEWS) + b"rest"),
        ("identity", NEWS),
        ("", NEWS),
    ],
)
def test_compressed_bodies(server: HttpServer, encoding: str, body: bytes) -> None:
    server.handlers["/feed"] = Reply(body=body, headers={"Content-Encoding": encoding})
    assert fetched(server.url("/feed")).body == NEWS


@pytest.mark.parametrize(
    ("encoding", "body", "state"),
    [
        ("br", NEWS, PollState.BROKEN),
        ("gzip, gzip", gzipped(gzipped(NEWS)), PollState.BROKEN),
        ("gzip", NEWS, PollState.BROKEN),
        ("deflate", NEWS, PollState.BROKEN),
        ("gzip", gzipped(NEWS)[:-9], PollState.TRUNCATED),
        ("gzip", gzipped(NEWS) + gzipped(NEWS)[:20], PollState.TRUNCATED),
        ("deflate", zlib.compress(NEWS)[:30], PollState.TRUNCATED),
        ("gzip", gzipped(NEWS)[:-8] + b"\0" * 8, PollState.BROKEN),
    ],
)
def test_badly_compressed_bodies(
    server: HttpServer, encoding: str, body: bytes, state: PollState
) -> None:
    server.handlers["/feed"] = Reply(body=body, headers={"Content-Encoding": encoding})
    assert failure(server.url("/feed")).state is state


def test_an_empty_compressed_body(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(headers={"Content-Encoding": "gzip"})
    assert fetched(server.url("/feed")).body == b""


@given(st.binary(max_size=300), st.lists(st.integers(1, 50)), st.booleans())
def test_inflating_does_not_depend_on_how_the_bytes_arrive(
    data: bytes, cuts: list[int], deflate: bool
) -> None:
    body = raw_deflate(data) if deflate else gzipped(data[:100]) + gzipped(data[100:])
    inflater = Inflater(deflate, limit=1_000)
    found = b""
    for cut in [*cuts, len(body)]:
        found += b"".join(inflater.feed(body[:cut]))
        body = body[cut:]
    assert (found, inflater.complete) == (data, True)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", b"x" * 10_001),
        ("gzip", gzipped(bytes(50_000_000))),
        ("gzip", gzipped(bytes(9_000)) + gzipped(bytes(9_000))),
        ("deflate", zlib.compress(bytes(50_000_000))),
        ("gzip", gzipped(b"") * 1_000),
    ],
    ids=["plain", "gzip bomb", "two members", "deflate bomb", "members of nothing"],
)
def test_a_cap_on_the_body(server: HttpServer, encoding: str, body: bytes) -> None:
    server.handlers["/feed"] = Reply(body=body, headers={"Content-Encoding": encoding})
    answer = failure(server.url("/feed"), max_bytes=10_000)
    assert (answer.state, "10000" in answer.message) == (PollState.TOO_LARGE, True)


def test_the_cap_is_the_last_byte_that_fits(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=b"x" * 10_000)
    assert len(fetched(server.url("/feed"), max_bytes=10_000).body) == 10_000


def test_a_flood_without_end(server: HttpServer) -> None:
    def flood(connection: Connection) -> None:
        connection.send(HEAD + b"\r\n")
        while connection.send(b"<item>" * 10_000):
            pass

    server.handlers["/feed"] = raw(flood)
    assert failure(server.url("/feed")).state is PollState.TOO_LARGE


@pytest.mark.parametrize("where", ["silence", "headers", "body", "chunks"])
def test_a_drip_meets_the_total_time_limit(server: HttpServer, where: str) -> None:
    def drip(connection: Connection) -> None:
        begin = {"headers": b"HTTP/1.1 200 OK\r\n", "body": HEAD + b"\r\n"}
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        piece = {"headers": b"X: y\r\n", "body": b"x", "chunks": b"1\r\nx\r\n", "silence": b""}
        connection.send(begin.get(where, chunked if where == "chunks" else b""))
        while connection.wait(0.02) and connection.send(piece[where]):
            pass

    server.handlers["/feed"] = raw(drip)
    begun = time.monotonic()
    answer = failure(server.url("/feed"), timeout=0.3)
    assert time.monotonic() - begun < 2
    assert (answer.state, "0.3 s" in answer.message) == (PollState.TIMEOUT, True)


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (HEAD + b"Content-Length: 100\r\n\r\nhalf", PollState.TRUNCATED),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", PollState.TRUNCATED),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n", PollState.BROKEN),
        (HEAD, PollState.BROKEN),
        (b"", PollState.BROKEN),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", PollState.BROKEN),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, PollState.BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", PollState.BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", PollState.BROKEN),
        (b"HTTP/1.1 200 OK\r\nBad Header\x00: 1\r\n\r\nx", PollState.BROKEN),
    ],
    ids=lambda it: repr(it)[:50],
)
def test_answers_cut_short_or_malformed(server: HttpServer, sent: bytes, state: PollState) -> None:
    server.handlers["/feed"] = raw(lambda connection: connection.send(sent))
    assert failure(server.url("/feed")).state is state


def test_a_body_that_ends_with_the_connection_is_whole(server: HttpServer) -> None:
    server.handlers["/feed"] = raw(lambda connection: connection.send(HEAD + b"\r\n" + NEWS))
    assert fetched(server.url("/feed")).body == NEWS


# Connections


def test_nothing_listens() -> None:
    holder, port = unused_port()
    with holder:
        answer = failure(f"http://127.0.0.1:{port}/feed")
    assert answer.state is PollState.CONNECTION_REFUSED


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError])
def test_a_name_that_does_not_resolve(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    answer = failure("http://sample.example/feed")
    assert (answer.state, "sample.example" in answer.message) == (PollState.DNS, True)


def test_an_untrusted_certificate() -> None:
    with HttpServer({"/feed": Reply(body=NEWS)}, tls=True) as server:
        settings = CollectorSettings(allow_loopback=True)

        async def go() -> object:
            async with Fetcher(settings) as fetcher:
                return await fetcher.fetch(server.url("/feed"), max_bytes=10_000)

        answer = asyncio.run(go())
    assert getattr(answer, "state", answer) is PollState.TLS
    assert server.requests == []


def test_a_trusted_certificate() -> None:
    with HttpServer({"/feed": Reply(body=NEWS)}, tls=True) as server:
        assert fetched(server.url("/feed")).body == NEWS


def test_tls_where_plain_text_is_spoken() -> None:
    with HttpServer(talk=lambda connection: connection.send(Reply(400).encoded())) as server:
        answer = failure(server.url("/feed").replace("http://", "https://"))
    assert answer.state is PollState.TLS


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "192.0.2.1", "198.18.0.1"),
        *("169.254.169.254", "169.254.170.2", "fe80::1", "fd00:ec2::254", "fc00::1", "fec0::1"),
        *("0.0.0.0", "::", "255.255.255.255", "240.0.0.1", "224.0.0.1", "ff02::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "::ffff:0:10.0.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1", "64:ff9b:1::7f00:1"),
        *("2002:a00:1::", "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
        *("2001:db8::1", "100::1", "4000::1"),
    ],
)
def test_addresses_that_are_never_asked(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    answer = failure(f"http://{host}/feed", allow_loopback=False)
    assert (answer.state, host.strip("[]")[:4] in answer.message) == (PollState.ADDRESS, True)


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_odd_spellings_of_this_machine(spelling: str) -> None:
    assert failure(f"http://{spelling}/", allow_loopback=False).state is PollState.ADDRESS


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_addresses_of_the_internet(address: str) -> None:
    import ipaddress

    assert refusal(ipaddress.ip_address(address), allow_loopback=False) is None


def test_loopback_only_by_setting(server: HttpServer) -> None:
    server.handlers["/feed"] = Reply(body=NEWS)
    assert failure(server.url("/feed"), allow_loopback=False).state is PollState.ADDRESS
    assert server.requests == []


def test_a_private_address_stays_refused_where_loopback_is_allowed() -> None:
    assert failure("http://10.0.0.1/").state is PollState.ADDRESS


def test_of_a_names_addresses_only_permitted_ones_are_asked(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Name servers can say anything; a fake says it here.
    def resolve(host: str, port: int, *rest: object, **named: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (it, port)) for it in ("10.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.handlers["/feed"] = Reply(body=NEWS)
    assert fetched(server.url("/feed", "sample.example")).body == NEWS
    assert server.requests[0].headers["host"] == f"sample.example:{server.port}"


@pytest.mark.parametrize(
    "url",
    ["", "feed.xml", "file:///etc/passwd", "ftp://sample.example/", "http://", "http://[", "//x/"],
)
def test_what_is_no_web_address(url: str) -> None:
    assert failure(url).state is PollState.ADDRESS


@pytest.mark.parametrize("url", ["http://a b/", "http://x\x7f/", "http://" + "a" * 70_000 + "/"])
def test_addresses_that_only_the_client_refuses(url: str) -> None:
    assert check_url(url)
    assert failure(url).state in (PollState.ADDRESS, PollState.DNS)


# Errors of the drivers


def expected(kind: type[Exception]) -> PollState:
    for base, state in (
        (httpx.TimeoutException, PollState.TIMEOUT),
        (TimeoutError, PollState.TIMEOUT),
        (httpx.InvalidURL, PollState.ADDRESS),
        (httpx.UnsupportedProtocol, PollState.ADDRESS),
        (zlib.error, PollState.BROKEN),
    ):
        if issubclass(kind, base):
            return state
    return PollState.BROKEN


def errors_of(module: object) -> list[type[Exception]]:
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, Exception)]


@pytest.mark.parametrize(
    "kind",
    [
        *errors_of(httpx),
        *(h2.exceptions.H2Error, h2.exceptions.ProtocolError, h2.exceptions.FlowControlError),
        *(OSError, ConnectionResetError, ssl.SSLError, TimeoutError, zlib.error, KeyError),
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_of_the_client_has_a_state(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = kind.__new__(kind)  # their constructors want responses and streams
    error.args = ("something",)

    def fail(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(httpx.AsyncClient, "stream", fail)
    assert failure("http://127.0.0.1/").state is expected(kind)


@pytest.mark.parametrize(
    "kind",
    # The one left out is the pool's own signal to try its next connection.
    [kind for kind in errors_of(httpcore) if kind is not httpcore.ConnectionNotAvailable],
    ids=lambda kind: kind.__name__,
)
def test_every_error_of_the_transport_has_a_state(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*arguments: object, **named: object) -> None:
        raise kind("something")

    monkeypatch.setattr(CheckedBackend, "connect_tcp", fail)
    assert failure("http://127.0.0.1/").state is expected(getattr(httpx, kind.__name__))


def test_a_problem_says_what_it_is() -> None:
    problem = FetchProblem(PollState.DNS, "no such name", 5.0)
    assert str(problem) == "DNS failure: no such name"
    assert (problem.state, problem.message, problem.retry_after) == (
        PollState.DNS,
        "no such name",
        5.0,
    )


def test_an_address_that_swallows_everything_leaves_time_for_the_next(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = httpcore.AnyIOBackend.connect_tcp

    async def swallow_first(
        self: httpcore.AnyIOBackend, host: str, port: int, timeout: float, *rest: object
    ) -> object:
        if host == "127.0.0.9":
            await asyncio.sleep(timeout)
            raise httpcore.ConnectTimeout
        return await connect(self, host, port, timeout, *rest)  # type: ignore[arg-type]

    def resolve(host: str, port: int, *rest: object, **named: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (it, port)) for it in ("127.0.0.9", "127.0.0.1")]

    # No address on loopback swallows packets, so a fake does.
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", swallow_first)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.handlers["/feed"] = Reply(body=NEWS)
    answer = fetched(server.url("/feed", "sample.example"), timeout=0.6)
    assert isinstance(answer, Fetched)
