"""Documents that are meant to do harm, and documents that are damaged at random."""

from __future__ import annotations

import codecs
from contextlib import suppress
from pathlib import Path

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.parse import MAX_DEPTH, ParseFailure
from collectors.plaintext import html_to_text
from collectors.status import PollState
from tests.feeds import item, rss
from tests.test_collectors_parse import GOLDEN, only, parse, refused


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    bomb = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY b0 "ha">{bomb}]>'
    body = rss(item().replace("said little", "said &x; &b9;")).decode()
    entry = only(body.replace("<rss", doctype + "<rss", 1).encode())
    assert entry.summary is not None
    assert "the secret" not in entry.summary.value
    assert len(entry.summary.value) < 5_000


def test_too_deep_a_document_is_refused_at_once() -> None:
    for body in (
        rss(f"<item><description>{'<a>' * 200_000}"),
        b"</a>" * 200_000 + b"<a>" * 200_000,
        rss(f"<item><description>{'<a>' * 200_000}").decode().encode("utf-16"),
    ):
        assert f"{MAX_DEPTH:,}" in refused(body).message
    unclosed = "<br>" * (MAX_DEPTH + 5)
    assert parse(rss(f"<item><description><![CDATA[{unclosed}]]></description></item>")).entries


def test_whatever_the_parser_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RecursionError("too deep " * 500)

    # feedparser raises on documents that a newer release may well read.
    monkeypatch.setattr(feedparser, "parse", fail)
    failure = refused(rss(item()))
    assert failure.state is PollState.PARSE_ERROR
    assert "RecursionError" in failure.message
    assert len(failure.message) <= 500


@given(st.binary(max_size=300), st.sampled_from(["", "text/xml", "text/html", "a; charset=\x00"]))
def test_any_bytes_are_a_feed_or_a_failure(noise: bytes, content_type: str) -> None:
    with suppress(ParseFailure):
        parse(noise, content_type)


@given(st.data())
def test_a_damaged_feed_is_a_feed_or_a_failure(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(GOLDEN)).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=8))
    try:
        parsed = parse(bytes(body), "text/xml")
    except ParseFailure:
        return
    for entry in parsed.entries:
        assert len(entry.raw_hash) == 16
        assert codecs.encode(entry.title, "utf-8") is not None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        *("<![CDATA[" * 100_000, "<script></script>x" * 20_000, "<!--" * 100_000),
        *("a" + "\u0300\u0316" * 100_000, "<div>" * 100_000 + "x", "<p" * 100_000),
        *("a@" * 100_000, "a" + " " * 200_000 + "b", "(" * 100_000),
    ],
    ids=lambda text: repr(text[:8]),
)
def test_no_text_takes_for_ever(text: str) -> None:
    """Each of these took minutes at this length, or hours at that of a whole document."""
    extra = f"<dc:creator><![CDATA[{text.replace(']]>', '')}]]></dc:creator>"
    entry = only(rss(item(title=text, text=text, content=text, extra=extra)))
    for part in (entry.content, entry.summary):
        assert part is not None
        assert isinstance(html_to_text(part.value), str)
