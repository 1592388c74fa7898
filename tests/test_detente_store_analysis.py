"""From text to terms: the same for documents and queries, in English and in Russian."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.store.analysis import terms, words

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Moscow's talks, U.S. envoys!", ["moscow", "talks", "u.s", "envoys"]),
        ("the Kremlin’S word", ["the", "kremlin", "word"]),
        ("don't  can’t", ["don't", "can't"]),
        ("3.5 percent, 1,000 and 12:30", ["3.5", "percent", "1,000", "and", "12", "30"]),
        ("U.S.–Russia state-of-the-art", ["u.s", "russia", "state", "of", "the", "art"]),
        ("Россия, Москва́", ["россия", "москва́"]),
        ("a_b e\u0301t\u0301 x.y 5a", ["a_b", "e\u0301t\u0301", "x.y", "5a"]),
        ("", []),
        (" …!? “” ", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sanctions", "Sanction"),
        ("diplomats'", "diplomat"),
        ("negotiating", "negotiated"),
        ("посольства", "ПОСОЛЬСТВО"),
        ("дипломатов", "дипломаты"),
        ("Russia's", "russia"),
        ("O’Brien", "o'brien"),
        ("Королёва", "королева"),
        ("S-400", "s 400"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_words_of_one_script_are_not_stemmed_by_the_other() -> None:
    assert terms("running бегущий") == [*terms("running"), *terms("бегущий")]
    assert terms("running") == ["run"]


@STEADY
@given(st.text(), st.text())
def test_terms_of_two_texts_are_those_of_each(one: str, other: str) -> None:
    assert terms(f"{one}\n{other}") == terms(one) + terms(other)


@STEADY
@given(st.text() | st.text(alphabet="sS' -aeё1"))
def test_every_word_has_a_term(text: str) -> None:
    """An empty one would vanish from a phrase, and alone find nothing."""
    assert all(" " not in term and term for term in terms(text))
    assert len(terms(text)) == len(words(text))


def test_threads_have_stemmers_of_their_own() -> None:
    texts = [f"sanctioning{n} negotiations{n} санкции{n}" for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(terms, texts)) == [terms(text) for text in texts]
