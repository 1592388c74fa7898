"""The processors' stage over a real log: messages in, assessed messages out, alike each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from detente.article import AssessedArticle, Assessment
from detente.bus import open_bus
from detente.bus.base import Bus, Record
from detente.deadletters import list_dead_letters, read_all
from detente.errors import ConfigError
from detente.flow import ASSESSED, COLLECTED
from detente.runner import run_stage
from detente.settings import ProcessorSettings, RunnerSettings, Settings
from detente.wire import decode, encode
from processors.models import KeywordClassifier
from processors.stage import processor_stage
from tests.articles import NOON, SOURCE, collected

FAST = RunnerSettings(batch=4, poll_timeout=0.05, max_backoff=0.05)
KEYWORD = Settings(processors=ProcessorSettings(model="keyword"))

TALKS = {
    "title": "Envoys of Moscow and Washington",
    "body": "Moscow thanked Washington for it.\nPeskov said: “Washington broke the deal.”",
}
RUSSIAN = {"title": "Песков о США", "body": "Москва обвинила Вашингтон в срыве переговоров."}
BRIDGE = {"title": "A bridge", "body": "The mayor of the town opened a bridge on Tuesday."}

OWN_WATCH = """
name = "prk-kor"
title = "The two Koreas"
[[sides]]
code = "KOR"
name = "South Korea"
aliases = ["washington"]
[[sides]]
code = "PRK"
name = "North Korea"
aliases = ["moscow"]
"""


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.sqlite")
    yield bus
    bus.close()


def publish(bus: Bus, **articles: dict[str, str]) -> None:
    records = [Record(id, encode(collected(id, **text))) for id, text in articles.items()]
    bus.publish(COLLECTED, records)


def run(bus: Bus, settings: Settings = KEYWORD) -> None:
    run_stage(processor_stage(settings), bus, FAST, threading.Event(), done=lambda: True)


def assessed(bus: Bus) -> list[AssessedArticle]:
    return [decode(delivery.value, AssessedArticle) for delivery in read_all(bus, ASSESSED, "test")]


def without_clock(assessment: Assessment) -> Assessment:
    return msgspec.structs.replace(assessment, assessed=NOON)


def test_every_article_comes_out_assessed(bus: Bus) -> None:
    publish(bus, talks=TALKS, russian=RUSSIAN, bridge=BRIDGE)
    run(bus)
    talks, russian, bridge = assessed(bus)
    assert [one.article.id for one in (talks, russian, bridge)] == ["talks", "russian", "bridge"]
    assert talks.article == collected("talks", **TALKS)

    assessment = talks.assessment
    assert assessment.watch == "usa-rus"
    assert assessment.model == KeywordClassifier().identity
    assert assessment.relevance is not None
    assert assessment.relevance.label == "core"
    assert assessment.actors == ("dmitry-peskov",)
    assert russian.assessment.abstained == "language ru"
    assert (russian.assessment.relevance, russian.assessment.dyads) == (None, ())
    assert bridge.assessment.relevance is not None
    assert bridge.assessment.relevance.label == "none"
    assert (bridge.assessment.stances, bridge.assessment.dyads) == ((), ())


def test_stances_have_their_sentence_and_their_sides(bus: Bus) -> None:
    publish(bus, talks=TALKS)
    run(bus)
    ((talks,), stances) = assessed(bus), assessed(bus)[0].assessment.stances
    for stance in stances:
        part = talks.article.title if stance.evidence.part == "title" else talks.article.body
        assert part[stance.evidence.start : stance.evidence.end] == stance.evidence.text
        assert -1 <= stance.score <= 1
        assert 0 < stance.confidence <= 1
    thanks = next(one for one in stances if "thanked" in one.evidence.text)
    assert (thanks.holder, thanks.target, thanks.grade) == ("RUS", "USA", "1")
    assert (thanks.label, thanks.score, thanks.evidence.quoted) == ("cooperative", 0.5, False)
    (dyad,) = talks.assessment.dyads
    assert (dyad.holder, dyad.target) == ("RUS", "USA")
    assert dyad.sentences == len([one for one in stances if one.holder == "RUS"])


def test_what_an_article_is_about_who_speaks_and_what_decided(bus: Bus) -> None:
    body = 'Lavrov said: "Washington broke the visa deal." Moscow expelled two Americans.'
    publish(bus, talks={"title": "Moscow answers Washington", "body": body})
    run(bus)
    (talks,) = assessed(bus)
    assessment = talks.assessment
    shown = (*assessment.grounds, *assessment.issues, *assessment.stances)
    for place in [one.evidence for one in shown]:
        part = talks.article.title if place.part == "title" else talks.article.body
        assert part[place.start : place.end] == place.text
    assert {one.id for one in assessment.issues} == {"visas", "expulsions"}
    assert assessment.grounds
    (quotation,) = assessment.quotations
    assert body[quotation.start : quotation.end] == quotation.text
    assert (quotation.speaker, quotation.actor) == ("Sergei Lavrov", "sergei-lavrov")
    speakers = {one.evidence.text: one.evidence.speaker for one in assessment.stances}
    assert speakers['Lavrov said: "Washington broke the visa deal."'] == "Sergei Lavrov"
    assert speakers["Moscow expelled two Americans."] is None
    (dyad,) = assessment.dyads
    assert dyad.low <= dyad.score <= dyad.high


def test_a_direction_that_is_not_in_a_sentence_is_no_stance(bus: Bus) -> None:
    publish(bus, talks=TALKS)
    run(bus)
    assert {stance.holder for stance in assessed(bus)[0].assessment.stances} == {"RUS"}


@pytest.mark.parametrize("model", ["keyword", "shipped"])
def test_delivered_again_it_is_judged_alike_but_for_the_clock(bus: Bus, model: str) -> None:
    """What idempotence rests on: also beside other articles, and in another order."""
    settings = Settings(processors=ProcessorSettings(model=model, threads=1))
    publish(bus, talks=TALKS, russian=RUSSIAN, bridge=BRIDGE)
    publish(bus, bridge=BRIDGE, other={"title": "Moscow on Washington"}, talks=TALKS)
    publish(bus, talks=TALKS)
    run(bus, settings)
    found = assessed(bus)
    talks = [one for one in found if one.article.id == "talks"]
    assert len(talks) == 3
    assert len({encode_without_clock(one) for one in talks}) == 1


def encode_without_clock(one: AssessedArticle) -> bytes:
    return encode(msgspec.structs.replace(one, assessment=without_clock(one.assessment)))


def test_a_watch_of_ones_own_gives_its_own_codes(bus: Bus, tmp_path: Path) -> None:
    watch = tmp_path / "own.toml"
    watch.write_text(OWN_WATCH, "utf-8")
    publish(bus, talks=TALKS)
    run(bus, KEYWORD.model_copy(update={"watch": str(watch)}))
    (talks,) = assessed(bus)
    assert talks.assessment.watch == "prk-kor"
    assert {(one.holder, one.target) for one in talks.assessment.dyads} == {("PRK", "KOR")}
    assert {(one.holder, one.target) for one in talks.assessment.stances} == {("PRK", "KOR")}


def test_the_claimed_language_and_the_host_are_heard(bus: Bus) -> None:
    host = msgspec.structs.replace(SOURCE, host="www.mid.ru")
    text = {"title": "On the talks", "body": "We thanked Washington for the talks of the day."}
    bus.publish(COLLECTED, [Record("a", encode(collected("a", source=host, **text)))])
    claimed = {"title": "5", "body": "1 2 3 4", "language": "fr"}
    bus.publish(COLLECTED, [Record("b", encode(collected("b", **claimed)))])
    run(bus)
    ministry, numbers = assessed(bus)
    assert {stance.holder for stance in ministry.assessment.stances} == {"RUS"}
    assert numbers.assessment.abstained == "language fr"


def test_odd_articles_pass_and_broken_ones_are_dead_letters(bus: Bus) -> None:
    odd = {"title": "\u200b\x00İ", "body": "\u2028\U0001f600 Moscow\x00 Washington" * 50}
    publish(bus, odd=odd, empty={"title": "", "body": ""})
    bus.publish(COLLECTED, [Record("half", encode(collected("half"))[:-40])])
    run(bus)
    assert [one.article.id for one in assessed(bus)] == ["odd", "empty"]
    assert assessed(bus)[1].assessment.abstained == "too short"
    (letter,) = list_dead_letters(bus)
    assert letter.key == "half"


@pytest.mark.parametrize(
    "broken", [{"watch": "no-such-watch"}, {"processors": ProcessorSettings(model="/no/model")}]
)
def test_a_stage_that_can_not_work_says_so_at_once(broken: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        processor_stage(KEYWORD.model_copy(update=broken))
