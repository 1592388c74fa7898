"""The HTTP side: routes, conditional GET, counting, and a close that never waits for a client."""

from __future__ import annotations

import gzip
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Condition, Event, Lock, Thread
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from detente.newsroom import faults, pages
from detente.newsroom.content import Article, Masthead, load_mastheads
from detente.newsroom.edition import Document, Edition

CLOSE_WAIT_S = 0.5
LIVE_EDIT_AFTER = 2
"""In live mode the one edit comes with the publication of this number."""


@dataclass(frozen=True)
class FeedInfo:
    """A feed of the newsroom, for a catalogue and for tests.

    `format` is rss, rdf, atom or json (what a faulty feed should have been); `expected_state` is
    how a collector should describe the feed after a first poll.
    """

    slug: str
    url: str
    title: str
    format: str
    language: str
    country: str
    kind: str
    identity: str
    expected_state: str


class _Server(ThreadingHTTPServer):
    """Keeps hold of its connections, so that closing can cut them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.edition: Edition
        self.closing = Event()
        self.counts: Counter[tuple[str, int]] = Counter()
        self.counts_lock = Lock()
        self._open: set[socket.socket] = set()
        self._open_changed = Condition()

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own would ask the DNS for this machine's name
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._open_changed:
            self._open.discard(request)
            self._open_changed.notify_all()

    def cut(self) -> None:
        """Ends every connection, also one whose client doesn't read, and waits briefly."""
        with self._open_changed:
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was quicker
                    continue
            self._open_changed.wait_for(lambda: not self._open, CLOSE_WAIT_S)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client may leave at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; `faults.Exchange` is this class as the faulty feeds see it."""

    protocol_version = "HTTP/1.1"
    server_version = "DetenteSampleNewsroom"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server
    _faults: ClassVar = {fault.path: fault.respond for fault in faults.FAULTS} | faults.BEHIND

    def setup(self) -> None:
        super().setup()
        self.closing = self.server.closing

    @property
    def _path(self) -> str:
        try:
            return urlsplit(self.path).path
        except (AttributeError, ValueError):  # the request line was rubbish
            return ""

    def do_GET(self) -> None:
        edition = self.server.edition
        path = self._path
        feed = next((m for m in edition.mastheads.values() if m.feed_path == path), None)
        if feed is not None and not feed.faulty:
            self._document(edition.feed(feed.slug))
        elif path in self._faults and edition.faulty:
            self._faults[path](self, edition)
        elif path == "/":
            healthy = (m for m in edition.mastheads.values() if not m.faulty)
            html = {"Content-Type": "text/html; charset=utf-8"}
            self.reply(200, html, pages.front_page(healthy))
        elif path == "/feeds.toml":
            text = catalogue_toml((*healthy_feeds(edition), *faulty_feeds(edition)))
            self.reply(200, {"Content-Type": "application/toml"}, text.encode())
        elif page := edition.page(path):
            self._document(page)
        else:
            self.reply(404, {"Content-Type": "text/plain"}, b"No such page in this sample.\n")

    def do_HEAD(self) -> None:
        self.do_GET()  # `write` holds the body back

    def answers(self, status: int) -> int:
        with self.server.counts_lock:
            return self.server.counts[self._path, status]

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.write(body)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def write(self, data: bytes) -> bool:
        if self.command == "HEAD" or self.closing.is_set():
            return False
        self.wfile.write(data)
        return True

    def _document(self, document: Document) -> None:
        """A document as the client has asked for it: packed, or not at all if unchanged."""
        packed = document.gzip and _takes_gzip(self.headers.get("Accept-Encoding", ""))
        # Another encoding is another representation: a strong validator must tell them apart.
        etag = f'{document.etag[:-1]}-gzip"' if packed else document.etag
        headers = {
            "Content-Type": document.content_type,
            "ETag": etag,
            "Last-Modified": format_datetime(document.last_modified, usegmt=True),
            "Cache-Control": "no-cache",
        }
        if document.gzip:
            headers["Vary"] = "Accept-Encoding"
        if self._unchanged(etag, document.last_modified):
            self.reply(304, headers)
        elif packed:
            body = gzip.compress(document.body, mtime=0)
            self.reply(200, headers | {"Content-Encoding": "gzip"}, body)
        else:
            self.reply(200, headers, document.body)

    def _unchanged(self, etag: str, last_modified: datetime) -> bool:
        """RFC 9110, section 13.2.2: If-None-Match, where present, decides alone."""
        known = self.headers.get("If-None-Match")
        if known is not None:
            tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
            return known.strip() == "*" or etag in tags
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            return last_modified <= parsedate_to_datetime(since).astimezone(UTC)
        except (ValueError, OverflowError):  # an unreadable date is as good as none
            return False

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        with self.server.counts_lock:
            self.server.counts[self._path, int(code)] += 1

    def log_message(self, format: str, *arguments: object) -> None:
        """Keeps still: the counts say it."""


def _takes_gzip(accept: str) -> bool:
    for coding in accept.lower().replace(" ", "").split(","):
        name, _, weight = coding.partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False


def healthy_feeds(edition: Edition) -> tuple[FeedInfo, ...]:
    return tuple(
        _info(masthead, masthead.slug, edition.url + masthead.feed_path, masthead.name, "working")
        for masthead in edition.mastheads.values()
        if not masthead.faulty
    )


def faulty_feeds(edition: Edition) -> tuple[FeedInfo, ...]:
    """None without a masthead for them."""
    masthead = edition.faulty
    if masthead is None:
        return ()
    return tuple(
        _info(
            masthead,
            f"fault-{fault.slug}",
            (edition.other_url if fault.throttles else edition.url) + fault.path,
            f"{masthead.name}: {fault.title}",
            fault.expected_state,
        )
        for fault in faults.FAULTS
    )


def _info(masthead: Masthead, slug: str, url: str, title: str, state: str) -> FeedInfo:
    return FeedInfo(
        slug=slug,
        url=url,
        title=title,
        format="json" if slug == "fault-bad-json" else masthead.format,
        language="ru" if slug == "fault-wrong-encoding" else masthead.language,
        country=masthead.country,
        kind=masthead.kind,
        identity=masthead.identity,
        expected_state=state,
    )


def catalogue_toml(feeds: Iterable[FeedInfo]) -> str:
    """The feeds as a catalogue: a `[[feeds]]` table each."""
    lines = ["# The sample newsroom: invented publishers, for the demonstration and for tests."]
    for feed in feeds:
        fields = {
            "id": feed.slug,
            "url": feed.url,
            "outlet": feed.title,
            "language": feed.language,
            "country": feed.country,
            "kind": feed.kind,
            "identity": feed.identity,
        }
        # A JSON string is a TOML basic string.
        rows = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
        lines += ["", "[[feeds]]", *rows]
    return "\n".join(lines) + "\n"


class Newsroom:
    """A running sample newsroom on loopback; a context manager.

    `port` 0 takes a free one. With `live_interval` (seconds) it publishes a held-back article every
    interval and makes one edit, until none is left. Raises OSError if the port is taken.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        live_interval: float | None = None,
        mastheads: Sequence[Masthead] | None = None,
    ) -> None:
        mastheads = load_mastheads() if mastheads is None else mastheads  # may fail: before binding
        self._server = _Server(port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._edition = Edition(mastheads, self.url, datetime.now(UTC))
        self._server.edition = self._edition
        self._threads = [
            Thread(target=self._server.serve_forever, args=(0.05,), name="newsroom", daemon=True)
        ]
        for thread in self._threads:
            thread.start()
        if live_interval is not None:
            self.go_live(live_interval)

    def go_live(self, interval: float) -> None:
        """From now on publish a held-back article every so many seconds, and make one edit."""
        live = Thread(target=self._live, args=(interval,), name="newsroom-live", daemon=True)
        self._threads.append(live)
        live.start()

    def __enter__(self) -> Newsroom:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops within a second, whatever clients do. May be called twice."""
        if self._server.closing.is_set():
            return
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()
        for thread in self._threads:
            thread.join(CLOSE_WAIT_S)

    @property
    def healthy_feeds(self) -> tuple[FeedInfo, ...]:
        return healthy_feeds(self._edition)

    @property
    def faulty_feeds(self) -> tuple[FeedInfo, ...]:
        return faulty_feeds(self._edition)

    def catalogue_toml(self, *, faulty: bool = True) -> str:
        """The healthy feeds as a catalogue, and the faulty ones unless told otherwise."""
        return catalogue_toml(self.healthy_feeds + (self.faulty_feeds if faulty else ()))

    @property
    def requests(self) -> Counter[tuple[str, int]]:
        """How often each (path, status) was answered so far; a copy."""
        with self._server.counts_lock:
            return self._server.counts.copy()

    @property
    def articles(self) -> tuple[Article, ...]:
        """Every article, those still held back included."""
        return tuple(
            article
            for masthead in self._edition.mastheads.values()
            for article in masthead.articles
        )

    @property
    def held(self) -> tuple[str, ...]:
        """The slugs still to be published, in order."""
        return self._edition.held

    @property
    def editable(self) -> tuple[str, ...]:
        """The slugs that are out and have a second version still to be shown."""
        return self._edition.editable

    def publish_next(self) -> Article | None:
        """Publishes the next held-back article, dated now; None when none is left."""
        return self._edition.publish_next()

    def edit(self, slug: str) -> Article:
        """Shows the article's second version from now on.

        Raises KeyError if there is no such article out, ValueError if it has one version only.
        """
        return self._edition.edit(slug)

    def retract(self, slug: str) -> Article:
        """Removes the article's page (404) and its entry. Raises KeyError if it isn't out."""
        return self._edition.retract(slug)

    def _live(self, interval: float) -> None:
        published = 0
        while self.held and not self._server.closing.wait(interval):
            self.publish_next()
            published += 1
            if published == LIVE_EDIT_AFTER and self.editable:
                self.edit(self.editable[0])
