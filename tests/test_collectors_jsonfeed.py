"""JSON Feeds as publishers write them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.entry import Entry, FeedText, ParsedFeed
from collectors.jsonfeed import MAX_GUID, NoJsonFeed, absolute, is_json, parse_json_feed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://sample.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def parse(*items: Any, **head: Any) -> ParsedFeed:
    document = {"version": VERSION, "title": "Sample", "items": list(items), **head}
    return parse_json_feed(json.dumps(document).encode(), url=URL, now=NOW)


def only(**item: Any) -> Entry:
    (entry,) = parse(item).entries
    return entry


def test_what_is_json() -> None:
    for body in (b"{}", b"\xef\xbb\xbf\n {", b'{"version'):
        assert is_json(body)
    for body in (b"", b"<rss/>", b"[]", b" " * 64 + b"{"):
        assert not is_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"version": 1, "items": []}',
        b'{"version": "https://jsonfeed.org/version/2", "items": []}',
        b'{"version": "https://evil.example/https://jsonfeed.org/version/1", "items": []}',
        f'{{"version": "{VERSION}", "items": {{}}}}'.encode(),
        f'{{"version": "{VERSION}"}}'.encode(),
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": "\xff"}',
    ],
)
def test_what_is_no_json_feed(body: bytes) -> None:
    with pytest.raises(NoJsonFeed):
        parse_json_feed(body, url=URL, now=NOW)


@pytest.mark.parametrize(
    ("version", "named"),
    [
        ("https://jsonfeed.org/version/1", "json1"),
        ("http://jsonfeed.org/version/1.1/", "json1.1"),
    ],
)
def test_versions(version: str, named: str) -> None:
    assert parse(version=version).version == named


def test_what_is_no_object_is_left_out_and_said() -> None:
    parsed = parse({"id": "1"}, "2", None, 3, ["4"])
    assert [entry.guid for entry in parsed.entries] == ["1"]
    assert parsed.oddity == "ItemsThatAreNoObjects"
    assert parse({"id": "1"}).oddity is None


@pytest.mark.parametrize(
    ("id", "guid"),
    [
        ("x", "x"),
        (7, "7"),
        (1.5, "1.5"),
        (True, None),
        (None, None),
        (" ", None),
        ([], None),
        ("x" * MAX_GUID, "x" * MAX_GUID),
        ("x" * (MAX_GUID + 1), None),
        ("a\ud800", "a\ufffd"),
    ],
)
def test_ids(id: Any, guid: str | None) -> None:
    assert only(id=id).guid == guid


@pytest.mark.parametrize(
    ("item", "content", "summary"),
    [
        ({"content_html": "<p>x"}, FeedText("<p>x", "html"), None),
        ({"content_text": "x < y"}, FeedText("x < y", "text"), None),
        ({"content_html": "<p>x", "content_text": "x"}, FeedText("<p>x", "html"), None),
        ({"content_text": "x", "summary": "x"}, None, FeedText("x", "text")),
        ({"content_text": "xy", "summary": "x"}, FeedText("xy", "text"), FeedText("x", "text")),
        ({"content_text": 5, "summary": ["x"]}, None, None),
    ],
)
def test_texts(item: dict[str, Any], content: FeedText | None, summary: FeedText | None) -> None:
    entry = only(**item)
    assert (entry.content, entry.summary) == (content, summary)


def test_links_and_dates() -> None:
    entry = only(url="/a", external_url="https://x.example/", date_published="2026-03-01T10:00:00Z")
    assert entry.link == "https://sample.example/a"
    assert entry.date.instant == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert only(external_url="https://x.example/").link == "https://x.example/"
    assert only(url="http://[").link is None
    assert only(date_modified="soon").date.quality == "unparsable"
    assert absolute(None, URL) is None


@pytest.mark.parametrize(
    ("item", "head", "authors"),
    [
        ({"authors": [{"name": "Ann"}, {"name": " Ann "}, {"name": ""}, 5]}, {}, ("Ann",)),
        ({"author": {"name": "Ann"}}, {}, ("Ann",)),
        ({}, {"authors": [{"name": "The Desk"}]}, ("The Desk",)),
        ({"authors": []}, {"author": {"name": "The Desk"}}, ("The Desk",)),
        ({"authors": "Ann"}, {}, ()),
    ],
)
def test_authors(item: dict[str, Any], head: dict[str, Any], authors: tuple[str, ...]) -> None:
    (entry,) = parse(item, **head).entries
    assert entry.authors == authors


@pytest.mark.parametrize(
    ("written", "language"), [("ru-RU", "ru"), ("EN", "en"), ("english", None), (5, None)]
)
def test_languages(written: Any, language: str | None) -> None:
    assert parse(language=written).language == language


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_NAMES = ["id", "url", "title", "summary", "content_html", "authors", "author", "date_published"]


@settings(max_examples=50)
@given(st.lists(_VALUES | st.dictionaries(st.sampled_from(_NAMES), _VALUES), max_size=4), _VALUES)
def test_any_values_are_a_feed(items: list[Any], other: Any) -> None:
    for entry in parse(*items, language=other, authors=other).entries:
        assert len(entry.raw_hash) == 16


@given(st.binary(max_size=100))
def test_any_bytes_are_a_feed_or_none(body: bytes) -> None:
    with suppress(NoJsonFeed):
        parse_json_feed(b"{" + body, url=URL, now=NOW)


def test_an_episode_is_marked_as_what_it_is() -> None:
    picture, sound = {"mime_type": "image/png"}, {"mime_type": "audio/x-m4a"}
    assert only(attachments=[picture, 7, {}, sound]).medium == "audio"
    for none in ([picture], [], "x", None):
        assert only(attachments=none).medium is None
