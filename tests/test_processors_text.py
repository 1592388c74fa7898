"""Sentences: exact offsets whatever the text, the rules of news prose, time linear in length."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.text import LONGEST, quoted, sentences

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

# Text as it comes: letters of several scripts, marks that stick to others, stops, marks of
# quotation, every kind of space and line break, signs outside the first plane, lone surrogates.
SIGNS = st.sampled_from(
    "aBzЖщЁ1७İßé\u0301\u200b\u200d\ufeff.!?…。！,;:'\"“”„«»‘’()[]-–— \t\n\r\v\f\x1c\x85\u2028\u00a0"
    "\u3000\ud800😀🇷🇺\x00"
)
PIECES = st.sampled_from(
    ["U.S.", "Mr.", "Jan. 5", "т.е.", "2025 г.", "said.", "The", '" said', "J. D.", "1. ", "...  "]
)
TEXTS = st.lists(SIGNS | PIECES | st.characters(), max_size=60).map("".join)


def split(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@STEADY
@given(TEXTS)
def test_covers_all_but_white_space_exactly(text: str) -> None:
    end = 0
    for sentence in sentences(text):
        assert text[end : sentence.start].strip() == ""
        assert sentence.start < sentence.end <= len(text)
        assert sentence.text == text[sentence.start : sentence.end]
        assert sentence.text == sentence.text.strip()
        end = sentence.end
    assert text[end:].strip() == ""


@STEADY
@given(TEXTS)
def test_a_line_break_always_ends_a_sentence(text: str) -> None:
    """So a text's sentences are those of its lines, one line after the other."""
    parts = text.splitlines()
    assert split(text) == [said for part in parts for said in split(part)]


RUNS = st.sampled_from(["x" * 300, "word " * 60, " " * 300, ", ", "; ", " — ", ". "])


@STEADY
@given(st.lists(RUNS, max_size=25).map("".join))
def test_none_is_longer_than_a_model_reads(text: str) -> None:
    parts = split(text)
    assert all(0 < len(said) <= LONGEST for said in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. said no.",
        "Mr. Lavrov met Sen. Graham on Jan. 5 in Geneva.",
        "Gen. A. Smith and Sen. J. B. Jones came with Dr. C. Brown.",
        "J. D. Vance and A. S. Ivanov spoke.",
        "The U.S. Department of State answered at 5 p.m. Tuesday.",
        "Он сказал, т.е. заявил, что это так.",
        "С. В. Лавров приехал в г. Москву на пл. Гагарина.",
        "“No!” said Peskov.",
        '"Why?" Sergei Lavrov asked.',
        "Wait... there is more.",
        "It rose by 3.5 percent, to No. 10 on the list at www.sample.example.",
        "1. The first point.",
        "IV. The fourth point.",
        "a. The smallest point.",
        "It cost 3.5 mln. rubles.",
        "Trump v. Putin",
        "Under Art. VI of the treaty, and Art. 5, it is so.",
        "See Fig. 3 and arts. IX to XI.",
        "Sen. Green of Wash. and Rep. Brown of Ill. came.",
    ],
)
def test_stops_that_end_nothing(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. said no.| Moscow agreed.",
        "It was sent to the U.S.| The Kremlin thanked for it.",
        "He lives in Washington, D.C.| He came by train.",
        "They met on Jan. 5.| They talked.",
        "They will meet in Jan.| Nobody knows where.",
        "Peskov said no.| Lavrov said yes.",
        "So it was in 2025 г.| Россия ответила.",
        "Хлеб, соль и др.| Россия ответила.",
        "Wait...| The talks go on.",
        "Well…| Yes.",
        "What?!| Really?| Yes.",
        "He asked: “Why?”| The envoy was silent.",
        'Peskov: "No."| Lavrov: "Yes."',
        "(He left.)| She stayed.",
        "The talks ended.|The Kremlin denied it.",
        # What is short for a state, or a part of a text, is a word as well.
        "The envoy fell ill.| Doctors came.",
        "It reached a critical mass.| Negotiators left.",
        "They gave to the arts.| Critics agree.",
        "He loves art.| I don't.",
        "As it was said.[1]| Next came [2][3] others.",
        "他来了。|我走了。",
        "The one line\n|the other line",
        "  Space.  |  More of it.\u00a0|\u00a0And more.  ",
        "First at 5 p.m.| “We agree,” he said.",
        "A. S. Ivanov spoke.| B. C. Jones listened.",
    ],
)
def test_stops_that_end_a_sentence(text: str) -> None:
    assert split(text.replace("|", "")) == [part.strip() for part in text.split("|")]


def test_nothing_has_no_sentences() -> None:
    assert split("") == split(" \n\t\u2028 ") == []


def test_what_is_too_long_is_cut_at_a_clause_a_comma_a_space_or_anywhere() -> None:
    filler = "word " * 150
    for mark in ("; ", ", ", " "):
        text = f"{filler}the last{mark}{'x' * 300}"
        assert split(text)[0] == f"{filler}the last{mark}".strip()
    assert [len(part) for part in split("x" * 2_500)] == [1_000, 1_000, 500]


SHAPES = {
    "prose": "The envoys met in Geneva and they talked. ",
    "no stop": "word ",
    "no space": "x",
    "initials": "A. ",
    "years": "г. ",
    "stops": ".",
    "quotes": '"',
    "quoted sentences": '"We agree." ',
    "speech without space": '." "',
    "spaces": " ",
    "opened": ". (",
    "said": '!" a a a a ',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_very_long_line_takes_linear_time(shape: str) -> None:
    """10 times the text must not cost 100 times the time. The bounds leave a slow machine room;
    what they catch is the square: it took minutes for the longer of these."""

    def seconds(length: int) -> float:
        text = "  " * 500 + SHAPES[shape] * (length // len(SHAPES[shape]))
        began = time.process_time()
        for sentence in sentences(text):
            quoted(text, sentence.start, sentence.end)
        return time.process_time() - began

    short = seconds(10_000)
    assert seconds(100_000) < max(40 * short, 0.5)


def is_quoted(text: str, sentence: str) -> bool:
    start = text.index(sentence)
    return quoted(text, start, start + len(sentence))


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        *[('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("‘", "’")],
        # As text from web pages has it.
        *[("“", '"'), ('"', "”"), ("“", "“"), ("‘", "'")],
    ],
)
def test_every_kind_of_mark(opening: str, closing: str) -> None:
    inner = "We won't agree to it."
    text = f"He said: {opening}{inner}{closing} Then he left for home."
    assert is_quoted(text, f"{opening}{inner}{closing}")
    assert not is_quoted(text, "He said:")
    assert not is_quoted(text, "Then he left for home.")


def test_a_sentence_of_a_longer_quotation() -> None:
    text = "He said: “We agree to it. We hope so. We shall see.” Nobody else spoke."
    assert [quoted(text, start, end) for start, end, _ in sentences(text)] == [
        True, True, True, False,
    ]  # fmt: skip


def test_mostly_decides() -> None:
    text = 'He called it "a mistake" that nobody in the ministry would ever make again.'
    assert not quoted(text, 0, len(text))
    text = '"It was a mistake that nobody here would ever make again," he said.'
    assert quoted(text, 0, len(text))


def test_an_odd_mark_runs_to_the_end_of_its_line_only() -> None:
    text = "“We have begun.\n“We go on. And on.\n“We end.” He left.\nNobody came."
    said = {sentence.text: quoted(text, *sentence[:2]) for sentence in sentences(text)}
    assert said == {
        "“We have begun.": True,
        "“We go on.": True,
        "And on.": True,
        "“We end.”": True,
        "He left.": False,
        "Nobody came.": False,
    }


@pytest.mark.parametrize(
    "text",
    [
        "It isn't Moscow's fault, nor the envoys' own.",
        "The pipe of 12\" wasn't theirs, he said.",
        "a closing mark” alone, and » another.",
        "Rock ’n’ roll is what they played.",
        "Since the ‘90s they met, and Russia‘s envoys said so.",
    ],
)
def test_what_only_looks_like_a_mark_quotes_nothing(text: str) -> None:
    assert not quoted(text, 0, len(text))


@pytest.mark.parametrize(
    "inner",
    ["‘We won’t, and they don’t,’", "‘We won't, nor will they,'", "“We “never” agreed to it,”"],
)
def test_an_apostrophe_or_a_quotation_within_closes_none(inner: str) -> None:
    text = f"{inner} she said of it."
    assert is_quoted(text, inner[:-6])
    assert not is_quoted(text, " she said of it.")


def test_a_quotation_may_begin_right_behind_its_colon() -> None:
    assert is_quoted('He said:"We agree to all of it." Then he left.', '"We agree to all of it."')


@STEADY
@given(TEXTS)
def test_quoted_never_fails_and_space_around_changes_nothing(text: str) -> None:
    for start, end, said in sentences(text):
        alone = quoted(text, start, end)
        shifted = " \n" + text
        assert quoted(shifted, start + 2, end + 2) == alone, said
