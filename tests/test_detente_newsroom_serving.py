"""The sample newsroom over HTTP: validators, gzip, what changes while it runs, and how it ends."""

from __future__ import annotations

import errno
import gzip
import io
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import feedparser
import httpx
import pytest

from detente.newsroom import Newsroom
from detente.newsroom.__main__ import main
from detente.newsroom.content import ContentError
from detente.newsroom.faults import FAULTS
from tests.test_detente_newsroom import HEALTHY, MASTHEADS, entries, feed, titles, until

EDITED = "intelligence-chiefs-in-ankara"
"""It is out from the start and has a second version; its feed carries summaries."""

pytestmark = pytest.mark.timeout(30)


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    """For tests that only read."""
    with Newsroom() as newsroom:
        yield newsroom


@pytest.fixture
def fresh() -> Iterator[Newsroom]:
    """For tests that change what is out, or count."""
    with Newsroom() as newsroom:
        yield newsroom


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=5) as client:
        yield client


# Conditional GET and gzip


@pytest.mark.parametrize("slug", HEALTHY)
def test_an_unchanged_feed_is_not_sent_again(
    newsroom: Newsroom, client: httpx.Client, slug: str
) -> None:
    url = feed(newsroom, slug).url
    first = client.get(url)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert parsedate_to_datetime(modified) <= datetime.now(UTC)
    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": f'"other", W/{etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
        {"If-None-Match": etag, "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        again = client.get(url, headers=headers)
        assert (again.status_code, again.content) == (304, b""), headers
        assert again.headers["ETag"] == etag
    before = format_datetime(parsedate_to_datetime(modified) - timedelta(seconds=1), usegmt=True)
    for headers in (
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": modified},
        {"If-Modified-Since": before},
        {"If-Modified-Since": "the day before yesterday"},
        {"If-Modified-Since": "Mon, 01 Jan 0001 00:00:00 +2300"},
    ):
        assert client.get(url, headers=headers).content == first.content, headers


def test_pages_are_conditional_too(newsroom: Newsroom, client: httpx.Client) -> None:
    url = entries(client.get(feed(newsroom, "muster-agentur").url))[0].url
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(
    ("accept", "packed"),
    [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("deflate, GZIP", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, deflate", False),
        ("x-gzipped", False),
    ],
)
def test_gzip_is_for_those_who_take_it(
    newsroom: Newsroom, client: httpx.Client, accept: str, packed: bool
) -> None:
    url = feed(newsroom, "ornek-ajansi").url
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", url, headers={"Accept-Encoding": accept}) as response:
        wire = b"".join(response.iter_raw())
    assert response.headers["Vary"] == "Accept-Encoding"
    assert ("Content-Encoding" in response.headers) == packed
    assert (gzip.decompress(wire) if packed else wire) == plain.content
    assert (response.headers["ETag"] != plain.headers["ETag"]) == packed


def test_other_feeds_are_never_packed(newsroom: Newsroom, client: httpx.Client) -> None:
    response = client.get(feed(newsroom, "sample-courier").url)
    assert "gzip" in client.headers["Accept-Encoding"]
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


# Publishing, editing, retracting


def test_held_articles_come_out_in_order(fresh: Newsroom, client: httpx.Client) -> None:
    numbers = {article.slug: article.held for article in fresh.articles}
    waiting = fresh.held
    assert [numbers[slug] for slug in waiting] == sorted(filter(None, numbers.values()))
    for slug in waiting:
        article = fresh.publish_next()
        assert article is not None
        assert article.slug == slug
        assert client.get(fresh.url + article.path).status_code == 200
        newest = entries(client.get(feed(fresh, article.masthead).url))[0]
        assert newest.title == article.first.title
        assert abs(newest.published - datetime.now(UTC)) < timedelta(seconds=90)
    assert fresh.publish_next() is None
    assert fresh.held == ()


def test_changes_within_a_second_move_both_validators(
    fresh: Newsroom, client: httpx.Client
) -> None:
    info = feed(fresh, "specimen-wire")
    seen = [client.get(info.url).headers]
    while fresh.held:
        article = fresh.publish_next()
        if article is None or article.masthead != info.slug:
            continue
        for name, condition in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
            answer = client.get(info.url, headers={condition: seen[-1][name]})
            assert answer.status_code == 200, condition
        seen.append(client.get(info.url).headers)
    assert len({headers["ETag"] for headers in seen}) == 3
    moments = [parsedate_to_datetime(headers["Last-Modified"]) for headers in seen]
    assert moments == sorted(set(moments))
    # It moved ahead of the clock only as far as it had to.
    assert moments[1] - datetime.now(UTC) <= timedelta(0)


def test_an_edit_changes_the_entry_and_the_page(fresh: Newsroom, client: httpx.Client) -> None:
    article = next(article for article in fresh.articles if article.slug == EDITED)
    assert article.second is not None
    info, page = feed(fresh, article.masthead), fresh.url + article.path
    untouched = feed(fresh, "sample-courier").url
    etags = {url: client.get(url).headers["ETag"] for url in (info.url, page, untouched)}
    assert EDITED in fresh.editable

    assert fresh.edit(EDITED) is article
    assert EDITED not in fresh.editable
    after = {entry.url: entry.title for entry in entries(client.get(info.url))}
    assert after[page] == article.second.title
    assert article.first.title not in after.values()
    assert article.second.paragraphs[0].split(" – ")[1][:60] in client.get(page).text
    changed = {
        url: client.get(url, headers={"If-None-Match": etag}).status_code
        for url, etag in etags.items()
    }
    assert changed == {info.url: 200, page: 200, untouched: 304}


def test_an_edit_keeps_identity_and_date(fresh: Newsroom, client: httpx.Client) -> None:
    url = feed(fresh, "specimen-wire").url
    before = {entry.guid: entry for entry in entries(client.get(url))}
    fresh.edit("summit-date-set")
    after = {entry.guid: entry for entry in entries(client.get(url))}
    assert before.keys() == after.keys()
    guid = "urn:sample:specimen-wire:summit-date-set"
    assert after[guid].published == before[guid].published
    parsed = feedparser.parse(io.BytesIO(client.get(url).content))
    updated = {e.id: (e.published_parsed, e.updated_parsed) for e in parsed.entries}
    assert updated[guid][1] > updated[guid][0]
    assert sum(updated != published for published, updated in updated.values()) == 1


def test_a_retraction_takes_page_entry_and_links(fresh: Newsroom, client: httpx.Client) -> None:
    article = next(a for a in fresh.articles if a.slug == "visa-queue-warsaw")
    info, page = feed(fresh, article.masthead), fresh.url + article.path
    modified = client.get(info.url).headers["Last-Modified"]
    count = len(entries(client.get(info.url)))
    assert client.get(page).status_code == 200
    links = [article.path in client.get(e.url).text for e in entries(client.get(info.url))]
    assert sum(links) == count - 1  # it is the oldest, so all others lead to it

    fresh.retract(article.slug)
    assert client.get(page).status_code == 404
    after = client.get(info.url, headers={"If-Modified-Since": modified})
    assert len(titles(after)) == count - 1
    assert article.first.title not in titles(after)
    for entry in entries(after):
        assert article.path not in client.get(entry.url).text


def test_what_cannot_be_changed_is_refused(fresh: Newsroom) -> None:
    with pytest.raises(KeyError, match="no article 'nothing-of-the-kind'"):
        fresh.edit("nothing-of-the-kind")
    with pytest.raises(KeyError, match="held back; publish it first"):
        fresh.retract(fresh.held[0])
    with pytest.raises(ValueError, match=f"no second version; try one of .*{EDITED}"):
        fresh.edit("hotline-tested")
    fresh.retract(EDITED)
    assert EDITED not in fresh.editable
    for change in (fresh.edit, fresh.retract):
        with pytest.raises(KeyError, match="has been retracted"):
            change(EDITED)


def test_live_mode_publishes_everything_and_edits_once(client: httpx.Client) -> None:
    with Newsroom(live_interval=0.01) as newsroom:
        editable = len(newsroom.editable)
        until(lambda: not newsroom.held, "all held articles are out")
        until(lambda: len(newsroom.editable) == editable - 1, "one article is edited")
        for article in newsroom.articles:
            assert client.get(newsroom.url + article.path).status_code == 200
        info = feed(newsroom, "ornek-ajansi")
        assert any("second day" in title for title in titles(client.get(info.url)))


# Opening and closing


def test_close_is_quick_and_final(client: httpx.Client) -> None:
    newsroom = Newsroom(live_interval=60)
    client.get(newsroom.url)  # the client keeps the connection open
    began = time.monotonic()
    newsroom.close()
    newsroom.close()
    assert time.monotonic() - began < 1
    with pytest.raises(httpx.TransportError):
        client.get(newsroom.url)


def test_a_port_can_be_taken_once(newsroom: Newsroom) -> None:
    with pytest.raises(OSError, match="in use"):
        Newsroom(int(newsroom.url.rpartition(":")[2]))


def test_own_mastheads_need_no_faults(client: httpx.Client) -> None:
    own = MASTHEADS["sample-courier"]
    with Newsroom(mastheads=[own]) as newsroom:
        assert [info.slug for info in newsroom.healthy_feeds] == ["sample-courier"]
        assert newsroom.faulty_feeds == ()
        assert client.get(f"{newsroom.url}/faults/gone").status_code == 404
        assert client.get(newsroom.healthy_feeds[0].url).status_code == 200


# The command


@contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and its newsroom's address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "detente.newsroom", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("The sample newsroom is at http://127.0.0.1:"), line
        yield process, line.split()[5]
    finally:
        process.kill()
        process.communicate()


def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path, client: httpx.Client) -> None:
    catalogue = tmp_path / "feeds.toml"
    with command("--port", "0", "--catalogue", str(catalogue)) as (process, url):
        feeds = tomllib.loads(catalogue.read_text("utf-8"))["feeds"]
        assert len(feeds) == len(HEALTHY) + len(FAULTS)
        # The throttling feed goes by another name of this machine.
        places = (url, url.replace("127.0.0.1", "localhost"))
        assert all(table["url"].startswith(places) for table in feeds)
        assert titles(client.get(feeds[0]["url"]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_ctrl_c_ends_the_command_well(client: httpx.Client) -> None:
    with command("--port", "0", "--live", "0.01") as (process, url):
        page = url + "/sample/zrazok-post/kyiv-reads-the-date"  # the last that is held back
        until(lambda: client.get(page).status_code == 200, "everything is published")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_the_command_works_in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers: dict[int, object] = {}

    def install(number: int, handler: object) -> None:
        handlers[number] = handler
        if len(handlers) == 2:
            handler(number, None)  # type: ignore[operator]

    monkeypatch.setattr(signal, "signal", install)
    assert main(["--port", "0"]) == 0
    assert handlers.keys() == {signal.SIGINT, signal.SIGTERM}
    assert capsys.readouterr().out.startswith("The sample newsroom is at ")


def test_the_command_names_what_is_in_its_way(
    newsroom: Newsroom,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = newsroom.url.rpartition(":")[2]
    assert main(["--port", port]) == 2
    assert capsys.readouterr().err == (
        f"port {port} on 127.0.0.1: {os.strerror(errno.EADDRINUSE)}; try --port 0\n"
    )
    missing = tmp_path / "missing" / "feeds.toml"
    assert main(["--port", "0", "--catalogue", str(missing)]) == 2
    assert capsys.readouterr().err.startswith(f"{missing}: No such file or directory")

    def broken() -> None:
        raise ContentError(["a.toml: the comma is missing"])

    monkeypatch.setattr("detente.newsroom.server.load_mastheads", broken)
    assert main(["--port", "0"]) == 2
    assert capsys.readouterr().err == (
        "the sample newsroom can't open:\n  a.toml: the comma is missing\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "65536"], "65536 is no port; give 0 to 65535"),
        (["--port", "http"], "invalid _port value: 'http'"),
        (["--live", "0"], "0 is no interval; give seconds above 0"),
        (["--live", "nan"], "nan is no interval"),
    ],
)
def test_the_command_refuses_senseless_options(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(options)
    assert message in capsys.readouterr().err
