"""The tables of the embedded store, and the rows that a document has in them.

`documents` has each document whole, as JSON; `facts` its fields of one value, `labels` those of
several, `scores` its dyads', `words` its terms. Filters, orders and counts read the narrow tables
only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from detente.store.analysis import term_text
from detente.store.fields import FIELDS, TEXT_FIELDS, Kind

LAYOUT = 6
"""Raised with every change of the tables below, or of the terms in them (`store.analysis`): an
older file is then refused, not misread."""

TABLES = ("documents", "facts", "labels", "scores", "words")

_TYPES: Mapping[Kind, str] = {
    Kind.KEYWORD: "TEXT",
    Kind.DATE: "TEXT",
    Kind.LONG: "INTEGER",
    Kind.DOUBLE: "REAL",
    Kind.BOOLEAN: "INTEGER",
}
_FACTS = tuple(field.name for field in FIELDS if field.kind in _TYPES)
LABELS = tuple(field.name for field in FIELDS if field.kind is Kind.KEYWORDS)
"""Fields of several values."""

ORDERS = ("first_seen", "published", "collected", "assessed")
FACETED = ("source", "country", "kind", "language", "relevance")
"""Fields of few values that are counted together."""

_INDEXES: Mapping[str, tuple[str, ...]] = {
    "by_id": ("id",),
    "by_url": ("url",),
    # Charts and facets are counted from these alone, a tenth of the table.
    "faceted": (*FACETED, "first_seen", "published"),
    "charted": ("relevance", "published", "first_toward_second", "second_toward_first"),
    "dated": ("published", "relevance"),
    "seen": ("first_seen", "relevance"),
}


def order_by(name: str) -> str:
    """A date field as it is ordered by: newest first, those without it last, ties by id."""
    return f"coalesce({name}, '') DESC, id"


def create(db: sqlite3.Connection) -> None:
    """Make what isn't there yet; says in the file which layout it has."""
    for statement in _schema():
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {LAYOUT}")


def _schema() -> Iterator[str]:
    yield """
        CREATE TABLE IF NOT EXISTS documents (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL,
            document TEXT NOT NULL)
        """
    columns = ", ".join(f"{f.name} {_TYPES[f.kind]}" for f in FIELDS if f.kind in _TYPES)
    yield f"CREATE TABLE IF NOT EXISTS facts (number INTEGER PRIMARY KEY, {columns})"
    for name in ORDERS:
        yield f"CREATE INDEX IF NOT EXISTS by_{name} ON facts ({order_by(name)})"
    for name, fields in _INDEXES.items():
        yield f"CREATE INDEX IF NOT EXISTS {name} ON facts ({', '.join(fields)})"
    yield """
        CREATE TABLE IF NOT EXISTS labels (
            field TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL,
            PRIMARY KEY (field, value, number)) WITHOUT ROWID
        """
    yield "CREATE INDEX IF NOT EXISTS labels_of ON labels (number, field, value)"
    yield """
        CREATE TABLE IF NOT EXISTS scores (
            holder TEXT NOT NULL, target TEXT NOT NULL, score REAL NOT NULL,
            number INTEGER NOT NULL, PRIMARY KEY (holder, target, score, number)) WITHOUT ROWID
        """
    # What is indexed is already terms: cut at spaces, and nothing else.
    yield f"""
        CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
            {", ".join(TEXT_FIELDS)}, content='', tokenize="ascii tokenchars '''._:;,'")
        """


def index(db: sqlite3.Connection, number: int, document: Mapping[str, Any]) -> None:
    """Write all but the document itself."""
    marks = ", ".join("?" * (len(_FACTS) + 1))
    facts = (number, *(document.get(name) for name in _FACTS))
    db.execute(f"INSERT INTO facts (number, {', '.join(_FACTS)}) VALUES ({marks})", facts)
    db.executemany("INSERT INTO labels VALUES (?, ?, ?)", _labels(number, document))
    db.executemany("INSERT INTO scores VALUES (?, ?, ?, ?)", _scores(number, document))
    names, marks = ", ".join(TEXT_FIELDS), ", ".join("?" * len(TEXT_FIELDS))
    db.execute(f"INSERT INTO words (rowid, {names}) VALUES (?, {marks})", _words(number, document))


def unindex(db: sqlite3.Connection, number: int, document: Mapping[str, Any]) -> None:
    """Take away what `index` wrote of this very document."""
    db.execute("DELETE FROM facts WHERE number = ?", (number,))
    db.executemany(
        "DELETE FROM labels WHERE field = ? AND value = ? AND number = ?",
        _labels(number, document),
    )
    db.executemany(
        "DELETE FROM scores WHERE holder = ? AND target = ? AND score = ? AND number = ?",
        _scores(number, document),
    )
    names, marks = ", ".join(TEXT_FIELDS), ", ".join("?" * len(TEXT_FIELDS))
    db.execute(
        f"INSERT INTO words (words, rowid, {names}) VALUES ('delete', ?, {marks})",
        _words(number, document),
    )


def _labels(number: int, document: Mapping[str, Any]) -> set[tuple[str, str, int]]:
    return {(name, value, number) for name in LABELS for value in document.get(name, ())}


def _scores(number: int, document: Mapping[str, Any]) -> set[tuple[str, str, float, int]]:
    return {
        (one["holder"], one["target"], float(one["score"]), number)
        for one in document.get("dyads", ())
    }


def _words(number: int, document: Mapping[str, Any]) -> tuple[Any, ...]:
    return (number, *(term_text(document[name]) for name in TEXT_FIELDS))
