"""A `Query` in Elasticsearch's query language: what the SQLite store says in SQL."""

from __future__ import annotations

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
from detente.store.fields import date_text
from detente.store.mapping import WORDS
from detente.store.query import check_query, decode_cursor, refuse_what_no_store_has
from detente.store.queryfields import Between, DyadWithin, Has

Clause = dict[str, Any]

_LONGEST_TOKEN = 255
"""Elasticsearch's tokenizers cut longer ones in two."""


def clauses(query: Query) -> list[Clause]:
    """The conditions of a query, all of which must hold. Raises ConfigError."""
    check_query(query)
    conditions: list[Clause] = []
    if (expression := parse_expression(query.text)) is not None:
        refuse_what_no_store_has(expression)
        conditions.append(_matching(expression))
    conditions += [{"terms": {name: list(wanted)}} for name, wanted in query.terms.items()]
    conditions += [
        {"prefix": {name: {"value": beginning}}} for name, beginning in query.prefixes.items()
    ]
    conditions += [
        {"range": {name: within}}
        for name, limits in query.ranges.items()
        if (within := _within(limits))
    ]
    return conditions


def all_of(conditions: list[Clause]) -> Clause:
    return {"bool": {"filter": conditions}} if conditions else {"match_all": {}}


def beyond(order: str, cursor: str) -> Clause:
    """What comes after the place where a page ended: newest first, those without that date last,
    ties by id. Raises ConfigError."""
    date, id = decode_cursor(cursor)
    later_id: Clause = {"range": {"id": {"gt": id}}}
    undated: Clause = {"bool": {"must_not": [{"exists": {"field": order}}]}}
    if not date:
        return all_of([undated, later_id])
    same_date: Clause = {"range": {order: {"gte": date, "lte": date}}}
    older: Clause = {"range": {order: {"lt": date}}}
    return _any([older, all_of([same_date, later_id]), undated])


def sort(order: str) -> list[Clause]:
    return [{order: {"order": "desc", "missing": "_last"}}, {"id": {"order": "asc"}}]


def _matching(expression: Expression) -> Clause:
    match expression:
        case Phrase((term,), prefix) if len(term) <= _LONGEST_TOKEN:
            return {"prefix" if prefix else "term": {WORDS: {"value": term}}}
        case Phrase(terms, False):
            phrase = {"query": " ".join(terms), "analyzer": "whitespace"}
            return {"match_phrase": {WORDS: phrase}}
        case Phrase((*whole, begun), True):
            # Not match_phrase_prefix: that looks at the first fifty words with this beginning only.
            parts: list[Clause] = [
                {"match": {"query": term, "analyzer": "whitespace"}} for term in whole
            ]
            parts.append({"prefix": {"prefix": begun}})
            ordered = {"intervals": parts, "ordered": True, "max_gaps": 0}
            return {"intervals": {WORDS: {"all_of": ordered}}}
        case Near(terms, gaps):
            each = [{"match": {"query": term, "analyzer": "whitespace"}} for term in terms]
            near = {"intervals": each, "ordered": False, "max_gaps": gaps}
            return {"intervals": {WORDS: {"all_of": near}}}
        case Has(field, values, False):
            return {"terms": {field: list(values)}}
        case Has(field, values, True):
            return _any([{"prefix": {field: {"value": value}}} for value in values])
        case Between(field, low, high, low_within, high_within):
            return {"range": {field: _ends(low, high, low_within, high_within)}}
        case DyadWithin(holder, target, low, high, low_within, high_within):
            sides = [{"term": {"dyads.holder": holder}}, {"term": {"dyads.target": target}}]
            score = {"range": {"dyads.score": _ends(low, high, low_within, high_within)}}
            return {"nested": {"path": "dyads", "query": all_of([*sides, score])}}
        case NotThis(part):
            return {"bool": {"must_not": [_matching(part)]}}
        case AllOf(parts_):
            return all_of([_matching(part) for part in parts_])
        case AnyOf(parts_):
            return _any([_matching(part) for part in parts_])
    raise TypeError(expression)  # pragma: no cover


def _ends(
    low: float | str | None, high: float | str | None, low_within: bool, high_within: bool
) -> Clause:
    ends = {"gte" if low_within else "gt": low, "lte" if high_within else "lt": high}
    return {sign: end for sign, end in ends.items() if end is not None}


def _any(conditions: list[Clause]) -> Clause:
    return {"bool": {"should": conditions, "minimum_should_match": 1}}


def _within(limits: Range) -> Clause:
    sides = {"gte": limits.start, "lt": limits.end}
    return {
        sign: date_text(limit) if isinstance(limit, datetime) else limit
        for sign, limit in sides.items()
        if limit is not None
    }
