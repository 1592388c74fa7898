"""Who speaks: by name, by a word that can mean but one, and else nobody."""

from __future__ import annotations

import pytest

from detente.watch import load_watch
from processors.actors import ActorMatcher
from processors.quotes import find_quotes
from processors.speakers import speakers_of

WATCH = load_watch("usa-rus")
MATCHER = ActorMatcher(WATCH)
ROLES = {actor.id: actor.role for actor in WATCH.actors}


def speakers(body: str) -> list[str | None]:
    return speakers_of(body, find_quotes(body), MATCHER.mentions(body), ROLES)


@pytest.mark.parametrize(
    ("body", "actors"),
    [
        ("Sergei Lavrov said that the visas were late again.", ["sergei-lavrov"]),
        (
            "President Putin's spokesman Dmitry Peskov said that nothing had been agreed.",
            ["dmitry-peskov"],
        ),
        ("A farmer said that the visas were late again.", [None]),
        # Goes back to the one name before.
        (
            'Lavrov said that the visas were late. "They are late again," he added.',
            ["sergei-lavrov", "sergei-lavrov"],
        ),
        (
            'Lavrov said that the visas were late.\n"They are late again," the minister said.',
            ["sergei-lavrov", "sergei-lavrov"],
        ),
        # A president isn't meant, where a foreign minister was named.
        (
            'Lavrov said that the visas were late. "They are late again," the president said.',
            ["sergei-lavrov", None],
        ),
        # Two were named: it could be either.
        (
            'Lavrov met Marco Rubio in Riyadh. "They are late again," he said.',
            [None],
        ),
        # Whom the words quoted name isn't who speaks them.
        ('"Lavrov is late again," he said.', [None]),
        # Too far away.
        (
            'Lavrov came.\n\nIt rained.\n\nShares fell.\n\n"They are late again," he said.',
            [None],
        ),
    ],
)
def test_who_speaks(body: str, actors: list[str | None]) -> None:
    assert speakers(body) == actors
