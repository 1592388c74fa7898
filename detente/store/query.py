"""What every store checks of a query before it is put to an engine, so that all refuse alike."""

from __future__ import annotations

import base64
import binascii

import msgspec

from detente.errors import ConfigError
from detente.store.base import Query
from detente.store.expression import AllOf, AnyOf, Expression, Near, NotThis, Phrase
from detente.store.fields import BY_NAME, Kind
from detente.store.queryfields import Has

_RANGES = (Kind.DATE, Kind.LONG, Kind.DOUBLE)


def check_query(query: Query) -> None:
    """Raises ConfigError for a condition on a field that can't bear it."""
    if _kind(query.order) is not Kind.DATE:
        raise ConfigError(f"search: can't be ordered by {query.order!r}, which is no date")
    for name in query.terms:
        if _kind(name) not in (Kind.KEYWORD, Kind.KEYWORDS):
            raise ConfigError(f"search: {name!r} is no keyword field")
    for name in query.prefixes:
        if _kind(name) is not Kind.KEYWORD:
            raise ConfigError(f"search: {name!r} is no keyword field of one value")
    for name in query.ranges:
        if _kind(name) not in _RANGES:
            raise ConfigError(f"search: {name!r} is no date or number field")


def refuse_what_no_store_has(expression: Expression) -> None:
    """Raises ConfigError for what only a subscription can ask: what is quoted, and stories."""
    match expression:
        case Phrase(where="quote") | Near(where="quote"):
            raise ConfigError("search: quote: is known to subscriptions only; ask for the words")
        case Has("story"):
            raise ConfigError("search: story: is known to subscriptions only")
        case NotThis(part):
            refuse_what_no_store_has(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                refuse_what_no_store_has(part)


def check_count(by: str) -> Kind:
    """The kind of a field that can be counted by. Raises ConfigError for another one."""
    kind = _kind(by)
    if kind not in (Kind.KEYWORD, Kind.KEYWORDS, Kind.DATE):
        raise ConfigError(f"count: {by!r} is no keyword and no date field")
    return kind


def check_measure(field: str) -> None:
    """Raises ConfigError for a field that is no number."""
    if _kind(field) not in (Kind.LONG, Kind.DOUBLE):
        raise ConfigError(f"measure: {field!r} is no number field")


def encode_cursor(date: str, id: str) -> str:
    """Where a page ended: the date it is ordered by (empty where there is none) and the id."""
    return base64.urlsafe_b64encode(msgspec.json.encode([date, id])).decode()


def decode_cursor(cursor: str) -> tuple[str, str]:
    """Date and id of `encode_cursor`. Raises ConfigError for anything else."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[str, str])
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise ConfigError(f"search: {cursor!r} is no place to go on from") from None


def _kind(name: str) -> Kind | None:
    return BY_NAME[name].kind if name in BY_NAME else None
