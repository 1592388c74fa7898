"""From assessed articles to the outbox: each story once, whatever comes again or is edited."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detente.alerts.kept import Known
from detente.alerts.message import later_news
from detente.alerts.stage import Alerts, alerts_stage
from detente.alerts.state import AlertState
from detente.alerts.subscription import Subscription
from detente.article import AssessedArticle
from detente.errors import ConfigError, StoreUnavailable
from detente.runner import Publish, Reject
from tests.articles import NOON, alert, assessed

SIDES = ("USA", "RUS")
START = NOON.timestamp() - 3_600
VISAS = Subscription(id="visas", query="visas", to=("desk", "room"))
THANKS = Subscription(id="thanks", query='stance:"RUS>USA" >= 1', to=("desk",))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/alerts.sqlite"


@pytest.fixture
def state(url: str) -> Iterator[AlertState]:
    state = AlertState(url)
    yield state
    state.close()


class Clock:
    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def alerts(state: AlertState, *subscriptions: Subscription, clock: Clock | None = None) -> Alerts:
    return Alerts(state, subscriptions or (VISAS,), SIDES, clock=clock or Clock())


def article(
    id: str, title: str, body: str = "", revision: int = 1, **changes: Any
) -> AssessedArticle:
    made = assessed(id)
    hours = timedelta(hours=changes.pop("hours", 0))
    text = {"title": title, "body": body or f"{title}. No more was said.", "revision": revision}
    dates = {"published": NOON + hours, "first_seen": NOON + hours}
    return msgspec.structs.replace(
        made, article=msgspec.structs.replace(made.article, **{**text, **dates, **changes})
    )


def lines(state: AlertState) -> list[tuple[str, str, str]]:
    return sorted((one.subscription, one.destination, one.state) for one in state.outbox())


VISA_TALKS = "Moscow and Washington agree in Vienna on visas for diplomats of Houston consulate"


def test_an_article_that_matches_goes_to_each_destination(state: AlertState) -> None:
    told: list[int] = []
    stage = Alerts(state, [VISAS, THANKS], SIDES, on_told=lambda: told.append(1), clock=Clock())
    assert stage.handle([article("a1", VISA_TALKS), article("a2", "Rain in Geneva")]) == [
        Publish(),
        Publish(),
    ]
    waiting = "waiting"
    assert lines(state) == [
        *[("thanks", "desk", waiting)] * 2,
        ("visas", "desk", waiting),
        ("visas", "room", waiting),
    ]
    assert told == [1]
    [told_of] = [one.alert for one in state.told("visas")]
    assert (told_of.title, told_of.article) == (VISA_TALKS, "a1")
    assert told_of.evidence[0].text == "Moscow thanked Washington."
    assert told_of.evidence[0].says == "RUS>USA: cooperative"
    assert told_of.stance == {"RUS>USA": 0.5}


def test_a_story_is_told_once_however_many_outlets_have_it(state: AlertState) -> None:
    stage = alerts(state)
    copy = VISA_TALKS.replace("agree", "have agreed")
    later = article("a3", VISA_TALKS, hours=2)
    stage.handle([article("a1", VISA_TALKS), article("a2", copy), later])
    assert len(lines(state)) == 2
    [told_of] = [one.alert for one in state.told("visas")]
    assert state.sources([told_of.story])[told_of.story] == 1  # of one outlet
    other = msgspec.structs.replace(article("a4", copy).article.source, outlet="The Other")
    stage.handle([article("a4", copy, source=other)])
    assert state.sources([told_of.story])[told_of.story] == 2
    assert len(lines(state)) == 2


def test_what_is_delivered_again_is_done(state: AlertState, url: str) -> None:
    batch = [article("a1", VISA_TALKS), article("a2", "Rain in Geneva")]
    alerts(state).handle(batch)
    before = lines(state)
    alerts(state).handle(batch)
    state.close()
    again = AlertState(url)
    alerts(again).handle(batch)
    assert lines(again) == before
    again.close()


def test_a_replay_after_the_traits_were_forgotten_tells_nobody(state: AlertState) -> None:
    clock = Clock()
    alerts(state, clock=clock).handle([article("a1", VISA_TALKS)])
    state.forget_traits(clock.now + 60 * 86_400)
    clock.now += 60 * 86_400
    alerts(state, clock=clock).handle([article("a1", VISA_TALKS, revision=2)])
    assert len(lines(state)) == 2


def test_a_restart_goes_on_with_the_stories_of_before(state: AlertState) -> None:
    alerts(state).handle([article("a1", VISA_TALKS)])
    alerts(state).handle([article("a2", VISA_TALKS.replace("agree", "agreed"), hours=1)])
    assert len(state.told("visas")) == 1


def test_an_edit_that_says_what_was_asked_for_is_told(state: AlertState) -> None:
    stage = alerts(state)
    stage.handle([article("a1", "Envoys meet in Vienna")])
    assert lines(state) == []
    stage.handle([article("a1", "Envoys meet in Vienna on visas", revision=2)])
    assert len(lines(state)) == 2
    stage.handle([article("a1", "Envoys meet in Vienna on visas again", revision=3)])
    stage.handle([article("a1", "Envoys meet in Vienna", revision=1)])
    assert len(lines(state)) == 2


def test_a_subscription_is_told_of_nothing_from_before_it_was_made(state: AlertState) -> None:
    late = Clock(NOON.timestamp() + 3 * 3_600)
    stage = alerts(state, clock=late)
    stage.handle([article("a1", VISA_TALKS)])
    assert lines(state) == []
    old = NOON - timedelta(days=300)
    stage.handle([article("a2", VISA_TALKS, hours=4, published=old)])
    assert len(lines(state)) == 2, "what was published long ago and came now is news"


def test_the_stance_of_the_week_before_is_shown(state: AlertState) -> None:
    stage = alerts(state, THANKS)
    stage.handle([article("a1", "Envoys meet in Vienna", hours=1)])
    stage.handle([article("a2", "Lavrov praises Rubio for prisoner exchange", hours=30)])
    newest = state.told("thanks")[0].alert
    assert newest.before == {"RUS>USA": 0.5}


def test_one_bad_article_is_refused_and_the_others_go_on(state: AlertState) -> None:
    bad = article("bad", "x" * 10, url="https://x.example/" + "y" * 9_000)
    outcomes = alerts(state).handle([bad, article("a1", VISA_TALKS)])
    assert isinstance(outcomes[0], Reject)
    assert outcomes[1] == Publish()
    assert len(lines(state)) == 2


def test_muted_stories_are_not_sent(state: AlertState) -> None:
    stage = alerts(state)
    stage.handle([article("a1", VISA_TALKS)])
    story = state.told("visas")[0].alert.story
    assert state.mute(story, START) == 2
    assert {one.state for one in state.outbox()} == {"muted"}
    second = alerts(state, VISAS, THANKS)
    second.handle([article("a2", VISA_TALKS.replace("agree", "agreed"))])
    assert {one.state for one in state.outbox()} == {"muted"}


def test_later_news_of_a_muted_story_is_not_sent_either(state: AlertState) -> None:
    """However it is named, and from when it is unmuted it is."""

    def tell(story: str) -> str:
        state.tell(alert("visas", story), ["desk"], now=START, due=START)
        return next(one.state for one in state.outbox() if one.story == story)

    assert tell(later_news("s1", "a1")) == "waiting"
    assert tell("s10") == "waiting"
    assert state.mute(later_news("s1", "a1"), START) == 1
    assert state.is_muted("s1")
    assert tell("s1") == tell(later_news("s1", "a2")) == "muted"
    assert state.unmute("s1")
    assert not state.unmute("s1")
    assert tell(later_news("s1", "a3")) == "waiting"


def test_what_is_muted_while_it_is_sent_is_not_tried_again(state: AlertState) -> None:
    state.tell(alert("visas", "s1"), ["desk"], now=START, due=START)
    (entry,) = state.outbox()
    state.mark([entry.number], "sending", tried=True)
    assert state.mute("s1", START) == 1
    state.mark([entry.number], "waiting", due=START, reason="no answer")
    assert [one.state for one in state.outbox()] == ["muted"]
    state.mark([entry.number], "sent", sent=START)
    assert [one.state for one in state.outbox()] == ["sent"]


def test_a_name_from_before_two_stories_were_joined_still_leads_to_them(
    state: AlertState,
) -> None:
    for story in ("s5", later_news("s5", "a1")):
        state.tell(alert("visas", story), ["desk"], now=START, due=START)
    state.join("s5", "s6")
    assert {one.alert.story for one in state.told("visas")} == {"s6", later_news("s6", "a1")}
    assert state.acknowledge("visas", later_news("s5", "a1"), START) == 1
    assert state.acknowledge("visas", "s5", START) == 1
    assert state.mute("s5", START) == 0
    assert state.is_muted("s6")
    state.tell(alert("arms", later_news("s6", "a9")), ["desk"], now=START, due=START)
    assert state.outbox()[0].state == "muted"


def test_a_story_that_joins_a_muted_one_is_muted(state: AlertState) -> None:
    state.mute("s6", START)
    state.tell(alert("visas", "s5"), ["desk"], now=START, due=START)
    state.join("s5", "s6")
    assert [one.state for one in state.outbox()] == ["muted"]


def test_a_mute_is_of_one_story_whatever_its_name(state: AlertState) -> None:
    for story in (later_news("s5", "a1"), later_news("s6", "a1")):
        state.tell(alert("visas", story), ["desk"], now=START, due=START)
    assert state.mute("*", START) == state.mute("s?", START) == state.mute("s[56]", START) == 0
    state.mark([one.number for one in state.outbox()], "dead", reason="no answer")
    assert state.mute("s5", START) == 1
    assert state.revive(START) == 1


def test_an_edit_is_later_news_of_its_story_and_still_a_copy(state: AlertState) -> None:
    """A page that is edited in place says so only once, and a day later."""
    one = Subscription(id="visas", query="visas", to=("desk",), updates=True)
    stage = Alerts(state, [one], SIDES, clock=Clock())
    stage.handle([article("a1", VISA_TALKS), article("a2", VISA_TALKS)])
    known = state.article("a2")
    assert known is not None
    assert known.copies == "a1"
    body = f"{VISA_TALKS}. Of 77 diplomats who had been expelled all are to return."
    for number, hours in enumerate((3, 40), 2):
        stage.handle(
            [
                article(
                    id,
                    VISA_TALKS,
                    f"{body} {hours}0",
                    number,
                    collected=NOON + timedelta(hours=hours),
                )
                for id in ("a1", "a2")
            ]
        )
    notes = [told.alert.note for told in state.told("visas")]
    assert sorted(notes) == ["", "New on this story: a new figure"]
    assert state.article("a1") == Known(3, known.story, None, ("number",))
    assert state.article("a2") == Known(3, known.story, "a1", ())


def test_later_news_counts_the_outlets_of_its_story(state: AlertState) -> None:
    stage = alerts(state)
    stage.handle([article("a1", VISA_TALKS)])
    story = state.told("visas")[0].alert.story
    assert state.sources([story, later_news(story, "a9"), "s0"]) == {
        story: 1,
        later_news(story, "a9"): 1,
    }


def test_a_fault_in_the_middle_leaves_nothing_behind(
    state: AlertState, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = alerts(state)

    def broken(*_: object, **__: object) -> bool:
        raise StoreUnavailable("no room on the disk")

    with monkeypatch.context() as patch:
        patch.setattr(AlertState, "tell", broken)
        with pytest.raises(StoreUnavailable):
            stage.handle([article("a1", VISA_TALKS)])
    assert state.article("a1") is None
    stage.handle([article("a1", VISA_TALKS)])
    assert len(lines(state)) == 2


def test_joined_stories_are_one_in_ledger_and_outbox(state: AlertState) -> None:
    stage = alerts(state, VISAS, THANKS)
    stage.handle([article("a1", VISA_TALKS), article("a2", "Prisoners freed at Ankara airport")])
    one, two = (state.article(id) for id in ("a1", "a2"))
    assert one is not None
    assert two is not None
    state.join(two.story, one.story)
    assert state.article("a2") == Known(1, one.story, None, ())
    # Told of both before: both stay as they were told.
    assert {told.alert.story for told in state.told("thanks")} == {one.story, two.story}
    for (subscription, _), entries in state.due(START + 1).items():
        stories = [entry.story for entry in entries]
        assert len(state.alerts(subscription, stories)) == len(stories)


def test_a_file_of_another_version_is_refused(state: AlertState, url: str, tmp_path: Path) -> None:
    state.close()
    with sqlite3.connect(tmp_path / "alerts.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigError, match="another file in `alerts`"):
        AlertState(url)


def test_the_stage_reads_what_is_assessed() -> None:
    stage = alerts_stage(alerts(AlertState("sqlite:///:memory:")))
    assert (stage.route.topic_in, stage.route.topic_out) == ("articles.assessed", None)
