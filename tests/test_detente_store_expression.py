"""The text of a search: what is understood, and what is refused, saying where."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import ConfigError
from detente.store import open_store
from detente.store.base import Query
from detente.store.expression import (
    DEEPEST,
    LONGEST,
    MOST,
    AllOf,
    AnyOf,
    Expression,
    NotThis,
    Phrase,
    parse_expression,
)
from detente.store.queryfields import Has

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

A, B, C = Phrase(("a",)), Phrase(("b",)), Phrase(("c",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  \n", None),
        ("…", None),
        ('""', None),
        ("*", None),
        ("-*", None),
        ("(… …)", None),
        ("a", A),
        ("a b", AllOf((A, B))),
        ("a AND b", AllOf((A, B))),
        ("a OR b", AnyOf((A, B))),
        ("a AND b OR c", AnyOf((AllOf((A, B)), C))),
        ("a (b OR c)", AllOf((A, AnyOf((B, C))))),
        ("NOT a", NotThis(A)),
        ("-a", NotThis(A)),
        ("+a", A),
        ("a NOT b", AllOf((A, NotThis(B)))),
        ("a … b", AllOf((A, B))),
        ("a …", A),
        ("NOT …", None),
        ("a and or not b", AllOf((A, Phrase(("and",)), Phrase(("or",)), Phrase(("not",)), B))),
        ('"a b c"', Phrase(("a", "b", "c"))),
        ('"a* b"', Phrase(("a", "b"))),
        ("a*", Phrase(("a",), prefix=True)),
        # A whole word may be longer than the stem that is stored: it would find nothing.
        ("sanctions*", AnyOf((Phrase(("sanctions",), prefix=True), Phrase(("sanction",))))),
        ("u.s.-sanctions*", AnyOf((Phrase(("u.", "sanctions"), True), Phrase(("u.", "sanction"))))),
        ("sanctions", Phrase(("sanction",))),
        ("САНКЦ*", Phrase(("санкц",), prefix=True)),
        ("u.s.-russia*", Phrase(("u.", "russia"), prefix=True)),
        (r"a\*", A),
        (r"\(a\)", A),
        (r"a\:b", Phrase(("a:b",))),
        ("a/b", Phrase(("a", "b"))),
        ("don't", Phrase(("don't",))),
    ],
)
def test_what_is_understood(text: str, expected: Expression | None) -> None:
    assert parse_expression(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x title:(y^2)", "a boost (y^2) at position"),
        ("x [a TO b]", "a range ([a TO b]) at position 2"),
        ("{a TO b}", "a range ({a TO b}) at position 0"),
        ("x >=5", "at position 2"),
        ("x /y/", "a regex (/y/) at position 2"),
        ("x y~", "a fuzzy (y~) at position 2"),
        ("x ab~2", "a fuzzy (ab~2) at position 2"),
        ("x y^2", "a boost (y^2) at position 2"),
        ("x (y OR z~)", "a fuzzy (z~) at position 8"),
        ("x a*b", "'a*b' at position 2: a * may only end a word"),
        ("x a?", "'a?' at position 2"),
        # Lucene's other spellings would be taken for words, and mean the opposite.
        ("x !y", "'!y' at position 2: write AND, OR or NOT"),
        ("x && y", "'&&' at position 2"),
        ("x || y", "'||' at position 2"),
        ("x AND", "at the end"),
        ("(x", "at the end"),
        ("x)", "at position 1"),
        ("()", "at position 1"),
        ("OR x", "at position 0"),
        ('x "y', "at position 2"),
        ("x\\", "at position 1"),
    ],
)
def test_what_is_refused_and_where(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_expression(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("search: ")
    assert "are what a search knows" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x title:y", "there is no field 'title' (position 8); fields are actor, "),
        ("stance:x", 'position 7: write stance:"USA>RUS", '),
        ('stance:"USA>RUS:angry"', "'angry' is none of cooperative, neutral, adversarial"),
        ('dyad:"USA>RUS:-2"', "'-2' is none of"),
        ('stance:["USA>RUS" TO x]', "write stance:"),
        ("country:>=5", "has no order, so no range; write country:value"),
        ("published:soon", "'soon' is not a date"),
        ("length:[a TO 5]", "'a' is not a number"),
        ("actor:*tin", "a * may only end a value"),
        ('"a b"~1000', "~0 to ~100 words may stand between"),
    ],
)
def test_what_a_field_refuses(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_expression(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("search: ")


@pytest.mark.parametrize(
    ("text", "grades"),
    [("<= -1", [-2, -1]), ("<-1", [-2]), (" > 0", [1, 2]), (">=0", [0, 1, 2]), ("= 0", [0])],
)
def test_a_stance_is_compared_by_its_grades(text: str, grades: list[int]) -> None:
    found = parse_expression(f'stance:"RUS>USA" {text}')
    assert found == Has("stance_grades", tuple(f"RUS>USA:{grade}" for grade in grades))


def test_an_error_after_a_comparison_points_at_its_place() -> None:
    with pytest.raises(ConfigError, match="position 26"):
        parse_expression('stance:"RUS>USA"   <=  -1 )')


def nested(depth: int) -> str:
    return "a AND NOT (b OR " * depth + "c" + ")" * depth


def words(count: int) -> str:
    return " ".join(f"w{n}" for n in range(count))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 4_000 + "a" + ")" * 4_000, "too many parts within parts"),
        ("NOT " * 2_000 + "a", "too many parts within parts"),
        ("NOT " * 30 + "a", "too many parts within parts"),
        (nested(10), "too many parts within parts"),
        (words(MOST + 1), "more than 500 words and phrases"),
        (" OR ".join(words(MOST + 1).split()), "more than 500 words and phrases"),
        ("a " * LONGEST, "20,000 characters, at most 10,000 can be read"),
    ],
)
def test_a_search_has_an_end(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [words(MOST), " OR ".join(words(MOST).split()), nested(6), "NOT " * (DEEPEST - 1) + "a"],
)
def test_what_is_just_allowed_is_answered(text: str, tmp_path: Path) -> None:
    """What the engine can't bear would look like a store that is away, to be tried for ever."""
    store = open_store(f"sqlite:///{tmp_path}/articles.sqlite")
    store.prepare()
    assert store.search(Query(text=text)).total == 0
    store.close()


@STEADY
@given(st.text(alphabet="abЖ \"*?()[]{}+-!~^:/\\&|'>=<.0\u00a0\ud800 ANDOT", max_size=25))
def test_anything_is_understood_or_refused(text: str) -> None:
    """Nothing else escapes: a person at the prompt gets an answer, never a traceback."""
    with suppress(ConfigError):
        parse_expression(text)
