"""The text part of a query, parsed (by luqum, so in Lucene's syntax) into what a store evaluates.

Words, "phrases" and prefixes*, AND (also where nothing stands between two parts), OR, NOT, a
leading + or -, and parentheses. What Lucene knows beyond that is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from detente.errors import ConfigError
from detente.store.analysis import terms, words


@dataclass(frozen=True, slots=True)
class Phrase:
    """These terms, one after the other; the last one may be a prefix."""

    terms: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class NotThis:
    part: Expression


Expression = Phrase | AllOf | AnyOf | NotThis

LONGEST = 10_000
"""Characters of a query that are read: the time for it grows faster than its length."""

MOST = 500
"""Words and phrases in one query; the stores' engines end at about a thousand."""

DEEPEST = 20
"""Parts within parts, which the engines keep on a stack."""

_HINT = 'words, "phrases", prefixes*, AND, OR, NOT and parentheses are what a search knows'
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
        parsed = parse(text)
    except ParseError as error:
        message = str(error).replace("Syntax error in input : ", "")
        raise ConfigError(f"search: {text!r}: {message}; {_HINT}") from None

    joined: dict[type, Callable[[tuple[Expression, ...]], Expression]] = {
        tree.AndOperation: AllOf,
        tree.UnknownOperation: AllOf,
        tree.OrOperation: AnyOf,
    }

    def convert(node: tree.Item) -> Expression | None:
        if type(node) in joined:
            parts = tuple(part for part in map(convert, node.children) if part is not None)
            return joined[type(node)](parts) if len(parts) > 1 else (parts or (None,))[0]
        if isinstance(node, tree.Not | tree.Prohibit):
            part = convert(node.children[0])
            return None if part is None else NotThis(part)
        if isinstance(node, tree.Group | tree.Plus):
            return convert(node.children[0])
        if isinstance(node, tree.Phrase):
            return _phrase(node.value[1:-1])
        if isinstance(node, tree.Word):
            return _word(node.value, node.pos)
        kind = re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()
        said = f"a {kind} ({node}) at position {node.pos} can't be searched here"
        raise ConfigError(f"search: {said}; {_HINT}")

    try:
        expression = convert(parsed)
    except RecursionError:
        raise ConfigError(_TOO_DEEP) from None
    if expression is not None and _size(expression) > MOST:
        raise ConfigError(f"search: more than {MOST} words and phrases")
    return expression


def _size(expression: Expression, depth: int = 1) -> int:
    """How many words and phrases there are. Raises ConfigError where they stand too deep."""
    if depth > DEEPEST:
        raise ConfigError(_TOO_DEEP)
    match expression:
        case Phrase():
            return 1
        case NotThis(part):
            return _size(part, depth + 1)
        case AllOf(parts) | AnyOf(parts):
            return sum(_size(part, depth + 1) for part in parts)


def _phrase(text: str) -> Expression | None:
    found = terms(text)
    return Phrase(tuple(found)) if found else None


def _word(text: str, place: int) -> Expression | None:
    where = f"search: {text!r} at position {place}"
    if text in ("&&", "||") or text.startswith("!"):
        # The parser takes Lucene's other spellings for words: the search would mean the opposite.
        raise ConfigError(f"{where}: write AND, OR or NOT; {_HINT}")
    stem = re.sub(r"(?<!\\)\*+$", "", text)
    if re.search(r"(?<!\\)[*?]", stem):
        raise ConfigError(f"{where}: a * may only end a word; {_HINT}")
    if stem == text:
        return _phrase(re.sub(r"\\(.)", r"\1", text))
    # A prefix is compared with stems as it stands: stemming half a word would miss its whole. A
    # whole word, as in "sanctions*", may be longer than its stem: that one is asked for as well.
    parts = words(stem)
    if not parts:
        return None
    *before, last = terms(stem)
    begun = Phrase((*before, parts[-1]), prefix=True)
    return begun if last == parts[-1] else AnyOf((begun, Phrase((*before, last))))
