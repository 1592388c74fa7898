"""What the entries of a document mean: new, changed, seen, dropped. Values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.catalog import Feed
from collectors.decide import (
    MAX_PAGE_TRIES,
    MAX_REVISIONS,
    Decision,
    content_hash,
    decide,
    pages_wanted,
)
from collectors.entry import ClaimedDate, Entry, FeedText
from collectors.fulltext import PageFailure, PageResult, PageText
from collectors.identity import article_id, identify
from collectors.plan import Known, KnownArticle, KnownSighting

FEED = Feed(id="sample", url="https://sample.example/feed", outlet="Sample", full_text="feed")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINK = "https://sample.example/a"
AWAY = PageFailure("500", transient=True)
WALL = PageFailure("a consent wall", transient=False)
WAITING = PageFailure("asked for peace", transient=True, tried=False)


def entry(title: str = "Envoys meet", text: str = "They met.", **changes: Any) -> Entry:
    made = Entry(None, LINK, title, None, FeedText(text, "text"), (), ClaimedDate())
    return replace(made, **changes)


def after(decision: Decision, feed: str = FEED.id, known: Known | None = None) -> Known:
    """What the state would know then."""
    known = known or Known()
    articles = dict(known.articles)
    for row in decision.articles:
        articles[row.id] = KnownArticle(
            *(row.id, row.identity, row.owner, row.revision, row.content_hash),
            *(row.text_origin, row.first_seen, row.title, row.fingerprint),
        )
    ids = {**dict(decision.aliases), **known.ids}
    for id, article in articles.items():
        aliases = tuple(sorted(key for key, other in ids.items() if other == id))
        articles[id] = replace(article, aliases=aliases)
    sightings = dict(known.sightings)
    for seen in decision.sightings:
        sightings[seen.article] = KnownSighting(seen.raw_hash, seen.page_tries, seen.seen)
    return Known(ids, articles, sightings)


def polled(
    *entries: Entry,
    known: Known | None = None,
    feed: Feed = FEED,
    page: PageResult | None = None,
    now: datetime = NOW,
) -> Decision:
    identified = identify(entries, feed, feed.url)
    wanted = pages_wanted(identified, feed, known or Known())
    pages = {item.key: page for item in wanted if page is not None}
    return decide(identified, feed, known or Known(), pages=pages, language="en", now=now)


def test_new_then_seen_then_changed() -> None:
    first = polled(entry())
    assert (first.new, first.changed, first.seen) == (1, 0, ())
    known = after(first)
    again = polled(entry(), known=known)
    assert (again.messages, again.seen) == ((), (article_id(f"url:{LINK}"),))
    assert (again.articles, again.aliases, again.sightings) == ((), (), ())
    later = NOW + timedelta(hours=1)
    changed = polled(entry("Envoys met"), known=known, now=later)
    (message,) = changed.messages
    assert (message.revision, message.title) == (2, "Envoys met")
    assert (message.first_seen, message.collected) == (NOW, later)
    assert (changed.new, changed.changed) == (0, 1)


TODAY = ClaimedDate("today", NOW - timedelta(hours=2), "claimed")
TALKS = "Envoys meet in Geneva"
TEXT = " ".join(f"The envoys spoke about matter number {n} of their list." for n in range(9))


def moved(link: str, text: str = TEXT, title: str = TALKS, date: ClaimedDate = TODAY) -> Entry:
    return entry(title, text, link=f"https://sample.example/{link}", date=date)


def test_an_article_whose_keys_have_all_changed_is_known_by_headline_day_and_text() -> None:
    known = after(polled(moved("a/1")))
    decision = polled(moved("b/2", TEXT + " "), known=known)
    assert (decision.messages, decision.new, len(decision.seen)) == ((), 0, 1)
    known = after(decision, known=known)
    changed = polled(moved("b/2", TEXT + " And they dined."), known=known)
    assert [message.revision for message in changed.messages] == [2], "found by its new address"
    both = polled(moved("c/3"), moved("a/1"), known=known)
    assert (both.new, both.changed, len(both.seen)) == (0, 0, 2)


@pytest.mark.parametrize(
    "other",
    [
        moved("b/2", "Envoys met once more; this time the talk was of prisoners and of flights."),
        moved("b/2", date=replace(TODAY, instant=NOW - timedelta(days=1))),
        moved("b/2", date=ClaimedDate()),
        moved("b/2", title="Envoys meet in Vienna"),
        moved("b/2", text=""),
    ],
)
def test_a_headline_alone_joins_no_articles(other: Entry) -> None:
    known = after(polled(moved("a/1")))
    assert polled(other, known=known).new == 1


def test_a_short_headline_is_a_columns_name() -> None:
    known = after(polled(moved("a/1", title="Daily briefing")))
    assert polled(moved("b/2", title="Daily briefing"), known=known).new == 1


def test_another_feeds_article_of_that_headline_is_another() -> None:
    known = after(polled(moved("a/1")))
    other = replace(FEED, id="second", url="https://other.example/feed")
    assert polled(moved("b/2"), known=known, feed=other).new == 1


def test_that_it_is_still_shown_is_noted_once_a_month() -> None:
    known = after(polled(entry()))
    assert polled(entry(), known=known, now=NOW + timedelta(days=29)).sightings == ()
    later = NOW + timedelta(days=31)
    (sighting,) = polled(entry(), known=known, now=later).sightings
    assert (sighting.seen, sighting.raw_hash) == (later.timestamp(), entry().raw_hash)


def test_messages_come_oldest_first() -> None:
    entries = [entry(f"{n}", link=f"{LINK}{n}") for n in range(3)]
    assert [message.title for message in polled(*entries).messages] == ["2", "1", "0"]


def test_what_is_said_anew_without_a_change_is_seen() -> None:
    """White space, authors and a zone spelled anew are no news; but they are remembered."""
    zoned = ClaimedDate("10:00 GMT", datetime(2026, 3, 1, 10, tzinfo=UTC), "claimed")
    known = after(polled(entry(date=zoned)))
    moscow = replace(zoned, claim="13:00 MSK")
    said = entry("Envoys  meet", "They\nmet.", authors=("Ann",), date=moscow)
    decision = polled(said, known=known)
    assert (decision.messages, len(decision.seen)) == ((), 1)
    (sighting,) = decision.sightings
    assert sighting.raw_hash == said.raw_hash
    assert polled(said, known=after(decision, known=known)).sightings == ()


def test_an_article_of_another_feed_is_left_to_it() -> None:
    known = after(polled(entry()))
    other = replace(FEED, id="other", full_text="page")
    theirs = Known(known.ids, known.articles, {})
    identified = identify([entry("Another headline")], other, other.url)
    assert pages_wanted(identified, other, theirs) == ()
    decision = polled(entry("Another headline"), known=theirs, feed=other)
    assert (decision.messages, decision.new, decision.changed) == ((), 0, 0)
    (sighting,) = decision.sightings
    assert sighting.article == article_id(f"url:{LINK}")
    shown = Known(known.ids, known.articles, {sighting.article: KnownSighting(b"")})
    assert polled(entry("Once more"), known=shown, feed=other).sightings == ()


def test_an_article_that_one_document_shows_twice_counts_once() -> None:
    decision = polled(entry("Newer", guid="g1"), entry("Older", guid="g1"))
    (message,) = decision.messages
    assert (message.title, decision.new) == ("Newer", 1)
    assert decision.seen == (message.id,)


def test_an_entry_with_nothing_in_it_is_dropped_until_there_is() -> None:
    decision = polled(entry("", ""))
    assert decision.dropped == (f"{LINK}: an entry with neither title nor text",)
    assert (decision.aliases, decision.sightings, decision.new) == ((), (), 0)
    assert polled(entry("Now", ""), known=after(decision)).new == 1


def test_an_article_is_followed_to_its_new_address() -> None:
    guid = "https://sample.example/?p=7"
    known = after(polled(entry(guid=guid)))
    moved = entry(guid=guid, link=f"{LINK}-corrected", title="Envoys met")
    (message,) = polled(moved, known=known).messages
    assert (message.id, message.revision) == (article_id(f"url:{LINK}"), 2)
    assert message.url == f"{LINK}-corrected"
    assert f"url:{LINK}-corrected" in message.aliases
    assert message.identity not in message.aliases


def test_an_article_that_flaps_is_let_be() -> None:
    known, revisions = Known(), 0
    for number in range(MAX_REVISIONS + 20):
        decision = polled(entry(text=f"It is {number} o'clock."), known=known)
        revisions += len(decision.messages)
        known = after(decision, known=known)
    assert revisions == MAX_REVISIONS
    want_page = replace(FEED, full_text="page")
    identified = identify([entry(text="It is late.")], want_page, want_page.url)
    assert pages_wanted(identified, want_page, known) == (), "its page is let be, too"


def test_the_catalogue_knows_the_language_better() -> None:
    feed = replace(FEED, language="ru")
    assert [message.language for message in polled(entry(), feed=feed).messages] == ["ru"]
    assert [message.language for message in polled(entry()).messages] == ["en"]


# Pages

PAGED = replace(FEED, full_text="page")


def tries(decision: Decision) -> list[int]:
    return [sighting.page_tries for sighting in decision.sightings]


def test_a_page_is_tried_so_often_and_no_more() -> None:
    known, counts = Known(), []
    for _ in range(MAX_PAGE_TRIES + 2):
        decision = polled(entry(), known=known, feed=PAGED, page=AWAY)
        counts += tries(decision)
        known = after(decision, known=known)
    assert counts == [1, 2, 3, 0]


def test_waiting_for_a_host_is_no_try() -> None:
    known, counts = Known(), []
    for page in (WAITING, WAITING, AWAY, WAITING, WAITING, AWAY, WALL):
        decision = polled(entry(), known=known, feed=PAGED, page=page)
        counts += tries(decision)
        known = after(decision, known=known)
    assert counts == [1, 1, 2, 2, 2, 3, 0]


def test_a_page_that_will_never_come_is_not_waited_for() -> None:
    decision = polled(entry(), feed=PAGED, page=WALL)
    assert tries(decision) == [0]
    assert [message.text_origin for message in decision.messages] == ["summary"]


def test_a_page_stays_while_its_host_is_away() -> None:
    known = after(
        polled(entry(), feed=PAGED, page=PageText("The whole of it.", "https://sample.example/a"))
    )
    changed = entry(text="They met and left.")
    hash_before = next(iter(known.sightings.values())).raw_hash
    for _ in range(MAX_PAGE_TRIES - 1):
        decision = polled(changed, known=known, feed=PAGED, page=AWAY)
        assert (decision.messages, len(decision.seen)) == ((), 1)
        assert decision.sightings[0].raw_hash == hash_before
        known = after(decision, known=known)
    last = polled(changed, known=known, feed=PAGED, page=AWAY)
    assert [message.text_origin for message in last.messages] == ["summary"]


def test_what_has_no_link_has_no_page() -> None:
    identified = identify([entry(link=None), entry(link="javascript:x")], PAGED, PAGED.url)
    assert pages_wanted(identified, PAGED, Known()) == ()


def test_pages_are_wanted_once_for_each_article() -> None:
    shown = [entry("Newer", guid="g"), entry("Older", guid="g")]
    assert len(pages_wanted(identify(shown, PAGED, PAGED.url), PAGED, Known())) == 1


# Properties

_ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from(["", "A", "B", "C"]),
        st.sampled_from(["", "x", "y"]),
        guid=st.sampled_from([None, "1", "2", "https://sample.example/?p=1", "tag:a"]),
        link=st.sampled_from([None, LINK, f"{LINK}?b", "https://sample.example/", "mailto:x"]),
    ),
    max_size=6,
)


@given(_ENTRIES, st.sampled_from(["url", "guid", "url-day"]))
def test_the_same_document_again_brings_nothing(entries: list[Entry], identity: Any) -> None:
    feed = replace(FEED, identity=identity)
    first = polled(*entries, feed=feed)
    assert len(first.seen) + len(first.messages) + len(first.dropped) == len(entries)
    assert len({message.id for message in first.messages}) == len(first.messages)
    assert {message.id for message in first.messages} == {row.id for row in first.articles}
    again = polled(*entries, feed=feed, known=after(first))
    assert (again.messages, again.articles) == ((), ())
    assert len(again.seen) + len(again.dropped) == len(entries)


@settings(max_examples=50)
@given(st.lists(_ENTRIES, max_size=4))
def test_revisions_count_up_without_gaps(documents: list[list[Entry]]) -> None:
    known, seen = Known(), dict[str, int]()
    for entries in documents:
        decision = polled(*entries, known=known)
        for message in decision.messages:
            assert message.revision == seen.get(message.id, 0) + 1
            seen[message.id] = message.revision
        known = after(decision, known=known)


@pytest.mark.parametrize(
    "other", [("B", "x", entry()), ("A", "y", entry()), ("A", "x", entry(date=ClaimedDate("1")))]
)
def test_the_content_is_title_text_and_date(other: tuple[str, str, Entry]) -> None:
    assert content_hash("A", "x", entry()) == content_hash(" A ", "x\n", entry(guid="g"))
    assert content_hash("A", "x", entry()) != content_hash(*other)
