"""A `Query` as SQL over the embedded store's tables: what `store.dsl` says to Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from detente.store.base import Query, Range
from detente.store.expression import (
    AllOf,
    AnyOf,
    Expression,
    Near,
    NotThis,
    Phrase,
    parse_expression,
)
from detente.store.fields import BY_NAME, Kind, date_text
from detente.store.query import check_query, refuse_what_no_store_has
from detente.store.queryfields import Between, DyadWithin, Has

Sql = tuple[str, list[Any]]

_LAST = "\U0010ffff"
_WORDS = "number IN (SELECT rowid FROM words WHERE words MATCH ?)"


def where(query: Query) -> Sql:
    """The conditions of a query over `facts`, with their values. Raises ConfigError."""
    check_query(query)
    conditions, values = ["1"], []
    if (expression := parse_expression(query.text)) is not None:
        refuse_what_no_store_has(expression)
        sql, matches = _matching(expression)
        conditions.append(sql)
        values += matches
    for name, wanted in query.terms.items():
        sql, matches = _having(name, wanted, prefix=False)
        conditions.append(sql)
        values += matches
    for name, beginning in query.prefixes.items():
        # Not LIKE, which folds case; and a range can use an index.
        conditions.append(f"{name} >= ? AND {name} < ?")
        values += [beginning, beginning + _LAST]
    for name, limits in query.ranges.items():
        conditions += _within(name, limits, values)
    return " AND ".join(conditions), values


def _matching(expression: Expression) -> Sql:
    match expression:
        case Phrase(found, prefix):
            quoted = '"' + " ".join(found).replace('"', '""') + '"'
            return _WORDS, [quoted + ("*" if prefix else "")]
        case Near(found, gaps):
            quoted = " ".join('"' + term.replace('"', '""') + '"' for term in found)
            # FTS5 counts the words between the first and the last one, those looked for among them.
            return _WORDS, [f"NEAR({quoted}, {gaps + len(found) - 2})"]
        case Has(name, wanted, prefix):
            return _having(name, wanted, prefix=prefix)
        case Between(name, low, high, low_within, high_within):
            return _ends(name, low, high, low_within, high_within)
        case DyadWithin(holder, target, low, high, low_within, high_within):
            within, values = _ends("score", low, high, low_within, high_within)
            scores = f"SELECT number FROM scores WHERE holder = ? AND target = ? AND {within}"
            return f"number IN ({scores})", [holder, target, *values]
        case NotThis(part):
            sql, values = _matching(part)
            # Where the field is missing, neither would hold in SQL's logic of three values.
            return f"NOT coalesce({sql}, 0)", values
        case AllOf(parts) | AnyOf(parts):
            converted = [_matching(part) for part in parts]
            joint = " AND " if isinstance(expression, AllOf) else " OR "
            joined = joint.join(sql for sql, _ in converted)
            return f"({joined})", [value for _, values in converted for value in values]


def _having(name: str, wanted: Sequence[str], *, prefix: bool) -> Sql:
    if not wanted:
        return "0", []
    single = BY_NAME[name].kind is Kind.KEYWORD
    column = name if single else "value"
    if prefix:
        begins = " OR ".join(f"({column} >= ? AND {column} < ?)" for _ in wanted)
        found, values = f"({begins})", [end for one in wanted for end in (one, one + _LAST)]
    else:
        found, values = f"{column} IN ({', '.join('?' * len(wanted))})", list(wanted)
    if single:
        return found, values
    return f"number IN (SELECT number FROM labels WHERE field = ? AND {found})", [name, *values]


def _ends(
    column: str,
    low: float | str | None,
    high: float | str | None,
    low_within: bool,
    high_within: bool,
) -> Sql:
    conditions, values = [f"{column} IS NOT NULL"], []
    for end, sign in ((low, ">=" if low_within else ">"), (high, "<=" if high_within else "<")):
        if end is not None:
            conditions.append(f"{column} {sign} ?")
            values.append(end)
    return f"({' AND '.join(conditions)})", values


def _within(name: str, limits: Range, values: list[Any]) -> Iterator[str]:
    for sign, limit in ((">=", limits.start), ("<", limits.end)):
        if limit is not None:
            values.append(date_text(limit) if isinstance(limit, datetime) else limit)
            yield f"{name} {sign} ?"
