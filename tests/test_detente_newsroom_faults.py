"""The sample newsroom's faulty feeds, as they are on the wire. Every read here has a bound."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import feedparser
import httpx
import pytest

from collectors.catalog import Feed
from collectors.check import check_feeds
from collectors.status import PollState
from detente.newsroom import Newsroom
from detente.newsroom.faults import BOMB_BYTES, FAULTS, FILE_ADDRESS, PRIVATE_ADDRESS
from detente.settings import CollectorSettings
from tests.test_detente_newsroom import MASTHEADS, until

FAULTY = next(masthead for masthead in MASTHEADS.values() if masthead.faulty)
WANTED = {
    "throttled": 2,
    "cut-connection": 3,
    "cut-xml": 3,
    "wrong-encoding": 2,
    "same-guid": 3,
    "odd-dates": 4,
}
"""The articles that each fault needs at least."""

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as newsroom:
        yield newsroom


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


def url(newsroom: Newsroom, fault: str) -> str:
    return f"{newsroom.url}/faults/{fault}"


def written(fault: str) -> list[str]:
    """The titles of a fault's articles, in the file's order."""
    return [article.first.title for article in FAULTY.articles if article.fault == fault]


def parsed(response: httpx.Response) -> feedparser.FeedParserDict:
    headers = {"content-type": response.headers["Content-Type"]}
    return feedparser.parse(io.BytesIO(response.content), response_headers=headers)


def test_every_fault_is_described(newsroom: Newsroom) -> None:
    feeds = newsroom.faulty_feeds
    assert [info.slug for info in feeds] == [f"fault-{fault.slug}" for fault in FAULTS]
    assert {info.expected_state for info in feeds} <= {state.value for state in PollState}
    assert all(info.title.startswith("The Out of Order Press (invented): ") for info in feeds)
    forms = {info.slug: (info.format, info.language) for info in feeds}
    assert forms.pop("fault-bad-json") == ("json", "en")
    assert forms.pop("fault-wrong-encoding") == ("rss", "ru")
    assert set(forms.values()) == {("rss", "en")}


def test_the_faults_have_their_articles() -> None:
    counts = {fault: len(written(fault)) for fault in WANTED}
    assert all(counts[fault] >= least for fault, least in WANTED.items())
    assert sum(counts.values()) == len(FAULTY.articles)
    assert all(article.held is None for article in FAULTY.articles)


@pytest.mark.parametrize("fault", [fault.slug for fault in FAULTS])
def test_the_collectors_describe_a_fault_as_expected(fault: str) -> None:
    # One host for all: once throttled, it would be left alone, so each fault has a new one.
    with Newsroom() as newsroom:
        info = next(info for info in newsroom.faulty_feeds if info.slug == f"fault-{fault}")
        settings = CollectorSettings(
            allow_loopback=True,
            host_spacing=0,
            max_feed_bytes=1_000_000,
            timeout=0.3 if fault == "drip" else 10,
        )
        (check,) = check_feeds(settings, [Feed(info.slug, info.url, info.title)])
    state = "moved" if check.moved_to else check.state.value
    assert state == info.expected_state, check.message


@pytest.mark.parametrize(
    ("fault", "status"), [("unavailable", 503), ("gone", 410), ("missing", 404)]
)
def test_errors(newsroom: Newsroom, client: httpx.Client, fault: str, status: int) -> None:
    for _ in range(2):
        response = client.get(url(newsroom, fault))
        assert response.status_code == status
        assert b"(sample)" in response.content


def test_throttled_twice_and_then_fine(client: httpx.Client) -> None:
    with Newsroom() as newsroom:
        for _ in range(2):
            response = client.get(url(newsroom, "throttled"))
            assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
        feed = parsed(client.get(url(newsroom, "throttled")))
        assert not feed.bozo
        assert [entry.title for entry in feed.entries] == written("throttled")
        assert newsroom.requests["/faults/throttled", 429] == 2
        for entry in feed.entries:
            page = client.get(entry.link)
            assert page.status_code == 200
            assert "does not exist" in page.text


@pytest.mark.parametrize(("fault", "status"), [("moved", 301), ("found", 302)])
def test_redirects_lead_to_a_feed_that_works(
    newsroom: Newsroom, client: httpx.Client, fault: str, status: int
) -> None:
    response = client.get(url(newsroom, fault))
    assert response.status_code == status
    target = response.headers["Location"]
    feed = parsed(client.get(target))
    assert not feed.bozo
    assert [entry.title for entry in feed.entries] == written("cut-connection")


def test_redirects_go_in_a_circle(newsroom: Newsroom, client: httpx.Client) -> None:
    seen = [url(newsroom, "loop")]
    for _ in range(2):
        response = client.get(seen[-1])
        assert response.status_code == 302
        seen.append(response.headers["Location"])
    assert seen[0] == seen[2] != seen[1]


def test_redirects_to_where_nobody_should_go(newsroom: Newsroom, client: httpx.Client) -> None:
    for fault, target in (("to-private", PRIVATE_ADDRESS), ("to-file", FILE_ADDRESS)):
        response = client.get(url(newsroom, fault))
        assert (response.status_code, response.headers["Location"]) == (302, target)


def test_a_connection_is_cut(newsroom: Newsroom, client: httpx.Client) -> None:
    got = bytearray()

    def read(response: httpx.Response) -> None:
        for piece in response.iter_raw():
            got.extend(piece)

    early = pytest.raises(httpx.RemoteProtocolError, match="without sending complete")
    with client.stream("GET", url(newsroom, "cut-connection")) as response, early:
        read(response)
    assert len(got) == int(response.headers["Content-Length"]) // 2
    assert written("cut-connection")[0].encode() in got


def test_xml_breaks_off_in_the_last_entry(newsroom: Newsroom, client: httpx.Client) -> None:
    feed = parsed(client.get(url(newsroom, "cut-xml")))
    assert feed.bozo
    whole = [entry.title for entry in feed.entries if "link" in entry]
    assert whole == written("cut-xml")[:-1]
    assert len(whole) >= 2


def test_a_human_check_comes_with_200(newsroom: Newsroom, client: httpx.Client) -> None:
    response = client.get(url(newsroom, "wall"))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Are you human?" in response.text
    assert parsed(response).entries == []


def test_an_empty_answer(newsroom: Newsroom, client: httpx.Client) -> None:
    response = client.get(url(newsroom, "empty"))
    assert (response.status_code, response.content) == (200, b"")


def test_a_drip_goes_on_slowly(newsroom: Newsroom, client: httpx.Client) -> None:
    got = bytearray()
    began = time.monotonic()
    with client.stream("GET", url(newsroom, "drip")) as response:
        assert "Content-Length" not in response.headers
        for piece in response.iter_raw():
            got += piece
            if got.count(b"<!-- wait -->") == 2:
                break
    assert time.monotonic() - began >= 0.2
    assert len(got) < 1000


def test_a_flood_goes_on_fast(newsroom: Newsroom, client: httpx.Client) -> None:
    enough, got = 4 * 2**20, 0
    with client.stream("GET", url(newsroom, "flood")) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        for piece in response.iter_raw():
            got += len(piece)
            if got > enough:
                break
    assert got > enough


def test_a_bomb_is_small_until_it_is_unpacked(newsroom: Newsroom, client: httpx.Client) -> None:
    with client.stream("GET", url(newsroom, "bomb")) as response:
        wire = b"".join(response.iter_raw())
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(wire) < 2**20
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    while not unpacker.eof:
        size += len(unpacker.decompress(wire, 2**20))
        wire = unpacker.unconsumed_tail
    assert BOMB_BYTES < size < BOMB_BYTES + 1000


def test_the_declared_encoding_is_wrong(newsroom: Newsroom, client: httpx.Client) -> None:
    response = client.get(url(newsroom, "wrong-encoding"))
    assert response.headers["Content-Type"].endswith("charset=utf-8")
    assert b"encoding='utf-8'" in response.content.partition(b"?>")[0]
    with pytest.raises(UnicodeDecodeError):
        response.content.decode("utf-8")
    text = response.content.decode("windows-1251")
    assert all(title in text for title in written("wrong-encoding"))


def test_json_breaks_off(newsroom: Newsroom, client: httpx.Client) -> None:
    response = client.get(url(newsroom, "bad-json"))
    assert response.headers["Content-Type"] == "application/feed+json"
    assert response.content.startswith(b'{\n  "version": "https://jsonfeed.org/version/1.1"')
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.content)


def test_one_guid_for_all(newsroom: Newsroom, client: httpx.Client) -> None:
    entries = parsed(client.get(url(newsroom, "same-guid"))).entries
    assert [entry.title for entry in entries] == written("same-guid")
    assert {entry.id for entry in entries} == {"sample-issue-1"}
    assert len({entry.link for entry in entries}) == len(entries)


def test_dates_are_missing_unreadable_and_to_come(newsroom: Newsroom, client: httpx.Client) -> None:
    entries = parsed(client.get(url(newsroom, "odd-dates"))).entries
    assert [entry.title for entry in entries] == written("odd-dates")
    assert "published" not in entries[0]
    assert [entry.get("published_parsed") for entry in entries[:3]] == [None] * 3
    coming = datetime(*entries[3].published_parsed[:6], tzinfo=UTC)
    assert coming > datetime.now(UTC) + timedelta(days=29)


def test_a_retracted_article_leaves_its_faulty_feed(client: httpx.Client) -> None:
    with Newsroom() as newsroom:
        newsroom.retract("white-russian-cocktail")
        entries = parsed(client.get(url(newsroom, "same-guid"))).entries
        assert len(entries) == len(written("same-guid")) - 1


@pytest.mark.parametrize("fault", [fault.slug for fault in FAULTS])
def test_head_has_no_body(fault: str, newsroom: Newsroom, client: httpx.Client) -> None:
    assert client.head(url(newsroom, fault)).content == b""


def test_close_waits_for_no_client() -> None:
    """Neither for one that never reads, nor one that reads a drip, nor one that says nothing."""
    others = busy()
    with Newsroom() as newsroom, ExitStack() as stack:
        address = ("127.0.0.1", urlsplit(newsroom.url).port)
        for request in (
            "GET /faults/flood HTTP/1.1\r\n\r\n",
            "GET /faults/drip HTTP/1.1\r\n\r\n",
            "GET /faults/bomb HTTP/1.1\r\n\r\n",
            "GET /",
        ):
            raw = stack.enter_context(socket.create_connection(address, timeout=5))
            raw.sendall(request.encode())
        begun = {("/faults/flood", 200), ("/faults/drip", 200)}
        until(lambda: newsroom.requests.keys() >= begun, "both have begun")
        began = time.monotonic()
        newsroom.close()
        assert time.monotonic() - began < 1
        until(lambda: busy() <= others, "no thread is left with a client")


def busy() -> set[str]:
    """The threads that serve a connection, of any newsroom in this process."""
    return {t.name for t in threading.enumerate() if "process_request_thread" in t.name}


def test_a_client_may_leave_at_any_time(capfd: pytest.CaptureFixture[str]) -> None:
    others = busy()
    with Newsroom() as newsroom:
        address = ("127.0.0.1", urlsplit(newsroom.url).port)
        for _ in range(3):
            with socket.create_connection(address, timeout=5) as raw:
                raw.sendall(b"GET /faults/flood HTTP/1.1\r\nHost: sample\r\n\r\n")
                assert raw.recv(100).startswith(b"HTTP/1.1 200")
        until(lambda: busy() <= others, "the floods have noticed")
    assert capfd.readouterr().err == ""


def test_a_fault_of_the_newsroom_itself_is_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], client: httpx.Client
) -> None:
    others = busy()
    with Newsroom() as newsroom:
        monkeypatch.setattr("detente.newsroom.pages.front_page", lambda _: 1 / 0)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(newsroom.url)
        until(lambda: busy() <= others, "the request has ended")
    assert "ZeroDivisionError" in capfd.readouterr().err
