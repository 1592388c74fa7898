"""The language gate: what the text shows beats a wrong claim, a claim beats a doubt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processors.language import MIN_WORDS, language_of, too_short

DEV = Path(__file__).parents[1].parent / "shared" / "data" / "dyad_stance" / "dev.jsonl"

PROSE = {
    "en": "The foreign minister received his colleague on Tuesday to talk about the embassies.",
    "ru": "Министр иностранных дел принял во вторник своего коллегу для разговора о посольствах.",
    "uk": "Міністр закордонних справ прийняв у вівторок свого колегу для розмови про посольства.",
    "fr": "Le ministre des affaires étrangères a reçu mardi son collègue pour parler d'ambassades.",
    "de": "Der Außenminister empfing am Dienstag seinen Kollegen zum Gespräch über Botschaften.",
}


@pytest.mark.parametrize("language", PROSE)
@pytest.mark.parametrize("claim", [None, "en", "ru", "fr", "xx", ""])
def test_prose_is_known_whatever_is_claimed(language: str, claim: str | None) -> None:
    assert language_of(PROSE[language], claim) == language


@pytest.mark.parametrize(
    "text", ["", "   ", "5", "😀 😀😀 🇷🇺", "🇺🇸🇷🇺 🔥", "🇺🇸🇷🇺🇺🇦", "…", "\x00", "1,234.5 5,678.9 -9"]
)
def test_what_shows_nothing_is_what_is_claimed(text: str) -> None:
    assert language_of(text, None) == "en"
    assert language_of(text, "fr") == "fr"
    assert language_of(text, None, expected="ru") == "ru"


def test_a_table_of_numbers_is_no_foreign_language() -> None:
    assert language_of("12 345 678 90", None) == language_of("2026-03-01 12:00", "en") == "en"


@pytest.mark.parametrize(
    "headline",
    [
        "Trump, Putin to meet in Budapest",
        "Trump, Putin, Zelenskyy in Istanbul",
        "Witkoff, Dmitriev meet in Miami",
        "TRUMP AND PUTIN MEET IN ALASKA",
    ],
)
def test_a_headline_of_names_is_no_other_language(headline: str) -> None:
    assert language_of(headline, None) == language_of(headline, "en") == "en"


def test_a_russian_headline_of_names_is_not_english() -> None:
    assert language_of("Путин, Трамп, Лавров", "en") != "en"


def test_only_the_beginning_counts() -> None:
    assert language_of(PROSE["en"] * 30 + PROSE["ru"] * 300, None) == "en"


def test_too_short() -> None:
    assert too_short("")
    assert too_short(" \n two  words \n")
    assert not too_short("now it's three")
    assert MIN_WORDS == 3


@pytest.mark.skipif(not DEV.is_file(), reason="the labelled text isn't here")
def test_hardly_any_english_sentence_is_taken_for_another_language() -> None:
    """Single sentences, with much less to go by than an article has."""
    texts = [json.loads(line)["text"] for line in DEV.read_text("utf-8").splitlines()]
    wrong = [text for text in texts if language_of(text, "en") != "en"]
    assert len(wrong) <= len(texts) / 100, wrong
