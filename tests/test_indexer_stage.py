"""The indexer's stage between a real log and a real store: idempotent, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from detente.article import AssessedArticle
from detente.bus import open_bus
from detente.bus.base import Bus, Record
from detente.deadletters import list_dead_letters, replay
from detente.errors import StoreUnavailable
from detente.flow import ASSESSED
from detente.runner import run_stage
from detente.settings import RunnerSettings
from detente.store import open_store
from detente.store.base import ArticleStore, Document, Query, WriteOutcome
from detente.store.fields import MAX_KEYWORD
from detente.telemetry import Dispositions
from detente.wire import encode
from indexer.stage import indexer_stage
from tests.articles import assessed

FAST = RunnerSettings(batch=4, poll_timeout=0.05, max_backoff=0.05)
SIDES = ("USA", "RUS")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    yield bus
    bus.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArticleStore]:
    store = open_store(f"sqlite:///{tmp_path}/articles.sqlite")
    store.prepare()
    yield store
    store.close()


def publish(bus: Bus, *articles: AssessedArticle) -> None:
    bus.publish(ASSESSED, [Record(one.article.id, encode(one)) for one in articles])


def run(
    bus: Bus, store: ArticleStore, on_written: Callable[[Document], None] | None = None
) -> dict[str, int]:
    dispositions = Dispositions("indexer")
    stage = indexer_stage(store, SIDES, on_written)
    run_stage(stage, bus, FAST, threading.Event(), dispositions, done=lambda: True)
    return dispositions.snapshot()


def stored(store: ArticleStore) -> list[Document]:
    return sorted(store.search(Query(size=100)).documents, key=lambda one: str(one["id"]))


class Faulty:
    """The real store, whose `put` first does what it is told to: raise, or write and then raise."""

    def __init__(self, real: ArticleStore, *faults: Exception, after: bool = False) -> None:
        self._real = real
        self._faults = iter(faults)
        self._after = after

    def put(self, documents: Sequence[Document]) -> Sequence[WriteOutcome]:
        fault = next(self._faults, None)
        if fault and not self._after:
            raise fault
        outcomes = self._real.put(documents)
        if fault:
            raise fault
        return outcomes


def test_every_article_is_stored_and_told_of(bus: Bus, store: ArticleStore) -> None:
    told: list[str] = []
    publish(bus, *(assessed(f"a{n}") for n in range(6)))
    assert run(bus, store, lambda document: told.append(document["id"])) == {"published": 6}
    assert [one["id"] for one in stored(store)] == told == [f"a{n}" for n in range(6)]
    assert stored(store)[0]["second_toward_first"] == 0.5
    assert bus.lag(ASSESSED, "indexer") == 0


def test_delivered_again_nothing_changes(bus: Bus, store: ArticleStore) -> None:
    publish(bus, assessed("a"), assessed("b"))
    run(bus, store)
    before = stored(store)
    publish(bus, assessed("b"), assessed("a"), assessed("a"))
    assert run(bus, store) == {"published": 3}
    assert stored(store) == before


def test_an_older_revision_ends_here_untold(bus: Bus, store: ArticleStore) -> None:
    told: list[int] = []
    publish(bus, assessed("a", revision=2, title="New"), assessed("a", revision=1, title="Old"))
    said = run(bus, store, lambda document: told.append(document["revision"]))
    assert said == {"published": 1, "dropped": 1}
    assert [one["title"] for one in stored(store)] == ["New"]
    assert told == [2]
    assert list_dead_letters(bus) == []


def test_a_refused_document_is_a_dead_letter_beside_its_batch(
    bus: Bus, store: ArticleStore
) -> None:
    told: list[str] = []
    publish(bus, assessed("a"), assessed("bad", url="x" * (MAX_KEYWORD + 1)), assessed("c"))
    said = run(bus, store, lambda document: told.append(document["id"]))
    assert said == {"published": 2, "dead": 1}
    assert told == ["a", "c"]
    (letter,) = list_dead_letters(bus)
    assert (letter.key, letter.stage) == ("bad", "indexer")
    assert letter.reason.startswith("the store refuses the document: url: 8,001 characters")


def test_what_can_not_be_decoded_is_a_dead_letter_and_can_be_replayed(
    bus: Bus, store: ArticleStore
) -> None:
    bus.publish(ASSESSED, [Record("half", encode(assessed("half"))[:-9])])
    publish(bus, assessed("a"))
    assert run(bus, store) == {"published": 1, "dead": 1}
    replay(bus, list_dead_letters(bus))
    assert run(bus, store) == {"dead": 1}
    assert len(list_dead_letters(bus)) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_store_that_is_away_is_waited_for(bus: Bus, store: ArticleStore, after: bool) -> None:
    """Also where it wrote before it failed to say so: the batch is written again, and alike."""
    publish(bus, assessed("a"), assessed("b"))
    faulty = Faulty(store, *[StoreUnavailable("away", after=0.01)] * 3, after=after)
    assert run(bus, faulty) == {"retried": 6, "published": 2}  # type: ignore[arg-type]
    assert [one["id"] for one in stored(store)] == ["a", "b"]
    assert list_dead_letters(bus) == []
    assert bus.lag(ASSESSED, "indexer") == 0


def test_a_bug_in_a_driver_passes_with_the_next_try(bus: Bus, store: ArticleStore) -> None:
    publish(bus, assessed("a"), assessed("b"))
    assert run(bus, Faulty(store, TypeError("bug"))) == {"published": 2}  # type: ignore[arg-type]
    assert len(stored(store)) == 2


def test_an_abstention_is_stored_as_one(bus: Bus, store: ArticleStore) -> None:
    one = assessed("a")
    assessment = msgspec.structs.replace(
        one.assessment, relevance=None, abstained="too short", stances=(), dyads=()
    )
    publish(bus, msgspec.structs.replace(one, assessment=assessment))
    run(bus, store)
    (document,) = stored(store)
    assert document["abstained"] == "too short"
    assert "relevance" not in document
