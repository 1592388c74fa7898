"""A long document is taken in by parts, as if it were one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import poll
from collectors.catalog import Feed
from collectors.identity import Identified
from collectors.parts import parts
from collectors.plan import Known
from collectors.stage import collect
from collectors.status import PollEvent
from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import Record
from detente.bus.sqlite import SqliteBus
from detente.deadletters import read_all
from detente.errors import BusUnavailable
from detente.flow import COLLECTED
from detente.settings import Settings, load_settings
from detente.wire import decode
from tests.httpserver import HttpServer, Reply
from tests.test_collectors_decide import entry

KEYS = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=3, unique=True)


def identified_as(key: str, *aliases: str) -> Identified:
    return Identified(entry(), key, aliases, url="https://sample.example/")


@given(
    st.lists(KEYS, max_size=40),
    st.integers(1, 10),
    st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from("xyz")),
)
def test_parts_are_the_whole_and_keep_together_what_may_be_one(
    keys: list[list[str]], most: int, ids: dict[str, str]
) -> None:
    entries = [identified_as(*some) for some in keys]
    found = parts(entries, Known(ids=ids), most)
    assert sorted(map(id, (one for part in found for one in part))) == sorted(map(id, entries))
    place = {id(one): number for number, one in enumerate(entries)}
    part_of: dict[str, int] = {}
    for number, part in enumerate(found):
        places = [place[id(one)] for one in part]
        assert places == sorted(places)
        for one in part:
            for key in one.all_keys:
                for shared in (key, ids.get(key, key)):
                    assert part_of.setdefault(shared, number) == number
    if keys:
        assert place[id(found[0][-1])] == len(keys) - 1  # the oldest comes first


def document(count: int) -> Reply:
    """Entries of a feed, newest first; every tenth is listed twice, the upper one with more."""
    items = []
    for number in reversed(range(count)):
        link = f"https://sample.example/{number}"
        item = f"<item><title>Headline {number}</title><link>{link}</link><guid>{link}</guid>"
        item += f"<description>Text {number}</description></item>"
        if number % 10 == 0:
            items.append(item.replace("Text", "More text"))
        items.append(item)
    body = f'<rss version="2.0"><channel><title>S</title>{"".join(items)}</channel></rss>'
    return Reply(body=body.encode(), headers={"Content-Type": "application/rss+xml"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        environ={},
        bus=f"sqlite:///{tmp_path}/bus.sqlite",
        state=f"sqlite:///{tmp_path}/feeds.sqlite",
        collectors={"allow_loopback": True, "host_spacing": 0.0},
    )


def polled(settings: Settings, url: str, rounds: int) -> tuple[list[str], list[PollEvent]]:
    """What was published, in order, and what each poll came to."""
    bus, events = open_bus(settings.bus), list[PollEvent]()
    bus.prepare()
    feed = Feed(id="s", url=url, outlet="The Sample", full_text="feed", interval=0.01)
    stop = threading.Event()
    collect(settings, [feed], bus, stop=stop, on_event=events.append, rounds=rounds)
    found = [decode(one.value, CollectedArticle) for one in read_all(bus, COLLECTED, "t")]
    bus.close()
    return [f"{one.title} {one.revision}: {one.body}" for one in found], events


def test_the_same_is_published_as_of_one_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = settings.model_copy(
        update={
            "bus": f"sqlite:///{tmp_path}/b2.sqlite",
            "state": f"sqlite:///{tmp_path}/f2.sqlite",
        }
    )
    with HttpServer({"/feed": document(95)}) as server:
        whole, first = polled(settings, server.url("/feed"), 1)
        monkeypatch.setattr(poll, "MOST", 20)
        in_parts, events = polled(other, server.url("/feed"), 2)
    assert len(whole) == 95
    assert sorted(in_parts) == sorted(whole)
    assert in_parts[0].startswith("Headline 0 1: More text 0")
    assert [(one.new, one.changed) for one in events] == [(95, 0), (0, 0)]
    assert (first[0].new, first[0].seen) == (events[0].new, events[0].seen)


def test_after_an_outage_between_two_parts_nothing_is_missing_or_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus refuses the third part: what came before it is published once, all the rest later."""
    monkeypatch.setattr(poll, "MOST", 20)
    publish, calls = SqliteBus.publish, list[int]()

    def failing(self: SqliteBus, topic: str, records: Sequence[Record]) -> None:
        calls.append(len(records))
        if len(calls) == 3:
            raise BusUnavailable("away")
        publish(self, topic, records)

    monkeypatch.setattr(SqliteBus, "publish", failing)
    with HttpServer({"/feed": document(95)}) as server:
        found, _ = polled(settings, server.url("/feed"), 2)
    assert len(calls) >= 5
    assert len(found) == len(set(found)) == 95
