"""The text part of a query, parsed (by luqum, so in Lucene's syntax) into what a store evaluates.

Words, "phrases", "words near"~5 each other, prefixes*, AND (also where nothing stands between
two parts), OR, NOT, a leading + or -, parentheses, and `field:value` (`store.queryfields` has the
fields, and what may be asked of each). What Lucene knows beyond that is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from detente.errors import ConfigError
from detente.store.analysis import terms, words
from detente.store.queryfields import Between, DyadWithin, Has, comparisons, condition


@dataclass(frozen=True, slots=True)
class Phrase:
    """These terms, one after the other; the last one may be a prefix. `where` is empty for title
    and body, or `quote` for what is quoted."""

    terms: tuple[str, ...]
    prefix: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """These terms, no two alike, in any order, with so many other words between them at most."""

    terms: tuple[str, ...]
    gaps: int
    where: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class NotThis:
    part: Expression


Expression = Phrase | Near | Has | Between | DyadWithin | AllOf | AnyOf | NotThis

LONGEST = 10_000
"""Characters of a query that are read: the time for it grows faster than its length."""

MOST = 500
"""Words and phrases in one query; the stores' engines end at about a thousand."""

DEEPEST = 20
"""Parts within parts, which the engines keep on a stack."""

MOST_GAPS = 100
"""Words that may stand between those that are near each other."""

_HINT = (
    'words, "phrases", prefixes*, field:value, AND, OR, NOT and parentheses are what a search knows'
)
_TOO_DEEP = f"search: too many parts within parts; {_HINT}"


def parse_expression(text: str) -> Expression | None:
    """The expression of a query text; None where it asks for nothing.

    Raises ConfigError that says what can't be read, and where; also for one that no engine bears.
    """
    if not text.strip():
        return None
    if len(text) > LONGEST:
        raise ConfigError(f"search: {len(text):,} characters, at most {LONGEST:,} can be read")
    # luqum's parser tables are built on import: only who searches pays for them.
    from luqum import tree
    from luqum.exceptions import ParseError
    from luqum.thread import parse

    try:
        parsed = parse(comparisons(text))
    except ParseError as error:
        message = str(error).replace("Syntax error in input : ", "")
        raise ConfigError(f"search: {text!r}: {message}; {_HINT}") from None

    joined: dict[type, Callable[[tuple[Expression, ...]], Expression]] = {
        tree.AndOperation: AllOf,
        tree.UnknownOperation: AllOf,
        tree.OrOperation: AnyOf,
    }

    def convert(node: tree.Item, where: str = "") -> Expression | None:
        if type(node) in joined:
            converted = (convert(child, where) for child in node.children)
            parts = tuple(part for part in converted if part is not None)
            return joined[type(node)](parts) if len(parts) > 1 else (parts or (None,))[0]
        if isinstance(node, tree.Not | tree.Prohibit):
            part = convert(node.children[0], where)
            return None if part is None else NotThis(part)
        if isinstance(node, tree.Group | tree.Plus | tree.FieldGroup):
            return convert(node.children[0], where)
        if isinstance(node, tree.SearchField) and not where:
            return convert(node.children[0], node.name)
        if where not in ("", "quote"):
            return condition(where, _asked(node, where), node.pos)
        if isinstance(node, tree.Phrase):
            return _phrase(node.value[1:-1], where)
        if isinstance(node, tree.Proximity):
            return _near(node, where)
        if isinstance(node, tree.Word):
            return _word(node.value, node.pos, where)
        raise _unknown(node)

    try:
        expression = convert(parsed)
    except RecursionError:
        raise ConfigError(_TOO_DEEP) from None
    if expression is not None and _size(expression) > MOST:
        raise ConfigError(f"search: more than {MOST} words and phrases")
    return expression


def _unknown(node: Any) -> ConfigError:
    kind = re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()
    said = f"a {kind} ({node}) at position {node.pos} can't be searched here"
    return ConfigError(f"search: {said}; {_HINT}")


def _asked(node: Any, where: str) -> tuple[str, ...] | tuple[str, bool, str, bool]:
    """What stands behind a field's name: one value, or a range's ends, each with whether it is
    within."""
    from luqum import tree

    if isinstance(node, tree.Phrase):
        return (node.value[1:-1],)
    if isinstance(node, tree.Word):
        return (re.sub(r"\\(.)", r"\1", node.value),)
    if isinstance(node, tree.Range):
        low, high = (str(end).strip().strip('"') for end in (node.low, node.high))
        return low, node.include_low, high, node.include_high
    if isinstance(node, tree.From):
        return str(node.children[0]).strip(), node.include, "*", True
    if isinstance(node, tree.To):
        return "*", True, str(node.children[0]).strip(), node.include
    raise _unknown(node)


def _near(node: Any, where: str) -> Expression | None:
    found = tuple(dict.fromkeys(terms(node.term.value[1:-1])))
    if len(found) < 2:
        return _phrase(node.term.value[1:-1], where)
    gaps = int(node.degree)
    if not 0 <= gaps <= MOST_GAPS:
        at = f"at position {node.pos}"
        raise ConfigError(f"search: {node} {at}: ~0 to ~{MOST_GAPS} words may stand between")
    return Near(found, gaps, where)


def _size(expression: Expression, depth: int = 1) -> int:
    """How many words and phrases there are. Raises ConfigError where they stand too deep."""
    if depth > DEEPEST:
        raise ConfigError(_TOO_DEEP)
    match expression:
        case Phrase() | Near() | Has() | Between() | DyadWithin():
            return 1
        case NotThis(part):
            return _size(part, depth + 1)
        case AllOf(parts) | AnyOf(parts):
            return sum(_size(part, depth + 1) for part in parts)


def _phrase(text: str, field: str) -> Expression | None:
    found = terms(text)
    return Phrase(tuple(found), where=field) if found else None


def _word(text: str, place: int, field: str) -> Expression | None:
    where = f"search: {text!r} at position {place}"
    if text in ("&&", "||") or text.startswith("!"):
        # The parser takes Lucene's other spellings for words: the search would mean the opposite.
        raise ConfigError(f"{where}: write AND, OR or NOT; {_HINT}")
    stem = re.sub(r"(?<!\\)\*+$", "", text)
    if re.search(r"(?<!\\)[*?]", stem):
        raise ConfigError(f"{where}: a * may only end a word; {_HINT}")
    if stem == text:
        return _phrase(re.sub(r"\\(.)", r"\1", text), field)
    # A prefix is compared with stems as it stands: stemming half a word would miss its whole. A
    # whole word, as in "sanctions*", may be longer than its stem: that one is asked for as well.
    parts = words(stem)
    if not parts:
        return None
    *before, last = terms(stem)
    begun = Phrase((*before, parts[-1]), True, field)
    return begun if last == parts[-1] else AnyOf((begun, Phrase((*before, last), where=field)))
