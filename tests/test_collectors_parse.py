"""Feed documents as publishers write them: formats, encodings, titles, links, cut-off ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.entry import Entry, FeedText, ParsedFeed
from collectors.parse import MAX_GUID, MAX_LINK, ParseFailure, author_names, parse_feed
from collectors.status import PollState
from tests.feeds import item, rss

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://feeds.example/feed.xml"
GOLDEN = sorted(Path(__file__).with_name("feeds").glob("*.xml"))
RUSSIAN = "Послы встретились в Женеве"


def parse(body: bytes, content_type: str = "application/rss+xml", **changes: Any) -> ParsedFeed:
    return parse_feed(
        body, **{"content_type": content_type, "url": URL, "now": NOW, "encoding": None} | changes
    )


def refused(body: bytes, content_type: str = "application/rss+xml") -> ParseFailure:
    with pytest.raises(ParseFailure) as caught:
        parse(body, content_type)
    return caught.value


def only(body: bytes, content_type: str = "application/rss+xml", **changes: Any) -> Entry:
    [entry] = parse(body, content_type, **changes).entries
    return entry


def as_json(parsed: ParsedFeed) -> dict[str, Any]:
    def text(it: FeedText | None) -> list[str] | None:
        return [it.value, it.markup] if it else None

    return {
        "version": parsed.version,
        "title": parsed.title,
        "language": parsed.language,
        "hint": parsed.hint,
        "entries": [
            {
                "guid": entry.guid,
                "link": entry.link,
                "title": entry.title,
                "content": text(entry.content),
                "summary": text(entry.summary),
                "authors": list(entry.authors),
                "date": [
                    entry.date.claim,
                    entry.date.instant.isoformat() if entry.date.instant else None,
                    entry.date.quality,
                ],
            }
            for entry in parsed.entries
        ],
    }


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_feeds(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert as_json(parse(path.read_bytes(), "text/xml")) == expected


# Encodings


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r"])
def test_russian_that_claims_to_be_utf8(codec: str) -> None:
    text = f"{RUSSIAN}, чтобы обсудить визы и работу посольств"
    body = rss(item(1, title=text, text=text)).decode().encode(codec)
    parsed = parse(body, "application/rss+xml; charset=utf-8")
    assert parsed.entries[0].title == text
    assert "isn't what it declares" in (parsed.oddity or "")


def russian(declared: str | None) -> str:
    declaration = f' encoding="{declared}"' if declared else ""
    return (
        f'<?xml version="1.0"{declaration}?><rss version="2.0"><channel><title>т</title>'
        f"<item><title>{RUSSIAN}</title></item></channel></rss>"
    )


@pytest.mark.parametrize(
    ("written", "declared", "content_type"),
    [
        ("windows-1251", None, "application/rss+xml; charset=windows-1251"),
        ("windows-1251", None, "text/xml; charset=cp1251"),
        ("windows-1251", "windows-1251", "application/xml"),
        ("windows-1251", "windows-1251", "text/xml"),
        ("windows-1251", "windows-1251", "text/html"),
        ("windows-1251", "windows-1251", ""),
        ("windows-1251", "windows-1251", "application/xml; charset=utf-8"),
        ("windows-1251", "windows-1251", "application/xml; charset=no-such-charset"),
        ("windows-1251", "utf-8", "application/xml; charset=windows-1251"),
        ("koi8-r", "koi8-r", "application/xml"),
        ("utf-8", None, "text/xml"),
        ("utf-8", "utf-8", "text/plain; charset=us-ascii"),
        ("utf-8", "windows-1251", "application/xml; charset=utf-8"),
        ("utf-8", "utf-8", "application/xml; charset=windows-1251"),
        ("utf-8", "iso-8859-1", "application/xml; charset=iso-8859-1"),
        ("utf-8-sig", None, "application/xml"),
        ("utf-8-sig", "utf-8", "text/xml"),
        ("utf-16", "utf-16", "application/xml"),
        ("utf-16", None, "text/xml; charset=utf-16"),
        ("utf-16-le", "utf-16", "application/xml"),
        ("utf-16-be", "utf-16", "application/xml"),
    ],
)
def test_encodings(written: str, declared: str | None, content_type: str) -> None:
    assert only(russian(declared).encode(written), content_type).title == RUSSIAN


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
def test_the_catalogue_overrides_what_a_feed_declares(declared: str | None) -> None:
    body = russian(declared).encode("windows-1251")
    assert only(body, "text/xml; charset=latin-1", encoding="windows-1251").title == RUSSIAN


def test_a_wrong_declaration_is_mended_and_said() -> None:
    parsed = parse(russian("windows-1251").encode("windows-1251"), "text/xml; charset=utf-8")
    assert parsed.oddity == "CharacterEncodingOverride"


@pytest.mark.parametrize(
    ("whole", "broken", "title"),
    [
        ("встретились", "встретились".encode()[:-1], "Послы встретилис� в Женеве"),
        ("встретились", b"\xff" + "встретились".encode(), "Послы �встретились в Женеве"),
    ],
)
def test_one_broken_character_costs_no_other(whole: str, broken: bytes, title: str) -> None:
    body = russian("utf-8").encode().replace(whole.encode(), broken)
    parsed = parse(body, "text/xml; charset=utf-8")
    assert parsed.entries[0].title == title
    assert parsed.oddity == "broken characters"


def test_an_end_within_a_character_costs_only_its_entry() -> None:
    whole = rss(item(1, title=RUSSIAN), item(2, title=RUSSIAN))
    parsed = parse(whole[: whole.rindex("Женеве".encode()) + 1])
    assert [entry.title for entry in parsed.entries] == [RUSSIAN]
    assert parsed.cut_off


def test_a_codec_that_takes_for_ever_is_refused() -> None:
    for body, content_type in (
        (rss(item()), "text/xml; charset=PunyCode"),
        (rss(item()).replace(b"utf-8", b"punycode"), "text/xml"),
    ):
        assert "punycode" in refused(body, content_type).message
    assert parse(rss(item(title="encoding of names: punycode"))).entries


# Texts


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("A &amp; B", "A & B"),
        ("A &amp;amp; B", "A & B"),
        ("<![CDATA[A & B]]>", "A & B"),
        ("<![CDATA[A &amp; B]]>", "A & B"),
        ("AT&amp;amp;T &amp;amp;amp; Co", "AT&T &amp; Co"),
        ("5 &lt; 6", "5 < 6"),
        ("5 &amp;lt; 6", "5 < 6"),
        ("Don&amp;#8217;t", "Don’t"),
        ("<![CDATA[<b>Bold</b> step]]>", "Bold step"),
        ("&lt;b&gt;Bold&lt;/b&gt; step", "Bold step"),
        ("How to use &lt;div&gt;", "How to use <div>"),
        ("a\n  b\tc\u00a0d", "a b c d"),
        ("null&#0; \x0bfeed", "null feed"),
        ("<![CDATA[e\u0301]]>", "é"),
        ("a<em>b</em>c", "abc"),
        ("", ""),
    ],
)
def test_titles_are_unescaped_as_often_as_they_were_escaped(written: str, title: str) -> None:
    body = rss(f"<item><title>{written}</title><link>https://s.example/1</link></item>")
    assert only(body).title == title


def test_an_atom_title_of_plain_text_is_not_unescaped_again() -> None:
    body = (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>1</id>'
        b'<title type="text">Use &amp;amp; here</title></entry></feed>'
    )
    assert only(body).title == "Use &amp; here"


def test_the_longest_content_element_counts() -> None:
    extra = "<content:encoded>a longer text, with more of it</content:encoded>"
    entry = only(rss(item(content="short", extra=extra)))
    assert entry.content == FeedText("a longer text, with more of it", "html")


def test_authors() -> None:
    names = ["Ann", " Ann ", None, "", 5, "Bo\n Sample", "x" * 500, *map(str, range(50))]
    found = author_names(names)
    assert found[:3] == ("Ann", "Bo Sample", "x" * 200)
    assert len(found) == 20


@pytest.mark.parametrize(
    ("head", "hint"),
    [
        ("<ttl>60</ttl>", 3_600),
        ("<ttl>60</ttl><sy:updatePeriod>weekly</sy:updatePeriod>", 604_800),
        ("<sy:updatePeriod> Hourly </sy:updatePeriod>", 3_600),
        (
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
            86_400,
        ),
        (
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>x</sy:updateFrequency>",
            86_400,
        ),
        ("<ttl>soon</ttl><sy:updatePeriod>never</sy:updatePeriod>", None),
        ("<ttl>²</ttl>", None),
        (f"<ttl>{'9' * 500}</ttl>", 9_999_999 * 60),
    ],
)
def test_the_wait_that_a_feed_asks_for(head: str, hint: float | None) -> None:
    assert parse(rss(item(), head=head)).hint == hint


@pytest.mark.parametrize(
    ("written", "language"),
    [("en-US", "en"), ("ru_RU", "ru"), (" RU ", "ru"), ("english", None), ("", None), ("x", None)],
)
def test_languages(written: str, language: str | None) -> None:
    assert parse(rss(item(), head=f"<language>{written}</language>")).language == language


# Keys


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("/news/1", "https://feeds.example/news/1"),
        ("news/1", "https://feeds.example/news/1"),
        ("//cdn.example/1", "https://cdn.example/1"),
        ("?p=1", "https://feeds.example/feed.xml?p=1"),
        ("\n https://s.example/1 \n", "https://s.example/1"),
        ("http://[", None),
        ("https://s.example/" + "x" * MAX_LINK, None),
        ("", None),
    ],
)
def test_links(written: str, link: str | None) -> None:
    assert only(rss(f"<item><title>t</title><link>{written}</link></item>")).link == link


def test_an_alternate_link_stands_in() -> None:
    links = '<atom:link rel="self" href="/self"/><atom:link rel="alternate" href="/1"/>'
    assert only(rss(f"<item><title>t</title>{links}</item>")).link == "https://feeds.example/1"


@pytest.mark.parametrize(
    ("guid", "found"),
    [
        ("12345", "12345"),
        ("x" * MAX_GUID, "x" * MAX_GUID),
        ("x" * (MAX_GUID + 1), None),
        (" ", None),
    ],
)
def test_guids(guid: str, found: str | None) -> None:
    assert only(rss(item(guid=guid))).guid == found


# What is no feed, or not all of one


@pytest.mark.parametrize(
    ("body", "content_type", "state"),
    [
        (b"", "text/xml", PollState.EMPTY),
        (b" \n\t ", "text/xml", PollState.EMPTY),
        (b"<!DOCTYPE html><title>Are you human?</title>", "text/xml", PollState.NOT_A_FEED),
        (b"\xef\xbb\xbf\n<HTML><body>hi", "application/xml", PollState.NOT_A_FEED),
        (b"<p>Sorry</p>", "text/html; charset=utf-8", PollState.NOT_A_FEED),
        (b"<!-- x --><html lang='en'>", "", PollState.NOT_A_FEED),
        (b"Forbidden", "text/plain", PollState.PARSE_ERROR),
        (b"/etc/passwd", "application/rss+xml", PollState.PARSE_ERROR),
        (b"\x00\xff\xfe" * 100, "application/rss+xml", PollState.PARSE_ERROR),
        (b"<opml version='2.0'><body/></opml>", "text/xml", PollState.PARSE_ERROR),
        (b"[1, 2]", "application/json", PollState.PARSE_ERROR),
        (b"{}", "application/json", PollState.PARSE_ERROR),
        (b"{oops", "application/json", PollState.PARSE_ERROR),
    ],
)
def test_what_is_no_feed(body: bytes, content_type: str, state: PollState) -> None:
    assert refused(body, content_type).state is state


def test_a_web_page_is_named() -> None:
    failure = refused(b"<html><title>Are you\n human?</title>", "text/html")
    assert "'Are you human?'" in failure.message
    assert str(failure).startswith("html instead of a feed: ")


def test_a_feed_served_as_html_is_a_feed() -> None:
    assert only(rss(item()), "text/html").title == "Envoys meet, day 1"


def test_a_feed_without_entries_is_one() -> None:
    parsed = parse(rss())
    assert (parsed.version, parsed.entries, parsed.cut_off) == ("rss20", (), False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_that_ends_in_the_middle(encoding: str) -> None:
    whole = rss(item(1), item(2), item(3)).decode().replace("utf-8", encoding)
    cut = whole[: whole.index("of day 3")]
    parsed = parse(cut.encode(encoding))
    assert parsed.cut_off
    assert [entry.title for entry in parsed.entries] == [
        "Envoys meet, day 1",
        "Envoys meet, day 2",
    ]


@pytest.mark.parametrize("end", ["", "<ite", "<item", '<item about="https://x', "</chan"])
def test_an_end_between_two_entries_costs_none(end: str) -> None:
    whole = rss(item(1), item(2)).decode()
    parsed = parse((whole[: whole.index("</channel>")] + end).encode())
    assert (len(parsed.entries), parsed.cut_off) == (2, True)


def test_a_cut_atom_feed_with_prefixes() -> None:
    body = (
        b'<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:title>t</a:title><a:entry><a:id>1</a:id>'
        b"<a:title>One</a:title></a:entry><a:entry><a:id>2</a:id><a:title>Tw"
    )
    parsed = parse(body)
    assert parsed.cut_off
    assert [entry.title for entry in parsed.entries] == ["One"]


@pytest.mark.parametrize("rest", [b"<!-- made in 0.3 s -->", b"\n\n", b"\0\0", b"Notice: x"])
def test_what_follows_the_end_does_no_harm(rest: bytes) -> None:
    parsed = parse(rss(item(1), item(2)) + rest)
    assert (len(parsed.entries), parsed.cut_off) == (2, False)


def test_oddities_in_the_middle_are_no_cut() -> None:
    parsed = parse(rss(item(1, extra="<x:y>&nosuch; R&D</x:y>"), item(2)))
    assert (len(parsed.entries), parsed.cut_off, parsed.oddity) == (2, False, "SAXParseException")


@pytest.mark.parametrize(
    ("element", "medium"),
    [
        ('<enclosure url="https://sample.example/1.mp3" type="audio/mpeg" length="1"/>', "audio"),
        ('<enclosure url="https://sample.example/1.mp4" type="video/mp4" length="1"/>', "video"),
        ('<enclosure url="https://sample.example/1.jpg" type="image/jpeg" length="1"/>', None),
        ('<enclosure url="https://sample.example/1.pdf"/>', None),
        ("", None),
    ],
)
def test_an_episode_is_marked_as_what_it_is(element: str, medium: str | None) -> None:
    assert only(rss(item(extra=element))).medium == medium
