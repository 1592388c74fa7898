"""Links by way of somebody else: aggregators, shorteners, AMP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.wrappers import is_walled, is_wrapper, unwrapped, without_amp


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            "https://www.google.com/url?sa=t&url=https%3A%2F%2Fnews.example%2Fa%3Fb%3D1&usg=x",
            "https://news.example/a?b=1",
        ),
        ("https://www.google.com/amp/s/news.example/a/amp", "https://news.example/a/amp"),
        (
            "https://news-example.cdn.ampproject.org/c/s/news.example/a?b=1",
            "https://news.example/a?b=1",
        ),
        (
            "https://www.bing.com/news/apiclick.aspx?ref=x&url=http%3a%2f%2fnews.example%2fa",
            "http://news.example/a",
        ),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fnews.example%2Fa", "https://news.example/a"),
        # Nothing to take out, or nothing that is an address.
        ("https://www.google.com/url?url=javascript:alert(1)", None),
        ("https://www.google.com/search?q=news", None),
        ("https://news.example/url?url=https%3A%2F%2Fother.example%2F", None),
        ("https://[oops/", None),
        ("", None),
    ],
)
def test_what_a_link_carries(link: str, address: str | None) -> None:
    assert unwrapped(link) == (address or link)


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("https://news.example/2026/a/amp", "https://news.example/2026/a"),
        ("https://news.example/2026/a/amp/", "https://news.example/2026/a"),
        ("https://news.example/2026/a.amp.html", "https://news.example/2026/a"),
        ("https://amp.news.example/a", "https://news.example/a"),
        ("https://news.example/a?outputType=amp&id=7", "https://news.example/a?id=7"),
        ("https://news.example/a?amp=1", "https://news.example/a"),
        ("https://news.example/amplifier", None),
        ("https://news.example/a?amplitude=1", None),
        ("https://amp.example/a", None),  # a publisher of that name
    ],
)
def test_the_address_behind_amp(address: str, plain: str | None) -> None:
    assert without_amp(address) == (plain or address)


def test_whose_addresses_are_others() -> None:
    assert is_wrapper("https://news.google.com/rss/articles/CBMi?oc=5")
    assert is_walled("https://news.google.com/rss/articles/CBMi?oc=5")
    assert is_wrapper("https://feeds.feedburner.com/~r/x/~3/1/")
    assert not is_walled("https://t.co/abc")
    assert not is_wrapper("https://news.example/t.co")
    assert not is_wrapper("https://[oops/")


@given(st.text(max_size=80) | st.from_regex(r"https?://[^ ]{1,60}", fullmatch=True))
def test_nothing_trips_them(link: str) -> None:
    assert isinstance(unwrapped(link), str)
    assert not is_walled(link) or is_wrapper(link)
