"""The route table, and the layers that the whole code keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.flow import ROUTES, TOPICS, dead_letter_topic, route

ROOT = Path(__file__).parents[1]


def test_what_a_stage_reads_another_writes() -> None:
    written = {r.topic_out for r in ROUTES}
    for r in ROUTES:
        assert r.topic_in is None or r.topic_in in written
        assert (r.topic_in is None) == (r.group is None)
    assert set(TOPICS) == written - {None}


def test_stages_are_found_by_name() -> None:
    assert route("processors").group == "processors"
    with pytest.raises(KeyError):
        route("alchemists")


def test_dead_letters_lie_beside_their_topic() -> None:
    assert dead_letter_topic("articles.collected") == "articles.collected.dead"


@pytest.mark.parametrize("r", ROUTES, ids=lambda r: r.stage)
def test_the_readme_draws_every_route(r: object) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in ("stage", "topic_in", "topic_out"):
        value = getattr(r, name)
        assert value is None or value in readme
