"""Which feeds a page announces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.discover import MOST, announced_feeds

PAGE = b"""<!doctype html><html><head><base href="/en/">
<link rel="alternate" type="application/rss+xml" title="News" href="feed.xml">
<LINK REL='Alternate' TYPE='application/atom+xml; charset=utf-8' HREF='https://other.example/atom'/>
<link rel="alternate" type="application/rss+xml" href="/en/feed.xml#top">
<link rel="alternate" hreflang="de" href="/de/">
<link rel="stylesheet" type="text/css" href="style.css">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" type="application/rss+xml">
</head><body><a href="/rss">RSS</a></body></html>"""


def test_announced_feeds() -> None:
    assert announced_feeds(PAGE, "https://site.example/home") == (
        "https://site.example/en/feed.xml",
        "https://other.example/atom",
    )


def test_a_page_that_announces_very_many() -> None:
    link = b'<link rel=alternate type=application/rss+xml href="/%d">'
    assert (
        len(announced_feeds(b"".join(link % n for n in range(500)), "https://x.example/")) == MOST
    )


@given(
    st.binary(max_size=200) | st.text(alphabet="<>link=\"' rel/!-[", max_size=200).map(str.encode)
)
def test_no_page_trips_it(page: bytes) -> None:
    assert isinstance(announced_feeds(page, "https://x.example/"), tuple)


@pytest.mark.parametrize("href", ["https://[oops/", "//", "http://", "data:,x"])
def test_what_is_no_address_is_left_out(href: str) -> None:
    page = f'<link rel=alternate type="application/rss+xml" href="{href}">'.encode()
    assert announced_feeds(page, "https://x.example/a") in {(), ("https://x.example/a",)}
