"""What kind of change an edit is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.edits import change_of, fingerprint
from collectors.plan import KnownArticle
from detente.article import TextOrigin

TITLE = "Envoys meet in Geneva to discuss visas and embassies"
WORDS = "envoys talks visas embassy sanctions minister said agreed refused Geneva treaty".split()


def body(sentences: int = 30, seed: int = 1) -> str:
    dice = random.Random(seed)
    return " ".join(
        f"On day {number} {' '.join(dice.choices(WORDS, k=12))}." for number in range(sentences)
    )


def change(title: str = TITLE, text: str = "", origin: TextOrigin = "feed") -> str:
    before = KnownArticle(*("a1", "url:x", "one", 1, b"", "feed", 0.0, TITLE, fingerprint(body())))
    return change_of(before, title, text or body(), origin)


@pytest.mark.parametrize(
    ("title", "text", "kind"),
    [
        (TITLE, body(), "date"),
        (f"  {TITLE} ", body().replace(". ", ".\n"), "date"),  # white space is none
        (TITLE.replace("embassies", "embasies"), body(), "typo"),
        (TITLE.upper(), body(), "typo"),
        (TITLE, body().replace("On day 7", "On Day 7"), "typo"),
        (TITLE, body().replace("On day 7 ", "On day seven "), "typo"),
        ("Talks on visas break down after two hours", body(), "headline"),
        (TITLE, body(40), "body"),
        (TITLE, body(10), "body"),
        (TITLE, body(30, seed=2), "body"),
        ("Talks on visas break down after two hours", body(40), "rewrite"),
    ],
)
def test_kinds(title: str, text: str, kind: str) -> None:
    assert change(title, text) == kind


def test_a_text_from_elsewhere_is_nobodys_edit() -> None:
    assert change(text=body(60), origin="page") == "text"


def test_of_an_article_from_before_fingerprints_the_text_is_taken_to_have_changed() -> None:
    before = KnownArticle("a1", "url:x", "one", 1, b"", "feed", 0.0)
    assert change_of(before, "", body(), "feed") == "body"
    assert change_of(before, TITLE, body(), "feed") == "rewrite"


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_has_a_fingerprint(one: str, other: str) -> None:
    assert len(fingerprint(one)) == 20
    assert fingerprint(one) == fingerprint(f" {one}\n")
    assert change(text=other or "x") in {"date", "typo", "body"}
