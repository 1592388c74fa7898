"""What a later article adds to its story, and who is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from detente.alerts.novelty import (
    AFTER_FIRST,
    AFTER_LATEST,
    Facts,
    facts,
    novelty,
    reversed_dyads,
)
from detente.alerts.stage import Alerts
from detente.alerts.state import AlertState
from detente.alerts.subscription import Subscription, load_subscriptions
from detente.errors import ConfigError
from tests.test_detente_alerts_meaning import scored
from tests.test_detente_alerts_stage import SIDES, VISA_TALKS, Clock
from tests.test_detente_alerts_subscription import GOOD, written


def of(text: str, actors: str = "", acts: str = "", **dyads: float) -> Facts:
    return facts(
        {
            "title": "",
            "body": text,
            "actors": actors.split(),
            "events": acts.split(),
            "dyads": [
                {"holder": it[:3], "target": it[3:], "score": score} for it, score in dyads.items()
            ],
        }
    )


DAY = 86_400.0
FIRST = of("In 2026 they freed 12 sailors and 1,400 tons.", "kremlin", "CONSULT", RUSUSA=0.4)


@pytest.mark.parametrize(
    ("article", "new"),
    [
        (of("12 sailors, 1,400 tons", "kremlin", "CONSULT", RUSUSA=0.3), ()),
        (of("12 sailors", "kremlin marco-rubio"), ("actor",)),
        (of("They left.", "", "SANCTION"), ("act",)),
        (of("Now 14 sailors are free, 3 are not; in 2027."), ("number",)),
        (of("", "", "", RUSUSA=-0.3), ("reversal",)),
        (of("", "", "", RUSUSA=-0.05), ()),
        (of("", "", "", USARUS=-0.9), ()),
        (of("200 more", "pentagon", "COERCE", RUSUSA=-1.0), ("actor", "act", "number", "reversal")),
    ],
)
def test_what_is_new(article: Facts, new: tuple[str, ...]) -> None:
    assert novelty(DAY, article, [(0.0, FIRST)]) == new
    assert novelty(DAY, article, []) == (), "of the first article of a story everything is"


def test_what_other_outlets_write_of_the_same_event_is_no_later_news() -> None:
    other = of("14 sailors", "pentagon", "COERCE", RUSUSA=-0.3)
    assert novelty(AFTER_FIRST - 60, other, [(0.0, FIRST)]) == ()
    latest = (DAY - AFTER_LATEST + 60, FIRST)
    assert novelty(DAY, other, [(0.0, FIRST), latest]) == ()
    assert novelty(DAY + 60, other, [(0.0, FIRST), latest]) == (
        *("actor", "act", "number", "reversal"),
    )


def test_a_date_that_lies_ahead_holds_up_nothing() -> None:
    other = of("", "pentagon")
    assert novelty(DAY, other, [(0.0, FIRST), (2 * DAY, FIRST)]) == ("actor",)
    assert novelty(DAY, other, [(2 * DAY, FIRST)]) == ()


def test_a_side_that_turns_sharply_is_told_at_once() -> None:
    turned = of("", "pentagon", "COERCE", RUSUSA=-0.6)
    assert novelty(60.0, turned, [(0.0, FIRST)]) == ("reversal",)
    assert novelty(60.0, turned, [(0.0, FIRST), (30.0, of("", RUSUSA=-0.4))]) == ()


def test_a_reversal_is_told_with_both_scores() -> None:
    found = reversed_dyads({"RUS>USA": -0.5}, [{"RUS>USA": 0.2}, {"RUS>USA": 0.4}])
    assert found == {"RUS>USA": (pytest.approx(0.3), -0.5)}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[AlertState]:
    state = AlertState(f"sqlite:///{tmp_path}/alerts.sqlite")
    yield state
    state.close()


@pytest.mark.parametrize("updates", [True, False])
def test_a_story_that_turns_is_told_again_to_whom_wants_that(
    state: AlertState, updates: bool
) -> None:
    one = Subscription(id="visas", query="visas", to=("desk",), updates=updates)
    stage = Alerts(state, [one], SIDES, clock=Clock())
    stage.handle([scored("a1", VISA_TALKS, 0.5, 0)])
    stage.handle([scored("a2", VISA_TALKS.replace("agree", "agreed"), 0.4, 1)])
    assert len(state.told("visas")) == 1
    turned = scored("a3", "Moscow now against Vienna visas deal for diplomats of Houston", -0.6, 2)
    article = msgspec.structs.replace(
        turned.article,
        body=f"Moscow said on Friday that it would not keep to what was settled in Vienna with"
        f" Washington on visas for the diplomats of the Houston consulate. {VISA_TALKS}.",
    )
    stage.handle([msgspec.structs.replace(turned, article=article)])
    notes = [told.alert.note for told in state.told("visas")]
    assert sorted(notes) == (["", "New on this story: a reversal"] if updates else [""])


def test_updates_are_of_stories(tmp_path: Path) -> None:
    for more, said in (
        ('kind = "burst"\nupdates = true\n', "updates are of stories"),
        ('kind = "shift"\n', "needs dyad"),
        ('dyad = "RUS>USA"\n', "needs dyad"),
    ):
        with pytest.raises(ConfigError, match=said):
            load_subscriptions(written(tmp_path, GOOD + more))
