"""Where an article's text comes from, and when a page is not believed; markup to plain text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.catalog import Feed
from collectors.entry import ClaimedDate, Entry, FeedText
from collectors.fulltext import (
    SUMMARY_LIMIT,
    PageFailure,
    PageText,
    body_of,
    extract_page,
    wants_page,
    without_headline,
)
from collectors.page import NoArticle, read_page
from collectors.plaintext import clean, html_to_text, paragraphs
from detente.settings import CollectorSettings
from tests.httpserver import HttpServer, Reply

FEED = Feed(id="sample", url="https://sample.example/feed", outlet="Sample")
DATE = ClaimedDate("1 Mar 2026", datetime(2026, 3, 1, tzinfo=UTC), "claimed")
URL = "https://sample.example/a"
SUMMARY = "Envoys of both countries met in Geneva to discuss visas."
SENTENCES = [
    f"On day {day} the envoys met in Geneva again, discussed visas and said rather little about it."
    for day in range(1, 9)
]


def entry(summary: str = SUMMARY, content: str | None = None, title: str = "Envoys meet") -> Entry:
    return Entry(
        guid=None,
        link=URL,
        title=title,
        content=FeedText(content, "html") if content else None,
        summary=FeedText(summary, "text") if summary else None,
        authors=(),
        date=DATE,
    )


def page(*paragraphs: str, title: str = "Envoys meet") -> bytes:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    head = f"<head><title>{title}</title></head>"
    return f"<html>{head}<body><article><h1>{title}</h1>{text}</article></body></html>".encode()


def test_a_short_summary_wants_its_page_and_a_content_does_not() -> None:
    assert wants_page(entry(), FEED)
    assert not wants_page(entry("x" * SUMMARY_LIMIT), FEED)
    assert not wants_page(entry(content="<p>Short, but the feed calls it the content.</p>"), FEED)
    assert wants_page(entry(content="x"), Feed("a", URL, "A", full_text="page"))
    assert not wants_page(entry(), Feed("a", URL, "A", full_text="feed"))


def test_bodies_and_their_origins() -> None:
    assert body_of(entry(), FEED, PageText("The page.", URL)) == ("The page.", "page")
    assert body_of(entry(), FEED, PageFailure("500", transient=True)) == (SUMMARY, "summary")
    assert body_of(entry(content="<p>Whole.</p>"), FEED, None) == ("Whole.", "feed")
    assert body_of(entry(""), FEED, None) == ("", "title")


def test_a_page_gives_its_article() -> None:
    found = extract_page(page(*SENTENCES), "text/html; charset=utf-8", URL, entry())
    assert isinstance(found, PageText)
    assert found.text.splitlines() == SENTENCES


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"%PDF-1.7", "application/pdf", "application/pdf, not HTML"),
        (page("Please accept our cookies."), "text/html", "holds less than the feed does"),
        (b"", "text/html", "holds less than the feed does"),
        (
            page(*(f"Potato prices rose {n} times in the market of Lima." for n in range(9))),
            "text/html",
            "little in common",
        ),
    ],
)
def test_pages_that_are_not_believed(body: bytes, content_type: str, reason: str) -> None:
    found = extract_page(body, content_type, URL, entry())
    assert isinstance(found, PageFailure)
    assert not found.transient
    assert reason in found.reason


def test_an_extractor_that_breaks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise MemoryError("a table that spans the world")

    monkeypatch.setattr("trafilatura.extract", broken)
    found = extract_page(page(*SENTENCES), "text/html", URL, entry())
    assert isinstance(found, PageFailure)
    assert "MemoryError" in found.reason


def test_a_charset_that_nobody_knows_is_found_out() -> None:
    found = extract_page(page(*SENTENCES), "text/html; charset=klingon", URL, entry())
    assert isinstance(found, PageText)


def test_the_headline_is_taken_off_and_no_more() -> None:
    assert without_headline("Envoys  MEET\nThey met.", "Envoys meet") == "They met."
    assert without_headline("They met.\nEnvoys meet", "Envoys meet") == "They met.\nEnvoys meet"
    assert without_headline("Envoys meet", "Envoys meet") == "Envoys meet"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One &amp; two.</p><p>Three<br>four</p>", "One & two.\nThree\nfour"),
        ("no markup,\n  two   lines", "no markup, two lines"),
        ("<script>alert(1)</script>After<style>p{}</style> all", "After all"),
        ("a<script>b</script>c<!-- d -->e", "ace"),
        ("<ul><li>x<li>y</ul>tail", "x\ny\ntail"),
        ("&lt;b&gt; stays &amp;amp; once", "<b> stays &amp; once"),
        ("<![CDATA[<p>In CDATA</p>]]>", "In CDATA"),
        ("<pre>a\nb</pre>", "a\nb"),
        ("<!-- nothing -->", ""),
        ("<html><body><p>a</p></body></html><p>b</p>", "a\nb"),
        ("<p>a</p></HTML ><p>b</p>", "a\nb"),
        ("<plaintext>a<b>b", "a<b>b"),
        ("", ""),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@given(st.text(st.characters(), max_size=80) | st.text("<>&;/'\"abp!-[] ", max_size=80))
def test_any_markup_becomes_some_text(markup: str) -> None:
    text = html_to_text(markup)
    text.encode("utf-8")
    assert paragraphs(text) == text


def test_what_cant_be_encoded_is_cleaned() -> None:
    assert clean("a\ud800b\x00c\x1bd\u0085e").encode("utf-8").decode() == "a\ufffdbcde"


def test_a_page_by_its_address_alone() -> None:
    settings = CollectorSettings(allow_loopback=True, host_spacing=0, max_page_bytes=50_000)
    html = {"Content-Type": "text/html"}
    with HttpServer(
        {
            "/page": Reply(body=page(*SENTENCES), headers=html),
            "/plain": Reply(
                body=b"Envoys meet\nThey  met.\n", headers={"Content-Type": "text/plain"}
            ),
            "/picture": Reply(body=b"\x89PNG", headers={"Content-Type": "image/png"}),
            "/void": Reply(body=b"<html><body></body></html>", headers=html),
        }
    ) as server:
        found = read_page(settings, server.url("/page"))
        assert (found.title, found.host) == ("Envoys meet", "127.0.0.1")
        assert found.text.splitlines() == SENTENCES
        assert read_page(settings, server.url("/plain"))[:2] == ("Envoys meet", "They met.")
        for path, reason in (
            ("/picture", "image/png, not HTML"),
            ("/void", "no article could be found"),
            ("/nowhere", "404"),
        ):
            with pytest.raises(NoArticle, match=reason):
                read_page(settings, server.url(path))


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            '<link rel="canonical" href="https://www.sample.example/a-long-way?x=1&amp;y=2">',
            "https://www.sample.example/a-long-way?x=1&y=2",
        ),
        ("<LINK href='/b' REL=canonical />", "https://sample.example/b"),
        ('<link rel="amphtml" href="/amp">', URL),
        ('<link rel="canonical" href="https://other.example/a">', URL),  # syndicated from there
        ('<link rel="canonical" href="https://[oops/">', URL),
        ('<link rel="canonical">', URL),
    ],
)
def test_a_page_says_what_its_address_is(link: str, address: str) -> None:
    body = page(*SENTENCES).replace(b"<head>", b"<head>" + link.encode())
    result = extract_page(body, "text/html", URL, entry())
    assert isinstance(result, PageText)
    assert result.url == address
