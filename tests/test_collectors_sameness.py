"""A document that differs from the last one only by its own date is the same; nothing else is."""

from __future__ import annotations

import pytest

from collectors.sameness import digest

RSS = (
    "<rss><channel><title>Sample</title><pubDate>{0}</pubDate>"
    "<lastBuildDate>{0}</lastBuildDate>"
    "<item><title>Talks</title><pubDate>{1}</pubDate></item></channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><atom:updated>{0}</atom:updated>'
    "<updated>{0}</updated><entry><title>Talks</title><updated>{1}</updated></entry></feed>"
)


@pytest.mark.parametrize("template", [RSS, ATOM])
def test_a_documents_own_date_is_left_out_and_its_entries_are_not(template: str) -> None:
    def of(document: str, entry: str) -> bytes:
        return digest(template.format(document, entry).encode())

    assert of("Monday", "today") == of("Tuesday", "today")
    assert of("Monday", "today") != of("Monday", "yesterday")


def test_all_else_counts() -> None:
    one = RSS.format("Monday", "today")
    for change in (("Sample", "Other"), ("Talks", "No talks"), ("</rss>", "</rss> ")):
        assert digest(one.encode()) != digest(one.replace(*change).encode())


def test_a_date_after_the_entries_or_in_none_counts() -> None:
    assert digest(b"<rss><lastBuildDate>1</lastBuildDate></rss>") != digest(
        b"<rss><lastBuildDate>2</lastBuildDate></rss>"
    )
    late = "<rss><item/><lastBuildDate>{}</lastBuildDate></rss>"
    assert digest(late.format(1).encode()) != digest(late.format(2).encode())


def test_what_is_no_text_has_one_too() -> None:
    assert digest(b"") != digest("<rss>".encode("utf-16"))
