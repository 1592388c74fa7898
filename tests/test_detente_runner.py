from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import MAX_RECORD_BYTES, Bus, Delivery, Record
from detente.bus.sqlite import SqliteBus
from detente.deadletters import list_dead_letters, read_all, replay
from detente.errors import BusUnavailable, RejectArticle, RetryLater
from detente.flow import ASSESSED, COLLECTED, route
from detente.runner import Drop, Outcome, Publish, Stage, run_stage
from detente.settings import RunnerSettings
from detente.telemetry import Dispositions
from detente.wire import encode
from tests.articles import collected

FAST = RunnerSettings(batch=4, poll_timeout=0.05, max_backoff=0.05)
Handle = Callable[[Sequence[CollectedArticle]], Sequence[Outcome]]


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    yield bus
    bus.close()


def stage(handle: Handle) -> Stage[CollectedArticle]:
    return Stage(route("processors"), CollectedArticle, handle)


def publish(bus: Bus, *ids: str) -> None:
    bus.publish(COLLECTED, [Record(id, encode(collected(id))) for id in ids])


def passed_on(article: CollectedArticle) -> Publish:
    return Publish([Record(article.id, article.title.encode())])


def run(bus: Bus, handle: Handle, settings: RunnerSettings = FAST) -> dict[str, int]:
    dispositions = Dispositions("processors")
    run_stage(stage(handle), bus, settings, threading.Event(), dispositions, done=lambda: True)
    return dispositions.snapshot()


def keys(bus: Bus, topic: str = ASSESSED) -> list[str]:
    return [delivery.key for delivery in read_all(bus, topic, "test")]


def test_every_article_is_handled_published_and_committed(bus: Bus) -> None:
    publish(bus, *"abcdefghij")
    assert run(bus, lambda batch: [passed_on(a) for a in batch]) == {"published": 10}
    assert keys(bus) == list("abcdefghij")
    assert bus.lag(COLLECTED, "processors") == 0


def test_each_outcome_has_its_disposition(bus: Bus) -> None:
    publish(bus, "goes", "ends")
    bus.publish(COLLECTED, [Record("broken", b"{")])

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        return [Drop("stale") if a.id == "ends" else passed_on(a) for a in batch]

    assert run(bus, handle) == {"published": 1, "dropped": 1, "dead": 1}
    assert keys(bus) == ["goes"]
    (letter,) = list_dead_letters(bus)
    assert (letter.key, letter.value, letter.stage) == ("broken", b"{", "processors")
    assert "@ $" in letter.reason
    assert letter.place == f"{COLLECTED}[0]@2"


def test_a_rejected_article_does_not_sink_its_batch(bus: Bus) -> None:
    publish(bus, "a", "bad", "c")

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        if any(article.id == "bad" for article in batch):
            raise RejectArticle("no text in it")
        return [passed_on(article) for article in batch]

    assert run(bus, handle) == {"published": 2, "dead": 1}
    assert keys(bus) == ["a", "c"]
    assert [x.reason for x in list_dead_letters(bus)] == ["no text in it"]


def test_a_bug_is_tried_again_then_parked_with_its_traceback(bus: Bus) -> None:
    publish(bus, "a", "bad")
    tries: list[str] = []

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        for article in batch:
            tries.append(article.id)
            if article.id == "bad":
                raise ZeroDivisionError("a bug")
        return [passed_on(article) for article in batch]

    assert run(bus, handle) == {"published": 1, "dead": 1}
    (letter,) = list_dead_letters(bus)
    assert letter.reason.startswith("ZeroDivisionError: a bug (after 3 attempts)")
    assert "in handle" in letter.reason
    assert tries.count("bad") == 1 + FAST.attempts


def test_a_bug_that_passes_costs_nothing(bus: Bus) -> None:
    publish(bus, "a")
    faults = iter([OSError("hiccup"), OSError("hiccup")])

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        if fault := next(faults, None):
            raise fault
        return [passed_on(article) for article in batch]

    assert run(bus, handle) == {"published": 1}
    assert list_dead_letters(bus) == []


def test_a_stage_that_loses_count_is_a_bug(bus: Bus) -> None:
    publish(bus, "a")
    assert run(bus, lambda batch: []) == {"dead": 1}
    assert "0 outcomes for 1 articles" in list_dead_letters(bus)[0].reason


def test_retry_later_rewinds_and_tries_again(bus: Bus) -> None:
    publish(bus, "a", "b")
    calls: list[list[str]] = []

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        calls.append([article.id for article in batch])
        if len(calls) < 3:
            raise RetryLater("not yet", after=0.01)
        return [passed_on(article) for article in batch]

    assert run(bus, handle) == {"retried": 4, "published": 2}
    assert calls == [["a", "b"]] * 3
    assert keys(bus) == ["a", "b"]


def test_outputs_are_durable_before_the_commit(bus: Bus, tmp_path: Path) -> None:
    """What a kill between publish and commit leaves: delivered again, published again."""
    publish(bus, "a")

    class Killed(BaseException):
        pass

    class Dying:
        """The real bus, but its subscriptions die at the moment of the commit."""

        def subscribe(self, topic: str, group: str) -> object:
            real = bus.subscribe(topic, group)

            class Subscription:
                poll = staticmethod(real.poll)
                rewind = staticmethod(real.rewind)
                close = staticmethod(real.close)

                def commit(self, deliveries: Sequence[Delivery]) -> None:
                    assert keys(bus) == ["a"]
                    raise Killed

            return Subscription()

        def publish(self, topic: str, records: Sequence[Record]) -> None:
            bus.publish(topic, records)

    def forward(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        return [passed_on(article) for article in batch]

    with pytest.raises(Killed):
        run(Dying(), forward)  # type: ignore[arg-type]
    assert bus.lag(COLLECTED, "processors") == 1
    run(bus, forward)
    assert keys(bus) == ["a", "a"]
    assert bus.lag(COLLECTED, "processors") == 0


def test_an_unavailable_bus_is_waited_for(bus: Bus) -> None:
    publish(bus, "a")
    faults = iter([BusUnavailable("down", after=0.01)] * 2)

    class Flaky:
        subscribe = staticmethod(bus.subscribe)

        def publish(self, topic: str, records: Sequence[Record]) -> None:
            if fault := next(faults, None):
                raise fault
            bus.publish(topic, records)

    dispositions = run(Flaky(), lambda batch: [passed_on(a) for a in batch])  # type: ignore[arg-type]
    assert dispositions == {"published": 1}
    assert keys(bus) == ["a"]


def test_an_oversized_output_is_a_dead_letter_and_the_rest_goes_on(bus: Bus) -> None:
    publish(bus, "a", "huge", "c")

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        sizes = {"huge": MAX_RECORD_BYTES + 1}
        return [Publish([Record(a.id, b"x" * sizes.get(a.id, 1))]) for a in batch]

    assert run(bus, handle) == {"published": 2, "dead": 1}
    assert keys(bus) == ["a", "c"]
    assert list_dead_letters(bus)[0].key == "huge"


def test_a_replayed_dead_letter_is_handled_again(bus: Bus) -> None:
    publish(bus, "a")

    def reject(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        raise RejectArticle("not today")

    run(bus, reject)
    assert replay(bus, list_dead_letters(bus)) == 1
    assert list_dead_letters(bus) == []
    assert list_dead_letters(bus, with_replayed=True)[0].replayed is not None
    assert run(bus, lambda batch: [passed_on(a) for a in batch]) == {"published": 1}
    assert keys(bus) == ["a"]


def test_a_replayed_dead_letter_that_fails_again_is_parked_again(bus: Bus) -> None:
    bus.publish(COLLECTED, [Record("broken", b"{")])
    for _ in range(2):
        run(bus, lambda batch: [])
        letters = list_dead_letters(bus)
        assert [letter.value for letter in letters] == [b"{"]
        replay(bus, letters)


def test_long_articles_are_committed_in_small_batches(bus: Bus) -> None:
    publish(bus, "a", "b", "c")
    sizes: list[int] = []

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        sizes.append(len(batch))
        return [passed_on(article) for article in batch]

    run(bus, handle, RunnerSettings(batch=10, batch_bytes=1, poll_timeout=0.05))
    assert sizes == [1, 1, 1]


def test_a_stop_finishes_the_batch_in_hand(bus: Bus) -> None:
    publish(bus, *"abcdefgh")
    stop = threading.Event()

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        stop.set()
        return [passed_on(article) for article in batch]

    run_stage(stage(handle), bus, FAST, stop)
    assert keys(bus) == list("abcd")
    assert bus.lag(COLLECTED, "processors") == 4


def test_a_stage_that_reads_no_topic_can_not_be_driven(bus: Bus) -> None:
    collectors = Stage(route("collectors"), CollectedArticle, lambda batch: [])
    with pytest.raises(ValueError, match="collectors"):
        run_stage(collectors, bus, FAST, threading.Event())


def test_what_is_too_large_to_be_parked_whole_is_cut(bus: Bus, tmp_path: Path) -> None:
    """A topic of another tool's may carry more than our bus does."""
    wide = SqliteBus(f"sqlite:///{tmp_path}/bus.sqlite", max_record_bytes=50_000_000)
    wide.publish(COLLECTED, [Record("huge", b"x" * 20_000_000)])
    wide.close()
    publish(bus, "after")
    assert run(bus, lambda batch: [passed_on(a) for a in batch]) == {"published": 1, "dead": 1}
    (letter,) = list_dead_letters(bus)
    assert (letter.key, letter.truncated_from) == ("huge", 20_000_000)
    assert letter.value == b"x" * MAX_RECORD_BYTES
    assert replay(bus, [letter]) == 0
