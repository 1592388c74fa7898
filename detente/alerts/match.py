"""Which subscriptions an article matches: each article is looked at once, whatever the number of
subscriptions.

A query can only match an article that has one of certain *keys* (a word, a field's value): of the
parts that must all hold the one with the rarest keys is taken, of alternatives the keys of each.
The subscriptions are filed under their keys; an article's keys lead to the few that are worth
evaluating. What has no key (`NOT visas`) is evaluated for every article.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from detente.alerts.frequency import share
from detente.store.analysis import terms
from detente.store.base import Document
from detente.store.expression import AllOf, AnyOf, Expression, Near, NotThis, Phrase
from detente.store.fields import BY_NAME, TEXT_FIELDS, Kind
from detente.store.queryfields import KEYWORDS, Between, DyadWithin, Has

Test = Callable[["Article"], bool]

_FIELDS = (
    *dict.fromkeys(one.field for one in KEYWORDS.values()),
    *("stance_labels", "stance_grades", "dyad_labels"),
)
_APART = 10_000
"""Positions between two texts, so that no phrase goes from one to the next."""

_BEGINNING = 3
"""Characters by which prefixes are filed."""

_COMMON = 0.3
"""The share of articles that a key is taken to lead to of which nothing is known."""


class _Words:
    """The places of each term in some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.places: dict[str, list[int]] = {}
        start = 0
        for text in texts:
            found = terms(text)
            for place, term in enumerate(found, start):
                self.places.setdefault(term, []).append(place)
            start += len(found) + _APART
        self._sorted: list[str] | None = None

    def beginning(self, prefix: str) -> Iterator[str]:
        """The terms that begin so."""
        if self._sorted is None:
            self._sorted = sorted(self.places)
        for place in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[place].startswith(prefix):
                return
            yield self._sorted[place]


def mark(field: str, value: str) -> str:
    """How an article's marks have a field's value, which no term can be."""
    return f"{field}\0{value}"


class Article:
    """A document, made ready to be matched. `story` is the one that it belongs to; `marks` are its
    terms and its fields' values."""

    def __init__(self, document: Document, story: str | None = None) -> None:
        self.document = document
        self.text = _Words(str(document.get(name, "")) for name in TEXT_FIELDS)
        quotations: Sequence[Mapping[str, Any]] = document.get("quotations") or ()
        self.quoted = _Words(str(one["text"]) for one in quotations)
        self.values: dict[str, frozenset[str]] = {}
        for field in _FIELDS:
            value = story if field == "story" else document.get(field)
            values = [value] if isinstance(value, str) else value or ()
            self.values[field] = frozenset(values)
        self.marks = frozenset(
            (
                *self.text.places,
                *(mark(it, one) for it, all_ in self.values.items() for one in all_),
            )
        )
        self.dyads = {
            (one["holder"], one["target"]): float(one["score"])
            for one in document.get("dyads") or ()
        }

    def all_keys(self) -> Iterator[str]:
        """All keys that lead to subscriptions; each once."""
        yield from self.text.places
        begun = {term[:n] for term in self.text.places for n in range(1, _BEGINNING + 1)}
        yield from (f"^{beginning}" for beginning in begun)
        for field, values in self.values.items():
            if values:
                yield f"{field}:"
                yield from (mark(field, value) for value in values)
        if self.quoted.places:
            yield "quote:"
            yield from (f"quote:{term}" for term in self.quoted.places)
        yield from (f"dyads:{holder}>{target}" for holder, target in self.dyads)
        for name, field_ in BY_NAME.items():
            if field_.kind in (Kind.DATE, Kind.LONG, Kind.DOUBLE) and name in self.document:
                yield f"{name}:"


class Matcher:
    """The subscriptions, by id, with their expressions. Used from one thread.

    Subscriptions with equal expressions are one *group*; groups have numbers, since an expression's
    hash is a walk over all of it.
    """

    def __init__(self) -> None:
        self._numbers: dict[Expression, int] = {}
        self._groups: dict[int, set[str]] = {}
        self._tests: list[Test] = []
        self._by_key: dict[str, set[int]] = {}
        self._always: set[int] = set()
        self._of: dict[str, Expression] = {}

    def __len__(self) -> int:
        return len(self._of)

    def add(self, id: str, expression: Expression) -> None:
        """Add a subscription, or give one another expression."""
        self.remove(id)
        self._of[id] = expression
        number = self._numbers.get(expression)
        if number is not None:
            self._groups[number].add(id)
            return
        number = self._numbers[expression] = len(self._tests)
        self._tests.append(compiled(expression))
        self._groups[number] = {id}
        keys = required_keys(expression)
        if keys is None:
            self._always.add(number)
        for key in keys or ():
            self._by_key.setdefault(key, set()).add(number)

    def remove(self, id: str) -> None:
        """Forget a subscription; one that isn't there is forgotten already."""
        expression = self._of.pop(id, None)
        if expression is None:
            return
        number = self._numbers[expression]
        self._groups[number].discard(id)
        if self._groups[number]:
            return
        del self._numbers[expression], self._groups[number]
        self._tests[number] = _nothing  # so that the others keep their places
        self._always.discard(number)
        for key in required_keys(expression) or ():
            filed = self._by_key[key]
            filed.discard(number)
            if not filed:
                del self._by_key[key]

    def match(self, article: Article) -> list[str]:
        """The ids of the subscriptions that the article matches, in order."""
        candidates = set(self._always)
        for key in article.all_keys():
            if key in self._by_key:
                candidates |= self._by_key[key]
        tests = self._tests
        found = [number for number in candidates if tests[number](article)]
        return sorted(id for number in found for id in self._groups[number])


def _nothing(article: Article) -> bool:
    return False


def required_keys(expression: Expression) -> frozenset[str] | None:
    """Keys of which an article must have one to match; None where there are no such keys."""
    return _keyed(expression)[0]


def _keyed(expression: Expression) -> tuple[frozenset[str] | None, float]:
    """The keys, and the share of articles that they may lead to."""
    match expression:
        case Phrase(found, prefix, where):
            whole = found[:-1] if prefix else found
            if whole:
                rarest = min(whole, key=share)
                return frozenset((f"quote:{rarest}" if where else rarest,)), share(rarest)
            if where:
                return frozenset(("quote:",)), _COMMON
            return frozenset((f"^{found[-1][:_BEGINNING]}",)), _COMMON
        case Near(found, _, where):
            rarest = min(found, key=share)
            return frozenset((f"quote:{rarest}" if where else rarest,)), share(rarest)
        case Has(field, values, prefix):
            if prefix:
                return frozenset((f"{field}:",)), 1.0
            return frozenset(mark(field, value) for value in values), _COMMON * len(values)
        case Between(field):
            return frozenset((f"{field}:",)), 1.0
        case DyadWithin(holder, target):
            return frozenset((f"dyads:{holder}>{target}",)), _COMMON
        case NotThis():
            return None, 1.0
        case AllOf(parts):
            return min((_keyed(part) for part in parts), key=lambda one: (one[0] is None, one[1]))
        case AnyOf(parts):
            each = [_keyed(part) for part in parts]
            keys: set[str] = set()
            for found_, _ in each:
                if found_ is None:
                    return None, 1.0
                keys |= found_
            return frozenset(keys), min(1.0, sum(cost for _, cost in each))
    raise TypeError(expression)  # pragma: no cover


def compiled(expression: Expression) -> Test:
    """A function that says whether an article matches."""
    match expression:
        case Phrase(found, prefix, where):
            return _phrase(found, bool(where), prefix=prefix)
        case Near(found, gaps, where):
            return lambda article: _near(_words(article, bool(where)), found, gaps)
        case Has(field, values, False):
            return _any(frozenset(mark(field, value) for value in values), [])
        case Has(field, values, True):
            return lambda article: any(one.startswith(values) for one in article.values[field])
        case Between():
            return _between(expression)
        case DyadWithin(holder, target, low, high, low_within, high_within):
            return lambda article: _is_within(
                article.dyads.get((holder, target)), low, high, low_within, high_within
            )
        case NotThis(part):
            test = compiled(part)
            return lambda article: not test(article)
        case AllOf(parts):
            return _all(*_split(parts))
        case AnyOf(parts):
            return _any(*_split(parts))
    raise TypeError(expression)  # pragma: no cover


def _split(parts: Iterable[Expression]) -> tuple[frozenset[str], list[Test]]:
    """The parts that ask for one mark each, as one set, and the tests of the others."""
    words: set[str] = set()
    tests = []
    for part in parts:
        match part:
            case Phrase((term,), False, ""):
                words.add(term)
            case Has(field, (value,), False):
                words.add(mark(field, value))
            case _:
                tests.append(compiled(part))
    return frozenset(words), tests


def _all(words: frozenset[str], tests: Sequence[Test]) -> Test:
    if not tests:
        return lambda article: words <= article.marks
    if len(tests) == 1:
        (only,) = tests
        return lambda article: words <= article.marks and only(article)
    return lambda article: words <= article.marks and all(test(article) for test in tests)


def _any(words: frozenset[str], tests: Sequence[Test]) -> Test:
    if not tests:
        return lambda article: not words.isdisjoint(article.marks)
    return lambda article: (
        not words.isdisjoint(article.marks) or any(test(article) for test in tests)
    )


def _words(article: Article, quoted: bool) -> _Words:
    return article.quoted if quoted else article.text


def _phrase(found: tuple[str, ...], quoted: bool, *, prefix: bool) -> Test:
    if len(found) == 1 and not prefix:
        (term,) = found
        if quoted:
            return lambda article: term in article.quoted.places
        return lambda article: term in article.marks
    if len(found) == 1:
        return lambda article: any(_words(article, quoted).beginning(found[0]))
    whole, last = found[:-1], found[-1]

    def test(article: Article) -> bool:
        words = _words(article, quoted)
        places = words.places
        if not all(term in places for term in whole):
            return False
        ends = list(words.beginning(last)) if prefix else [last] if last in places else []
        starts = set(places[whole[0]])
        for offset, term in enumerate(whole[1:], 1):
            starts &= {place - offset for place in places[term]}
        return any(place - len(whole) in starts for end in ends for place in places[end])

    return test


def _near(words: _Words, found: tuple[str, ...], gaps: int) -> bool:
    """Whether some window holds all terms and no more than so many other words."""
    places = words.places
    if not all(term in places for term in found):
        return False
    everywhere = sorted((place, term) for term in found for place in places[term])
    last: dict[str, int] = {}
    for place, term in everywhere:
        last[term] = place
        if len(last) == len(found) and place - min(last.values()) + 1 - len(found) <= gaps:
            return True
    return False


def _between(wanted: Between) -> Test:
    def test(article: Article) -> bool:
        value = article.document.get(wanted.field)
        return _is_within(value, wanted.low, wanted.high, wanted.low_within, wanted.high_within)

    return test


def _is_within(value: Any, low: Any, high: Any, low_within: bool, high_within: bool) -> bool:
    if value is None:
        return False
    above = low is None or value > low or (low_within and value == low)
    below = high is None or value < high or (high_within and value == high)
    return above and below
