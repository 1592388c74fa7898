"""Dead letters: parked with their reason, listed, replayed as they were, twice but never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from detente.article import CollectedArticle
from detente.bus import open_bus
from detente.bus.base import Bus, Delivery, Record
from detente.deadletters import (
    DeadLetter,
    dead_letter,
    list_dead_letters,
    read_all,
    replay,
)
from detente.flow import ASSESSED, COLLECTED, dead_letter_topic, route
from detente.runner import Outcome, Publish, Stage, run_stage
from detente.settings import RunnerSettings
from detente.wire import encode
from tests.articles import NOON, assessed, collected
from tests.servers import topics

FAST = RunnerSettings(batch=4, attempts=2, poll_timeout=0.05, max_backoff=0.05)
DEAD = dead_letter_topic(COLLECTED)


@pytest.fixture(params=["sqlite", "kafka"])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bus]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/bus.sqlite"
        if request.param == "kafka":
            names = (COLLECTED, ASSESSED, DEAD, dead_letter_topic(ASSESSED))
            broker = request.getfixturevalue("kafka")
            url = stack.enter_context(topics(broker.address, dict.fromkeys(names, 1)))
        bus = open_bus(url)
        yield bus
        bus.close()


def park(bus: Bus, record: Record, *, topic: str = COLLECTED, **options: object) -> DeadLetter:
    """Park a record and read its letter back."""
    known = {letter.id for letter in list_dead_letters(bus)}
    made = dead_letter(
        record,
        **{"topic": topic, "stage": "processors", "reason": "no", "now": NOON, **options},  # type: ignore[arg-type]
    )
    bus.publish(dead_letter_topic(topic), [made])
    (letter,) = [one for one in list_dead_letters(bus) if one.id not in known]
    return letter


def read(bus: Bus, topic: str) -> list[Delivery]:
    return list(read_all(bus, topic, "test"))


def handled_all(bus: Bus) -> Callable[[], bool]:
    return lambda: bus.lag(COLLECTED, "processors") == 0


def test_what_can_not_be_decoded_or_judged_is_parked_with_its_reason(bus: Bus) -> None:
    bus.publish(COLLECTED, [Record("half", b'{"schema": 1'), Record("a", encode(collected("a")))])

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        raise ZeroDivisionError("can't be judged")

    stage = Stage(route("processors"), CollectedArticle, handle)
    run_stage(
        stage, bus, FAST, threading.Event(), done=lambda: bus.lag(COLLECTED, "processors") == 0
    )
    half, bad = list_dead_letters(bus)
    assert [delivery.key for delivery in read(bus, DEAD)] == ["half", "a"]
    assert (half.value, half.stage, half.topic) == (b'{"schema": 1', "processors", COLLECTED)
    assert "@ $" in half.reason
    assert bad.reason.startswith("ZeroDivisionError: can't be judged (after 2 attempts)\nTraceback")
    assert bad.value == encode(collected("a"))
    assert bad.place == f"{COLLECTED}[0]@1"
    assert bus.lag(COLLECTED, "processors") == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"null",
        b'{"schema": 2, "type": "CollectedArticle", "message": {}}',
        encode(assessed("a")),
        encode(collected("a")).replace(b'"revision":1', b'"revision":0'),
        # Deeper than the decoder goes.
        encode(collected("a"))[:-2] + b',"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
    ],
)
def test_no_bytes_stop_the_stage(bus: Bus, data: bytes) -> None:
    bus.publish(COLLECTED, [Record("bad", data), Record("a", encode(collected("a")))])
    stage = Stage(route("processors"), CollectedArticle, lambda batch: [Publish()] * len(batch))
    run_stage(
        stage, bus, FAST, threading.Event(), done=lambda: bus.lag(COLLECTED, "processors") == 0
    )
    (letter,) = list_dead_letters(bus)
    assert (letter.key, letter.value) == ("bad", data)
    assert bus.lag(COLLECTED, "processors") == 0


def test_replay_publishes_the_very_bytes_and_marks(bus: Bus) -> None:
    value = bytes(range(256)) * 5
    letter = park(bus, Record("ключ", value))
    assert replay(bus, [letter]) == 1
    (again,) = read(bus, COLLECTED)
    assert (again.key, again.value) == ("ключ", value)
    assert again.headers == {"replay-of": letter.id.encode()}
    assert list_dead_letters(bus) == []
    (marked,) = list_dead_letters(bus, with_replayed=True)
    assert marked.replayed is not None
    assert (marked.id, marked.value) == (letter.id, value)


def test_a_letter_replayed_twice_is_published_twice(bus: Bus) -> None:
    letter = park(bus, Record("a", b"x"))
    assert replay(bus, [letter]) + replay(bus, [letter]) == 2
    assert [delivery.value for delivery in read(bus, COLLECTED)] == [b"x", b"x"]
    assert list_dead_letters(bus) == []


def test_what_is_parked_again_after_its_replay_is_there_again(bus: Bus) -> None:
    letter = park(bus, Record("a", b"x"))
    replay(bus, [letter])
    again = park(bus, Record("a", b"x"), now=NOON + timedelta(hours=1))
    assert again.id == letter.id
    assert again.replayed is None


def test_the_same_letter_parked_twice_is_listed_once(bus: Bus) -> None:
    """A kill between the dead letter and the commit delivers, and parks, again."""
    record = dead_letter(Record("a", b"x"), topic=COLLECTED, stage="s", reason="no", now=NOON)
    bus.publish(DEAD, [record, record])
    assert len(list_dead_letters(bus)) == 1


def test_a_kill_between_publish_and_mark_replays_twice_rather_than_never(bus: Bus) -> None:
    letter = park(bus, Record("a", b"x"))

    class Killed(BaseException):
        pass

    class Dying:
        """The real bus, until the mark is to be written."""

        def publish(self, topic: str, records: Sequence[Record]) -> None:
            if topic == DEAD:
                raise Killed
            bus.publish(topic, records)

    with pytest.raises(Killed):
        replay(Dying(), [letter])  # type: ignore[arg-type]
    assert [delivery.value for delivery in read(bus, COLLECTED)] == [b"x"]
    (still,) = list_dead_letters(bus)
    assert replay(bus, [still]) == 1
    assert [delivery.value for delivery in read(bus, COLLECTED)] == [b"x", b"x"]
    assert list_dead_letters(bus) == []


def test_a_cut_letter_stays_dead(bus: Bus) -> None:
    cut = park(bus, Record("big", b"x" * 100), max_bytes=10)
    whole = park(bus, Record("small", b"y" * 10), max_bytes=10)
    assert (cut.value, cut.truncated_from) == (b"x" * 10, 100)
    assert whole.truncated_from is None
    assert replay(bus, [cut, whole]) == 1
    assert [letter.key for letter in list_dead_letters(bus)] == ["big"]
    assert [delivery.key for delivery in read(bus, COLLECTED)] == ["small"]


def test_an_identity_is_of_topic_key_bytes_and_place() -> None:
    def id_of(key: str = "a", value: bytes = b"x", topic: str = COLLECTED) -> bytes:
        made = dead_letter(Record(key, value), topic=topic, stage="s", reason="r", now=NOON)
        return made.headers["dead-id"]

    assert id_of() == id_of()
    assert (
        len({id_of(), id_of("b"), id_of(value=b"y"), id_of(topic=ASSESSED), id_of("ax", b"")}) == 5
    )


def test_letters_of_every_topic_come_oldest_first(bus: Bus) -> None:
    late = park(bus, Record("late", b"x"), now=NOON + timedelta(hours=1))
    early = park(bus, Record("early", b"x"), topic=ASSESSED)
    assert list_dead_letters(bus) == [early, late]
    assert list_dead_letters(bus, [COLLECTED]) == [late]
    assert early.at == NOON


def test_instants_are_kept_in_utc(bus: Bus) -> None:
    there = datetime.fromisoformat("2026-03-01T15:00:00+03:00")
    letter = park(bus, Record("a", b"x"), now=there)
    assert letter.at == there
    assert letter.at.tzinfo == UTC


def test_the_originals_headers_may_be_any_bytes(bus: Bus) -> None:
    letter = park(bus, Record("a", b"x", {"trace": b"\xff\x00", "dead": b"\xfe"}))
    assert letter.reason == "no"
    (parked,) = read(bus, DEAD)
    assert (parked.headers["trace"], parked.headers["dead"]) == (b"\xff\x00", b"\xfe")


@pytest.mark.parametrize("reason", ["", "x" * 20_000, "\ud800 broken", "ж" * 9_000])
def test_any_reason_can_be_said(bus: Bus, reason: str) -> None:
    """An error's text may hold anything; parking must not fail over it."""
    letter = park(bus, Record("a", b"x"), reason=reason)
    assert letter.reason == reason[:8_000].replace("\ud800", "?")


def test_what_another_tool_parked_is_listed_and_replayed_too(bus: Bus) -> None:
    bus.publish(DEAD, [Record("foreign", b"x"), Record("second", b"y")])
    letter, second = list_dead_letters(bus)
    assert (letter.key, letter.stage, letter.reason) == ("foreign", "unknown", "unknown")
    assert letter.topic == COLLECTED
    replay(bus, [letter])
    assert [delivery.value for delivery in read(bus, COLLECTED)] == [b"x"]
    assert list_dead_letters(bus) == [second]


@pytest.mark.parametrize(
    "headers",
    [
        {"at": b"yesterday"},
        {"at": b"2026-03-01T12:00:00"},
        {"at": b"\xff", "truncated-from": b"much", "id": b"", "topic": b""},
    ],
)
def test_a_letter_with_odd_headers_hides_no_other(bus: Bus, headers: dict[str, bytes]) -> None:
    odd = {f"dead-{name}": value for name, value in headers.items()}
    bus.publish(DEAD, [Record("odd", b"x", odd)])
    ours = park(bus, Record("ours", b"y"))
    letters = list_dead_letters(bus)
    assert {letter.key for letter in letters} == {"odd", "ours"}
    assert ours in letters
    assert replay(bus, letters) == 2
    assert list_dead_letters(bus) == []


def test_reading_commits_nothing(bus: Bus) -> None:
    park(bus, Record("a", b"x"))
    assert list_dead_letters(bus) == list_dead_letters(bus)
    assert bus.lag(DEAD, "dead-letters") == 1


def test_an_embedded_topic_that_never_was_has_nothing(tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    assert read(bus, "no.such.topic") == []
    bus.close()


def test_a_mark_without_its_letter_is_no_letter(bus: Bus) -> None:
    bus.publish(DEAD, [Record("a", b"", {"dead-id": b"gone", "dead-replayed": b"1"})])
    assert list_dead_letters(bus, with_replayed=True) == []


def test_a_replayed_article_is_handled_again(bus: Bus) -> None:
    letter = park(bus, Record("a", encode(collected("a"))))
    replay(bus, [letter])
    handled: list[str] = []

    def handle(batch: Sequence[CollectedArticle]) -> Sequence[Outcome]:
        handled.extend(article.id for article in batch)
        return [Publish()] * len(batch)

    stage = Stage(route("processors"), CollectedArticle, handle)
    run_stage(
        stage, bus, FAST, threading.Event(), done=lambda: bus.lag(COLLECTED, "processors") == 0
    )
    assert handled == ["a"]
