"""The fields that a query text may name, and what may be asked of each.

    issue:visas   actor:putin   source:tass.com   kind:state-media   country:RU   lang:en
    relevance:core   event:SANCTION   speaker:"Sergei Lavrov"   wall:paywall
    stance:"RUS>USA"   stance:"RUS>USA:adversarial"   stance:"RUS>USA" <= -1
    dyad:"USA>RUS"     dyad:"USA>RUS:cooperative"     dyad:"USA>RUS" < -0.3
    published:[2026-03-01 TO 2026-04-01}   length:>=2000   relevance_score:[0.8 TO *]

A stance is a sentence's, in the labelling guide's grades (-2 to 2); a dyad is the article's, with a
score in -1...1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from detente.errors import ConfigError
from detente.store.fields import BY_NAME, Kind, date_text

GRADES = (-2, -1, 0, 1, 2)


@dataclass(frozen=True, slots=True)
class Has:
    """A keyword field that has one of these values, or one that begins with one of them."""

    field: str
    values: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """A number or date field within these ends; None leaves a side open. Dates are texts as the
    stores keep them."""

    field: str
    low: float | str | None
    high: float | str | None
    low_within: bool = True
    high_within: bool = True


@dataclass(frozen=True, slots=True)
class DyadWithin:
    """An article whose score of one side toward the other lies within these ends."""

    holder: str
    target: str
    low: float
    high: float
    low_within: bool = True
    high_within: bool = True


class _Keyword(NamedTuple):
    field: str
    spelled: Callable[[str], str] = str


def slug(value: str) -> str:
    """An actor's or issue's id, however its words are joined: `arms_control`, `Arms control`."""
    return value.lower().replace("_", "-").replace(" ", "-")


KEYWORDS: Mapping[str, _Keyword] = {
    "actor": _Keyword("actors", slug),
    "issue": _Keyword("issues", slug),
    "source": _Keyword("source", str.lower),
    "outlet": _Keyword("outlet"),
    "feed": _Keyword("feed"),
    "country": _Keyword("country", str.upper),
    "kind": _Keyword("kind", slug),
    "lang": _Keyword("language", str.lower),
    "relevance": _Keyword("relevance", str.lower),
    "event": _Keyword("events", str.upper),
    "quad": _Keyword("quads"),
    "speaker": _Keyword("speakers"),
    "wall": _Keyword("wall", str.lower),
    "medium": _Keyword("medium", str.lower),
    "story": _Keyword("story"),
}
RANGES = ("published", "first_seen", "collected", "relevance_score", "length")
NAMES = (*KEYWORDS, "stance", "dyad", "quote", *RANGES)

_COMPARED = re.compile(r'\b(stance|dyad):"([^"<>=]+>[^"<>=]+)"\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)')
_SIDES = re.compile(
    r"([A-Z][A-Z0-9]{0,7})>([A-Z][A-Z0-9]{0,7})(?::([\w-]+)|(<=|>=|<|>|=)(-?[\d.]+))?"
)
_HINT = f"fields are {', '.join(NAMES)}"


def comparisons(text: str) -> str:
    """The text with `stance:"A>B" <= -1` in a form that Lucene's grammar has: `stance:"A>B<=-1"`.

    The rest keeps its place, so that errors point at the right character.
    """

    def joined(found: re.Match[str]) -> str:
        short = f'{found[1]}:"{found[2]}{found[3]}{found[4]}"'
        return short + " " * (len(found[0]) - len(short))

    return _COMPARED.sub(joined, text)


def condition(
    name: str, asked: tuple[str, ...] | tuple[str, bool, str, bool], place: int
) -> Has | Between | DyadWithin:
    """What `name:…` asks for; `asked` is one value, or a range. Raises ConfigError."""
    where = f"search: {name}: at position {place}"
    if name in ("stance", "dyad"):
        return _of_sides(name, str(asked[0]), where, is_range=len(asked) > 1)
    if name in RANGES:
        return _range(name, asked, where)
    keyword = KEYWORDS.get(name)
    if keyword is None:
        raise ConfigError(f"search: there is no field {name!r} (position {place}); {_HINT}")
    if len(asked) > 1:
        raise ConfigError(f"{where}: has no order, so no range; write {name}:value")
    value = str(asked[0])
    begun = value.endswith("*")
    value = value.rstrip("*") if begun else value
    if "*" in value or "?" in value:
        raise ConfigError(f"{where}: a * may only end a value")
    return Has(keyword.field, (keyword.spelled(value),), begun)


def _of_sides(name: str, text: str, where: str, *, is_range: bool) -> Has | DyadWithin:
    found = None if is_range else _SIDES.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ConfigError(
            f'{where}: write {name}:"USA>RUS", {name}:"USA>RUS:adversarial" or '
            f'{name}:"USA>RUS" <= -1'
        )
    holder, target, label, sign, number = found.groups()
    toward = f"{holder}>{target}"
    if sign:
        try:
            limit = float(number)
        except ValueError:
            raise ConfigError(f"{where}: {number!r} is no number") from None
        if name == "stance":
            grades = [grade for grade in GRADES if _holds(grade, sign, limit)]
            return Has("stance_grades", tuple(f"{toward}:{grade}" for grade in grades))
        low, high = (
            (limit if sign in (">", ">=", "=") else -1.0),
            (limit if sign in ("<", "<=", "=") else 1.0),
        )
        return DyadWithin(holder, target, low, high, sign != ">", sign != "<")
    if label is None:
        return Has(f"{name}_labels", (f"{toward}:",), prefix=True)
    if re.fullmatch("-?[0-2]", label) and name == "stance":
        return Has("stance_grades", (f"{toward}:{label}",))
    if label not in ("cooperative", "neutral", "adversarial"):
        raise ConfigError(f"{where}: {label!r} is none of cooperative, neutral, adversarial")
    return Has(f"{name}_labels", (f"{toward}:{label}",))


def _holds(grade: int, sign: str, limit: float) -> bool:
    return {
        "<": grade < limit,
        "<=": grade <= limit,
        ">": grade > limit,
        ">=": grade >= limit,
        "=": grade == limit,
    }[sign]


def _range(name: str, asked: tuple[str, ...] | tuple[str, bool, str, bool], where: str) -> Between:
    is_date = BY_NAME[name].kind is Kind.DATE
    if len(asked) == 4:
        low, low_within, high, high_within = asked
        return Between(
            name,
            _end(str(low), where, is_date=is_date),
            _end(str(high), where, is_date=is_date),
            bool(low_within),
            bool(high_within),
        )
    begun = _end(str(asked[0]), where, is_date=is_date)
    if is_date and re.fullmatch(r"\d{4}-\d\d-\d\d", str(asked[0])):
        day = datetime.fromisoformat(str(asked[0])).replace(tzinfo=UTC)
        return Between(name, begun, date_text(day + timedelta(days=1)), True, False)
    return Between(name, begun, begun)


def _end(text: str, where: str, *, is_date: bool) -> float | str | None:
    if text == "*":
        return None
    try:
        if not is_date:
            return float(text)
        instant = datetime.fromisoformat(text)
    except ValueError:
        what = "a date (2026-03-01, or 2026-03-01T10:00Z in quotes)" if is_date else "a number"
        raise ConfigError(f"{where}: {text!r} is not {what}") from None
    return date_text(instant.replace(tzinfo=instant.tzinfo or UTC))
