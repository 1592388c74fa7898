"""The keyword classifier: the contract, and each of the rules in its docstring."""

from __future__ import annotations

import pytest

from processors.models import KeywordClassifier, Passage, open_classifier
from processors.models.base import RELEVANCE
from processors.models.keyword import CONFIDENCE
from tests.contracts.classifier import ClassifierContract, Make


class TestKeywordClassifier(ClassifierContract):
    @pytest.fixture
    def make(self) -> Make:
        return KeywordClassifier


def judged(text: str, voice: str = "") -> tuple[str, str, str]:
    (scores,) = KeywordClassifier().classify([Passage(text, voice=voice)])
    likeliest = {head: max(shares, key=lambda x: shares[x]) for head, shares in scores.items()}
    assert all(max(shares.values()) == CONFIDENCE for shares in scores.values())
    return likeliest[RELEVANCE], likeliest["A>B"], likeliest["B>A"]


@pytest.mark.parametrize(
    ("text", "voice", "expected"),
    [
        ("Moscow and Washington talked.", "", ("core", "1", "1")),
        ("Washington and Moscow signed it.", "", ("core", "2", "2")),
        ("Moscow expelled two U.S. diplomats.", "", ("core", "n", "-2")),
        ("The U.S. accused Russia.", "", ("core", "-1", "n")),
        ("Washington said Moscow released him.", "", ("core", "n", "2")),
        ("Accused by Moscow, Washington was silent.", "", ("core", "n", "-1")),
        ("Moscow lies east of Washington.", "", ("peripheral", "n", "0")),
        ("Washington lies west of Moscow.", "", ("peripheral", "0", "n")),
        ("Moscow expelled two diplomats.", "", ("none", "n", "n")),
        ("Nobody thanked anybody.", "", ("none", "n", "n")),
        ("We thanked Moscow.", "state.gov", ("core", "1", "n")),
        ("Thanks, Washington.", "kremlin.ru", ("core", "n", "1")),
        ("They thanked us.", "state.gov", ("none", "n", "n")),
        ("The RUSSIANS and the USual", "", ("none", "n", "n")),
    ],
)
def test_the_rules(text: str, voice: str, expected: tuple[str, str, str]) -> None:
    assert judged(text, voice) == expected


def test_a_cue_before_any_side_with_a_voice_is_the_voices() -> None:
    assert judged("Warning Russia was right.", "state.gov") == ("core", "-1", "n")


def test_it_is_opened_by_its_name() -> None:
    assert open_classifier("keyword").identity.name == "keyword"
