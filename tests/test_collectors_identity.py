"""Which article an entry is: canonical addresses, identity keys, aliases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.catalog import Feed
from collectors.entry import ClaimedDate, Entry
from collectors.identity import Identified, article_id, canonical_url, identify, with_pages

FEED = Feed(id="sample", url="https://www.sample.example/feed.xml", outlet="Sample")
DAY = ClaimedDate("1 Mar 2026", datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "claimed")


def entry(guid: str | None = None, link: str | None = None, title: str = "Envoys meet") -> Entry:
    return Entry(guid, link, title, None, None, (), DAY)


def identified(*entries: Entry, **changes: Any) -> list[Identified]:
    feed = Feed(**{"id": FEED.id, "url": FEED.url, "outlet": FEED.outlet, **changes})
    return identify(entries, feed, feed.url)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTPS://News.Example:443/a?b=1#top", "https://news.example/a?b=1"),
        ("http://news.example:80", "http://news.example/"),
        ("http://news.example:8080/x", "http://news.example:8080/x"),
        ("https://me:secret@news.example/x", "https://news.example/x"),
        (
            "https://news.example/a?utm_source=rss&id=7&fbclid=x&b=2",
            "https://news.example/a?id=7&b=2",
        ),
        ("https://news.example/a?UTM_Medium=x", "https://news.example/a"),
        ("https://новости.example/x", "https://xn--b1amnebsh.example/x"),
        ("https://news.example./x", "https://news.example/x"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
        ("//other.example/x", "https://other.example/x"),
        ("/rel?x=1", "https://www.sample.example/rel?x=1"),
        ("mailto:a@b.example", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://[oops/", None),
        ("https://x.example:99999/", None),
        (f"https://x.example/{'x' * 5_000}", None),
        ("https://ex\u2024ample..example/", None),
        (None, None),
    ],
)
def test_canonical_addresses(written: str | None, canonical: str | None) -> None:
    assert canonical_url(written, FEED.url) == canonical


@given(st.text(max_size=60) | st.from_regex(r"https?://[^ ]{1,40}", fullmatch=True))
def test_a_canonical_address_is_its_own(written: str) -> None:
    once = canonical_url(written)
    assert once is None or canonical_url(once) == once


def test_the_url_policy() -> None:
    (one,) = identified(entry("https://sample.example/?p=1", "https://sample.example/a"))
    assert one.key == "url:https://sample.example/a"
    assert one.aliases == ("guid-path:sample.example:/?p=1",)
    assert one.url == "https://sample.example/a"


def test_a_guid_that_moved_to_https_leads_to_the_same_article() -> None:
    (before,) = identified(entry("http://sample.example/?p=1", "http://sample.example/a"))
    (after,) = identified(entry("https://www.sample.example/?p=1", "https://sample.example/b"))
    assert set(before.aliases) & set(after.aliases)


def test_the_guid_policy_never_trusts_the_link() -> None:
    this, last = identified(
        entry("page_id=2", "https://sample.example/national-day"),
        entry("page_id=1", "https://sample.example/national-day"),
        identity="guid",
    )
    assert this.key == "guid:sample:page_id=2"
    assert not set(this.keys) & set(last.keys)


def test_a_guid_written_to_be_unique_is_so_at_its_publisher() -> None:
    (one,) = identified(entry("urn:uuid:1"), identity="guid")
    (two,) = identified(entry("urn:uuid:1"), identity="guid", id="another-feed")
    assert one.key == two.key == "guid:sample.example:urn:uuid:1"


def test_the_url_day_policy() -> None:
    (one,) = identified(entry("7", "https://sample.example/daily"), identity="url-day")
    assert one.keys == ("url-day:https://sample.example/daily:2026-03-01",)


def test_what_a_document_shows_to_be_ambiguous_is_not_trusted() -> None:
    """One guid for all; one link for all; the front page as a link."""
    first, second = identified(
        entry("issue-1", "https://sample.example/a"), entry("issue-1", "https://sample.example/b")
    )
    assert (first.key, first.aliases) == ("url:https://sample.example/a", ())
    first, second = identified(
        entry("1", "https://sample.example/live"), entry("2", "https://sample.example/live")
    )
    assert (first.key, second.key) == ("guid:sample:1", "guid:sample:2")
    first, second = identified(entry(None, "https://sample.example/", "A"), entry(None, None, "B"))
    assert first.key.startswith("text:sample:")
    assert first.key != second.key
    assert second.url == FEED.url


def test_an_aggregators_guids_keep_their_hosts() -> None:
    one, two = identified(
        entry("https://a.example.org/?p=1", "https://a.example.org/x"),
        entry("https://b.example.net/?p=1", "https://b.example.net/x"),
    )
    assert not set(one.keys) & set(two.keys)


def test_ids_are_stable_for_good() -> None:
    """A change here would publish every article of every user anew."""
    assert article_id("url:https://sample.example/a") == "ae848c7961df0fa0f7aecb556998b34b4"


def test_without_any_other_key_headlines_tell_entries_apart() -> None:
    """One link, or one guid, for all: it would make one article of all news, and lose the rest."""
    links = identified(
        *(entry(None, "https://sample.example/news", title) for title in ("A", "B", "C"))
    )
    assert len({one.key for one in links}) == 3
    assert {one.url for one in links} == {"https://sample.example/news"}
    guids = identified(*(entry("issue-1", None, title) for title in ("A", "B", "C")))
    assert len({one.key for one in guids}) == 3
    twice = identified(*(entry(None, "https://sample.example/a", "A") for _ in range(2)))
    assert {one.key for one in twice} == {"url:https://sample.example/a"}


@pytest.mark.parametrize("guid", ["https://sample.example/", "http://[", "", "x:y", "https:///x"])
def test_guids_that_name_no_article_are_no_alias(guid: str) -> None:
    (one,) = identified(entry(guid, "https://sample.example/a"))
    assert one.aliases == ()


def test_a_domain_below_a_countrys_is_its_owners() -> None:
    """`feeds.news.co.uk` publishes for `www.news.co.uk`, and not for `www.other.co.uk`."""
    feed = "https://feeds.news.co.uk/rss"
    own, other = identified(
        entry("https://www.news.co.uk/?p=1", "https://www.news.co.uk/a"),
        entry("https://www.other.co.uk/?p=1", "https://www.other.co.uk/a"),
        url=feed,
    )
    assert own.aliases == ("guid-path:feeds.news.co.uk:/?p=1",)
    assert other.aliases == ("guid-path:other.co.uk:/?p=1",)


def test_the_link_stands_in_for_a_guid_and_the_guid_for_a_link() -> None:
    (no_guid,) = identified(entry(None, "https://sample.example/a"), identity="guid")
    assert no_guid.key == "url:https://sample.example/a"
    (no_link,) = identified(entry("https://sample.example/?p=1"))
    assert no_link.key == "guid:sample.example:https://sample.example/?p=1"
    assert (no_link.url, no_link.has_page) == ("https://sample.example/?p=1", False)


_KEYS = st.sampled_from([None, "1", "https://sample.example/?p=1", "tag:x", "http://[", "/"])


@given(
    st.lists(st.builds(entry, _KEYS, _KEYS, st.sampled_from("AB")), max_size=5),
    st.sampled_from(["url", "guid", "url-day"]),
)
def test_every_entry_has_a_key_and_an_address(entries: list[Entry], identity: str) -> None:
    found = identified(*entries, identity=identity)
    assert [one.entry for one in found] == entries
    for one in found:
        assert one.key
        assert len(set(one.aliases)) == len(one.aliases)
        assert one.url.startswith("http")
        assert not one.has_page or canonical_url(one.url) == one.url


WRAPPED = "https://news.google.com/rss/articles/CBMiX?oc=5"


def test_a_wrappers_address_identifies_nothing() -> None:
    one, other = identified(
        entry("g1", WRAPPED), entry("g2", "https://feeds.feedburner.com/~r/s/~3/2/")
    )
    assert [one.key, other.key] == ["guid:sample:g1", "guid:sample:g2"]
    assert not any("google" in key or "feedburner" in key for key in (*one.keys, *other.keys))
    # Behind Google's no page can be had; a redirector leads to one.
    assert (one.url, one.has_page, other.has_page) == (WRAPPED, False, True)
    (target,) = identified(entry(None, "https://www.google.com/url?url=https://news.example/a"))
    assert target.key == "url:https://news.example/a"


def test_an_amp_page_is_known_by_the_articles_address() -> None:
    (amp,) = identified(entry(None, "https://news.example/a/amp?utm_source=x"))
    assert amp.keys == ("url:https://news.example/a/amp", "url:https://news.example/a")
    assert amp.url == "https://news.example/a/amp"


def paged(item: Identified, address: str, **changes: Any) -> Identified:
    feed = Feed(**{"id": FEED.id, "url": FEED.url, "outlet": FEED.outlet, **changes})
    (found,) = with_pages([item], feed, {item.key: address})
    return found


def test_where_a_page_is_found_its_article_is_known_by_too() -> None:
    (item,) = identified(entry(None, "https://sample.example/short"))
    found = paged(item, "https://sample.example/2026/long?utm_source=x")
    assert found.keys == (*item.keys, "url:https://sample.example/2026/long")
    assert (found.key, found.url) == (item.key, item.url)
    assert paged(item, item.url) == item
    assert paged(item, "https://sample.example/") == item, "a front page is no article's"
    assert paged(item, "nonsense") == item
    (by_guid,) = identified(entry("g1", "https://sample.example/short"), identity="guid")
    assert paged(by_guid, "https://sample.example/x", identity="guid").keys == by_guid.keys


def test_a_wrapper_gives_way_to_the_address_that_it_led_to() -> None:
    (item,) = identified(entry("g1", "https://t.co/abc"))
    found = paged(item, "https://news.example/a")
    assert found.url == "https://news.example/a"
    assert found.keys == (*item.keys, "url:https://news.example/a")


def test_a_page_that_several_articles_lead_to_is_a_wall() -> None:
    items = identified(*(entry(None, f"https://sample.example/{n}") for n in range(3)))
    wall = "https://sample.example/consent"
    assert with_pages(items, FEED, {item.key: wall for item in items}) == items
