"""The sample newsroom over HTTP: what it publishes, in which forms, and how that changes."""

from __future__ import annotations

import io
import json
import re
import socket
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import feedparser
import httpx
import pytest

from detente.newsroom import FeedInfo, Newsroom, load_mastheads
from detente.newsroom.content import DATE_STYLES, KINDS
from detente.newsroom.pages import text_html

MASTHEADS = {masthead.slug: masthead for masthead in load_mastheads()}
HEALTHY = [slug for slug, masthead in MASTHEADS.items() if not masthead.faulty]
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


@dataclass(frozen=True)
class Entry:
    guid: str
    url: str
    title: str
    summary: str
    html: str | None
    published: datetime


def feed(newsroom: Newsroom, slug: str) -> FeedInfo:
    return next(feed for feed in newsroom.healthy_feeds if feed.slug == slug)


def entries(response: httpx.Response) -> list[Entry]:
    assert response.status_code == 200
    if "json" in response.headers["Content-Type"]:
        return [
            Entry(
                item["id"],
                item["url"],
                item["title"],
                item["summary"],
                item.get("content_html"),
                datetime.fromisoformat(item["date_published"]),
            )
            for item in json.loads(response.content)["items"]
        ]
    headers = {"content-type": response.headers["Content-Type"]}
    parsed = feedparser.parse(io.BytesIO(response.content), response_headers=headers)
    assert not parsed.bozo, parsed.bozo_exception
    return [
        Entry(
            entry.get("id", entry.link),
            entry.link,
            entry.title,
            entry.summary,
            entry.content[0].value if "content" in entry else None,
            datetime(*entry.published_parsed[:6], tzinfo=UTC)
            if entry.get("published_parsed")
            else datetime(*entry.updated_parsed[:6], tzinfo=UTC),
        )
        for entry in parsed.entries
    ]


def titles(response: httpx.Response) -> list[str]:
    return [entry.title for entry in entries(response)]


def until(condition: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.005)


# What there is


def test_the_newsroom_is_large_and_mixed(newsroom: Newsroom) -> None:
    articles = newsroom.articles
    assert len(newsroom.healthy_feeds) >= 12
    assert len(articles) >= 95
    assert len({article.slug for article in articles}) == len(articles)
    relevance = Counter(article.expected.relevance for article in articles)
    assert relevance["core"] >= 30
    assert relevance["peripheral"] >= 15
    assert relevance["none"] >= 30
    assert 8 <= len(newsroom.held) <= 14
    assert sum(article.second is not None for article in articles) >= 2


def test_every_form_that_a_collector_meets_is_there() -> None:
    healthy = [MASTHEADS[slug] for slug in HEALTHY]
    forms = {(masthead.format, masthead.full) for masthead in healthy}
    assert forms >= {("rss", True), ("rss", False), ("rdf", False), ("atom", True), ("json", True)}
    assert {masthead.date_style for masthead in healthy} == set(DATE_STYLES)
    assert {masthead.kind for masthead in healthy} == set(KINDS)
    assert {masthead.country for masthead in healthy if masthead.kind == "gov"} == {"US", "RU"}
    russian = {(m.encoding, m.format) for m in healthy if m.language == "ru"}
    assert ("windows-1251", "rss") in russian
    assert any(encoding == "utf-8" for encoding, _ in russian)
    assert sum(masthead.gzip for masthead in healthy) >= 2
    assert {masthead.identity for masthead in healthy} == {"url", "guid"}


@pytest.mark.parametrize("slug", MASTHEADS)
def test_a_masthead_is_plainly_invented(slug: str) -> None:
    masthead = MASTHEADS[slug]
    mark = {"en": "(invented)", "ru": "(вымышлено)"}[masthead.language]
    assert mark in masthead.name
    assert sum(article.held is not None for article in masthead.articles) <= 2
    for article in masthead.articles:
        assert 0 <= article.age_hours <= 1440
        for version in filter(None, (article.first, article.second)):
            assert 80 <= version.words <= 280, article.slug
            assert 4 <= len(version.paragraphs) <= 7, article.slug
            assert "  " not in version.title + version.summary


# Feeds and pages


@pytest.mark.parametrize("slug", HEALTHY)
def test_a_feed_reads_back_as_written(fresh: Newsroom, client: httpx.Client, slug: str) -> None:
    opened = datetime.now(UTC)
    masthead = MASTHEADS[slug]
    info = feed(fresh, slug)
    response = client.get(info.url)
    found = entries(response)
    out = sorted((a for a in masthead.articles if a.held is None), key=lambda a: a.age_hours)
    assert [entry.title for entry in found] == [article.first.title for article in out]
    assert (response.headers.get("Content-Encoding") == "gzip") == masthead.gzip
    assert (info.format, info.identity, info.expected_state) == (
        masthead.format,
        masthead.identity,
        "working",
    )
    for entry, article in zip(found, out, strict=True):
        assert entry.url == fresh.url + article.path
        assert entry.summary == f"{article.first.summary} {masthead.mark}"
        moment = opened - timedelta(hours=article.age_hours)
        # Some write no seconds.
        assert abs(entry.published - moment) < timedelta(seconds=90)
        if masthead.full:
            assert entry.html is not None
            assert masthead.notice.partition(".")[0] in entry.html
        else:
            assert entry.html is None


def test_identities_are_urls_or_names(newsroom: Newsroom, client: httpx.Client) -> None:
    by_name = entries(client.get(feed(newsroom, "department-of-samples").url))
    assert all(e.guid.startswith("urn:sample:department-of-samples:") for e in by_name)
    by_url = entries(client.get(feed(newsroom, "sample-courier").url))
    assert all(entry.guid == entry.url for entry in by_url)


def test_windows_1251_is_what_it_says(newsroom: Newsroom, client: httpx.Client) -> None:
    body = client.get(feed(newsroom, "obrazets-vesti").url).content
    assert b"encoding='windows-1251'" in body.partition(b"?>")[0]
    assert "Речные трамваи в Москве" in body.decode("windows-1251")
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")


@pytest.mark.parametrize("slug", MASTHEADS)
def test_every_page_is_there_and_says_it_is_invented(
    newsroom: Newsroom, client: httpx.Client, slug: str
) -> None:
    masthead = MASTHEADS[slug]
    for article in masthead.articles:
        response = client.get(newsroom.url + article.path)
        if article.held is not None:
            assert response.status_code == 404
            continue
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        text = response.text
        assert f'<html lang="{masthead.language}">' in text
        assert text_html(masthead, article.first) in text
        assert text.count(masthead.notice.partition(".")[0]) >= 3
        links = re.findall(r'<li><a href="(/sample/[^"]+)">', text)
        assert article.path not in links
        assert all(client.head(newsroom.url + link).status_code == 200 for link in links)


def test_a_page_belongs_to_its_masthead(newsroom: Newsroom, client: httpx.Client) -> None:
    assert client.get(f"{newsroom.url}/sample/sample-courier/hotline-tested").status_code == 404
    assert client.get(f"{newsroom.url}/sample/out-of-order-press/feed.xml").status_code == 404
    assert client.get(f"{newsroom.url}/no/such/page").status_code == 404


def test_the_front_page_leads_to_every_feed(newsroom: Newsroom, client: httpx.Client) -> None:
    text = client.get(f"{newsroom.url}/?from=a-test").text
    for info in newsroom.healthy_feeds:
        assert f'href="{info.url.removeprefix(newsroom.url)}"' in text
    assert "The Out of Order Press" not in text
    assert "don't exist" in text


def test_the_catalogue_lists_every_feed(newsroom: Newsroom, client: httpx.Client) -> None:
    served = client.get(f"{newsroom.url}/feeds.toml")
    assert served.headers["Content-Type"] == "application/toml"
    assert served.text == newsroom.catalogue_toml()
    tables = tomllib.loads(served.text)["feeds"]
    both = newsroom.healthy_feeds + newsroom.faulty_feeds
    assert [(t["id"], t["url"], t["outlet"]) for t in tables] == [
        (info.slug, info.url, info.title) for info in both
    ]
    assert len({table["id"] for table in tables}) == len(tables)
    healthy = tomllib.loads(newsroom.catalogue_toml(faulty=False))["feeds"]
    assert [table["id"] for table in healthy] == HEALTHY


def test_other_methods_and_rubbish_do_no_harm(
    fresh: Newsroom, client: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    info = feed(fresh, "sample-courier")
    head = client.head(info.url)
    assert head.content == b""
    assert int(head.headers["Content-Length"]) == len(client.get(info.url).content)
    assert client.post(fresh.url).status_code == 501
    port = int(fresh.url.rpartition(":")[2])
    for line in (b"RUBBISH\r\n\r\n", b"GET http://[ HTTP/1.1\r\nConnection: close\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(line)
            assert b"40" in raw.recv(1000)
    assert capfd.readouterr().err == ""


def test_answers_are_counted(fresh: Newsroom, client: httpx.Client) -> None:
    path = feed(fresh, "specimen-wire").url.removeprefix(fresh.url)
    etag = client.get(fresh.url + path).headers["ETag"]
    client.get(fresh.url + path, headers={"If-None-Match": etag})
    client.get(f"{fresh.url}{path}?again")
    assert fresh.requests[path, 200] == 2
    assert fresh.requests[path, 304] == 1
