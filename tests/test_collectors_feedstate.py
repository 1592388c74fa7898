"""What the collectors remember: the outbox, articles, hosts; and that one collector has it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from collectors.catalog import Feed
from collectors.entry import ClaimedDate, Entry
from collectors.feedstate import SCHEMA_NUMBER, FeedState
from collectors.forgetting import NOTED, REMEMBERED
from collectors.identity import identify
from collectors.plan import ArticleRow, FeedRow, Plan, PlannedRecord, SightingRow
from collectors.status import PollState
from detente.bus.base import Entry as Logged
from detente.errors import ConfigError, StoreUnavailable
from detente.lock import StateLock

URL = "https://sample.example/a"
FEED = Feed(id="one", url="https://sample.example/feed", outlet="One")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "feeds.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[FeedState]:
    state = FeedState(f"sqlite:///{path}")
    yield state
    state.close()


def row(feed: str = "one", **changes: Any) -> FeedRow:
    return FeedRow(
        **{
            "feed": feed,
            "address": "https://sample.example/feed",
            "state": PollState.WORKING,
            "since": 100.0,
            "polled": 200.0,
            **changes,
        }
    )


def article(id: str = "a1", revision: int = 1, **changes: Any) -> ArticleRow:
    return ArticleRow(
        **{
            "id": id,
            "identity": f"url:{URL}",
            "owner": "one",
            "url": URL,
            "title": f"Envoys meet {revision}",
            "revision": revision,
            "content_hash": b"h" * 16,
            "text_origin": "feed",
            "first_seen": 100.0,
            "changed": 100.0 * revision,
            **changes,
        }
    )


def plan(revision: int = 1, feed: str | FeedRow = "one", tries: int = 0, **changes: Any) -> Plan:
    return Plan(
        **{
            "feed": row(feed) if isinstance(feed, str) else feed,
            "examined": True,
            "records": (PlannedRecord("a1", b"{}", revision),),
            "articles": (article(revision=revision),),
            "aliases": ((f"url:{URL}", "a1"), ("guid-path:sample.example:/?p=1", "a1")),
            "sightings": (SightingRow("a1", b"r" * 16, tries, 100.0 * revision),),
            "blocked": (),
            **changes,
        }
    )


def everything(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as db:
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    db.close()
    return found


# The outbox


def test_a_held_plan_shows_nowhere_until_it_is_settled(state: FeedState) -> None:
    state.hold(plan())
    assert (state.rows(), state.article_counts(), state.trace(URL)) == ({}, {}, None)
    assert state.pending() == [plan()]
    state.settle(plan())
    assert state.pending() == []
    assert state.rows() == {"one": row()}
    assert state.article_counts() == {"one": 1}


def test_a_held_plan_outlives_the_process(path: Path, state: FeedState) -> None:
    state.hold(plan())
    state.close()
    again = FeedState(f"sqlite:///{path}")
    assert again.pending() == [plan()]
    again.close()


_PLANS = st.builds(
    plan,
    revision=st.integers(1, 3),
    feed=st.sampled_from(["one", "two"]),
    tries=st.integers(0, 3),
    examined=st.booleans(),
    blocked=st.sampled_from([(), (("sample.example", 4e9),)]),
)


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_PLANS, min_size=1, max_size=4))
def test_settling_twice_is_settling_once(path: Path, state: FeedState, plans: list[Plan]) -> None:
    for one in plans:
        state.hold(one)
        state.settle(one)
        once = everything(path)
        state.settle(one)
        assert everything(path) == once


def test_a_plan_of_another_version_is_said_to_be_one(path: Path, state: FeedState) -> None:
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO pending VALUES ('one', ?)", (msgspec.msgpack.encode({"x": 1}),))
    db.close()
    with pytest.raises(ConfigError, match="Run that version once to settle it"):
        state.pending()


# What a poll needs to know


def entry(link: str, guid: str | None = None) -> Entry:
    return Entry(guid, link, "Envoys meet", None, None, (), ClaimedDate())


def test_articles_are_found_by_every_key(state: FeedState) -> None:
    state.settle(plan())
    by_link = identify([entry(URL)], FEED, FEED.url)
    by_guid = identify([entry(f"{URL}/b", "http://sample.example/?p=1")], FEED, FEED.url)
    unknown = identify([entry(f"{URL}/c")], FEED, FEED.url)
    for identified in (by_link, by_guid):
        known = state.lookup("one", identified)
        (found,) = known.articles.values()
        assert (found.id, found.owner, found.revision) == ("a1", "one", 1)
        assert found.aliases == ("guid-path:sample.example:/?p=1", f"url:{URL}")
        assert known.sightings["a1"].raw_hash == b"r" * 16
        assert state.lookup("two", identified).sightings == {}
    assert state.lookup("one", unknown).ids == {}
    assert state.lookup("one", []).articles == {}


def test_a_key_stays_with_whom_it_came_to_first(state: FeedState) -> None:
    state.settle(plan())
    other = article("a2", identity="url:x", url="x")
    state.settle(plan(articles=(other,), aliases=(("url:x", "a2"), (f"url:{URL}", "a2"))))
    known = state.lookup("one", identify([entry(URL)], FEED, FEED.url))
    assert known.ids == {f"url:{URL}": "a1"}


def test_a_page_of_what_left_the_feed_is_not_waited_for(state: FeedState) -> None:
    assert not state.has_pages_to_retry("one")
    state.settle(plan(tries=2))
    assert state.has_pages_to_retry("one")
    assert not state.has_pages_to_retry("two")
    state.settle(plan(examined=False, records=(), articles=(), aliases=(), sightings=()))
    assert state.has_pages_to_retry("one"), "a poll that failed says nothing of it"
    state.settle(plan(records=(), articles=(), aliases=(), sightings=()))
    assert not state.has_pages_to_retry("one")


def test_a_row_holds_for_one_address(state: FeedState) -> None:
    state.settle(plan())
    assert state.feed("one", "https://sample.example/feed") == row()
    fresh = state.feed("one", "https://sample.example/other")
    assert (fresh.state, fresh.polled, fresh.etag) == (PollState.NEVER, None, None)
    assert state.feed("two", "https://two.example/").state is PollState.NEVER


def test_hosts_are_left_alone_until_then_but_not_for_years(path: Path, state: FeedState) -> None:
    now = time.time()
    blocked = (("soon", now + 60), ("over", now - 1), ("clock", now + 1e8))
    state.settle(plan(blocked=blocked))
    assert state.blocked_hosts() == {"soon": now + 60}
    state.settle(plan(feed=row(polled=now)))
    assert [host for host, _ in everything(path)["hosts"]] == ["clock", "soon"]


# What people ask


def test_a_trace_tells_the_whole_story(state: FeedState) -> None:
    state.settle(plan())
    state.settle(plan(revision=2))
    state.settle(plan(feed=row("two"), articles=(), sightings=(SightingRow("a1", b"x", 0, 300.0),)))
    trace = state.trace("a1")
    assert trace is not None
    for key in (URL, f"{URL}?utm_source=x", f"url:{URL}", "guid-path:sample.example:/?p=1"):
        assert state.trace(key) == trace
    assert trace.first_seen == datetime.fromtimestamp(100, UTC)
    assert [(it.number, it.title) for it in trace.revisions] == [
        (1, "Envoys meet 1"),
        (2, "Envoys meet 2"),
    ]
    assert {feed: at.timestamp() for feed, at in trace.shown_by.items()} == {
        "one": 100.0,
        "two": 300.0,
    }
    for key in ("", "https://sample.example/none", "'; DROP TABLE articles; --"):
        assert state.trace(key) is None


# Forgetting


def shown(id: str, at: float, feed: str = "one") -> Plan:
    """A plan in which a feed shows an article, new or not."""
    return plan(
        feed=row(feed, polled=at),
        records=(),
        articles=(article(id, identity=f"url:{URL}{id}", owner="one"),) if feed == "one" else (),
        aliases=((f"url:{URL}{id}", id),),
        sightings=(SightingRow(id, b"r", 0, at),),
    )


def ids(path: Path, table: str, column: str = "article") -> list[str]:
    return sorted({found[0] for found in select(path, f"SELECT {column} FROM {table}")})


def select(path: Path, statement: str) -> list[Any]:
    with sqlite3.connect(path) as db:
        found = db.execute(statement).fetchall()
    db.close()
    return found


def test_what_no_feed_has_shown_for_long_is_forgotten(path: Path, state: FeedState) -> None:
    state.settle(shown("old", 1_000.0))
    state.settle(shown("elsewhere", 1_000.0))
    state.settle(shown("elsewhere", REMEMBERED, feed="two"))
    state.settle(shown("kept", 1_000.0))
    state.settle(shown("kept", 1_000.0 + NOTED * 2))
    state.settle(shown("new", 2_000.0 + REMEMBERED))
    left = ["elsewhere", "kept", "new"]
    assert ids(path, "articles", "id") == left
    assert ids(path, "aliases") == ids(path, "revisions") == ids(path, "sightings") == left
    assert state.trace("old") is None


def test_only_a_document_that_was_examined_makes_forget(path: Path, state: FeedState) -> None:
    """For one that is unchanged for a year, nobody writes down that it still shows them."""
    state.settle(shown("old", 1_000.0))
    state.settle(Plan(feed=row(polled=2_000.0 + REMEMBERED)))
    assert ids(path, "articles", "id") == ["old"]


def test_a_showing_is_written_down_once_a_month(path: Path, state: FeedState) -> None:
    for days in range(100):
        state.settle(shown("a", days * 86_400.0))
    assert select(path, "SELECT first_shown, last_shown FROM sightings") == [(0.0, 93 * 86_400.0)]


def test_a_feed_that_is_polled_no_more_is_forgotten_in_time(path: Path, state: FeedState) -> None:
    state.settle(shown("its", 1_000.0))
    state.settle(shown("both", 1_000.0))
    state.settle(shown("both", 5_000.0, feed="two"))
    state.forget_feeds(4_000.0)
    assert list(state.rows()) == ["two"]
    assert ids(path, "articles", "id") == ["both"]


class Kept:
    """A changelog in memory."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes | None] = {}

    def take(self) -> Iterator[Logged]:
        return self.read()

    def read(self) -> Iterator[Logged]:
        return iter(list(self.entries.items()))

    def append(self, entries: Sequence[Logged]) -> None:
        self.entries.update(entries)

    def close(self) -> None:
        pass


def test_what_is_forgotten_is_gone_from_the_changelog_too(tmp_path: Path) -> None:
    log = Kept()
    first = FeedState(f"sqlite:///{tmp_path}/first.sqlite", log)
    for id in ("old", "its"):
        first.settle(shown(id, 1_000.0))
    # It reads what is there as well as what comes: the copy of one who follows.
    follower = FeedState(f"sqlite:///{tmp_path}/second.sqlite", log)
    first.settle(shown("new", 2_000.0 + REMEMBERED))
    first.settle(shown("two", 1_000.0, feed="two"))
    first.forget_feeds(2_000.0)
    follower.restore(log.read())
    assert everything(tmp_path / "first.sqlite") == everything(tmp_path / "second.sqlite")
    assert ids(tmp_path / "second.sqlite", "articles", "id") == ["new"]
    for one in (first, follower):
        one.close()


def test_a_changelog_of_the_version_before_is_read(path: Path, state: FeedState) -> None:
    row_ = article(changed=100.0)
    entry = {
        "row": row_,
        "aliases": [f"url:{URL}"],
        "revisions": [(1, 100.0, "Envoys meet")],
        "sightings": [("one", b"r", 0, 100.0)],
    }
    state.restore([("article/a1", msgspec.msgpack.encode(entry))])
    ((first_shown, last_shown),) = select(path, "SELECT first_shown, last_shown FROM sightings")
    assert first_shown == 100.0
    assert time.time() - last_shown < 60


# The file


def test_a_state_of_the_schema_before_is_carried_over(path: Path, state: FeedState) -> None:
    state.settle(Plan(feed=row(), articles=(article(),), aliases=((f"url:{URL}", "a1"),)))
    state.close()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE articles DROP COLUMN fingerprint")
        db.execute("DROP INDEX sightings_by_age")
        db.execute("ALTER TABLE sightings DROP COLUMN last_shown")
        db.execute("PRAGMA user_version = 1")
    db.close()
    for _ in range(2):
        later = FeedState(f"sqlite:///{path}")
        (known,) = later.lookup(
            "one", identify([Entry(None, URL, "x", None, None, (), ClaimedDate())], FEED, URL)
        ).articles.values()
        assert (known.id, known.fingerprint) == ("a1", b"")
        later.close()


def test_another_schema_is_refused(path: Path, state: FeedState) -> None:
    state.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_NUMBER + 1}")
    db.close()
    with pytest.raises(ConfigError, match="use the version that wrote it"):
        FeedState(f"sqlite:///{path}")


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database at all, and long enough to tell" * 100)
    with pytest.raises(ConfigError, match="can't be opened"):
        FeedState(f"sqlite:///{tmp_path}/x")


def test_after_closing_it_is_unavailable(state: FeedState) -> None:
    state.close()
    state.close()
    for use in (state.rows, state.pending, lambda: state.settle(plan())):
        with pytest.raises(StoreUnavailable):
            use()


def test_the_lock_is_one_collectors_and_comes_free(path: Path) -> None:
    url = f"sqlite:///{path}"
    with StateLock(url, "collector", "state"):
        with (
            pytest.raises(ConfigError, match="another collector"),
            StateLock(url, "collector", "state"),
        ):
            pass
        with StateLock(f"{url}-other", "collector", "state"):
            pass
    with StateLock(url, "collector", "state"):
        pass


def test_a_lock_that_cant_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="file"),
        StateLock(f"sqlite:///{tmp_path}/file/x", "collector", "state"),
    ):
        pass
