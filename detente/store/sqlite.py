"""The embedded article store: documents as JSON, generated columns for filters, FTS5 for words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from detente.errors import ConfigError, StoreUnavailable
from detente.sqlite import connect, database_path, driver_errors_as, transaction
from detente.store.analysis import term_text
from detente.store.base import (
    Bucket,
    Change,
    Document,
    OnProgress,
    Page,
    Query,
    Range,
    WriteOutcome,
)
from detente.store.changes import BATCH, change_what_came_meanwhile, differing
from detente.store.expression import (
    AllOf,
    AnyOf,
    Expression,
    Near,
    NotThis,
    Phrase,
    parse_expression,
)
from detente.store.fields import (
    BY_NAME,
    FIELDS,
    TEXT_FIELDS,
    Kind,
    UnfitDocument,
    date_text,
    encoded,
)
from detente.store.query import (
    check_count,
    check_query,
    decode_cursor,
    encode_cursor,
    refuse_what_no_store_has,
)
from detente.store.queryfields import Between, DyadWithin, Has

_SINGLE = (Kind.KEYWORD, Kind.DATE, Kind.LONG, Kind.DOUBLE, Kind.BOOLEAN)
_COLUMNS = tuple(field.name for field in FIELDS if field.kind in _SINGLE)
_INDEXED = ("first_seen", "published", "relevance", "source", "url")
_BATCH_AFTER = "SELECT number, document FROM documents WHERE number > ? ORDER BY number LIMIT ?"
_LAST = "\U0010ffff"
_LAYOUT = 5
"""Raised with every change of the tables below, or of the terms in them (`store.analysis`): an
older file is then refused, not misread."""


def _schema() -> Iterator[str]:
    columns = ", ".join(
        f"{name} GENERATED ALWAYS AS (json_extract(document, '$.{name}')) VIRTUAL"
        for name in _COLUMNS
        if name not in ("id", "revision")
    )
    yield f"""
        CREATE TABLE IF NOT EXISTS documents (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL,
            document TEXT NOT NULL, {columns})
        """
    for name in _INDEXED:
        yield f"CREATE INDEX IF NOT EXISTS by_{name} ON documents ({name}, id)"
    # What is indexed is already terms: cut at spaces, and nothing else.
    yield f"""
        CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
            {", ".join(TEXT_FIELDS)}, content='', tokenize="ascii tokenchars '''._:;,'")
        """


class SqliteStore:
    """See `detente.store.base.ArticleStore`."""

    def __init__(self, url: str) -> None:
        self._path = database_path(url)
        self._lock = Lock()
        self._connection = connect(self._path)

    def check(self) -> None:
        self.prepare()  # an embedded store needs nobody to set it up

    def prepare(self) -> list[str]:
        with self._reaching(), self._lock:
            layout = self._layout()
            if layout not in (0, _LAYOUT):
                raise ConfigError(
                    f"{self._path}: made by another version of Détente (layout {layout}, this one "
                    f"reads {_LAYOUT}); run `detente reindex`"
                )
            self._create()
        return [f"{self._path}: is there, layout {_LAYOUT}"]

    def rebuild(self, change: Change, on_progress: OnProgress) -> list[str]:
        with self._reaching(), self._lock:
            layout = self._layout()
            if layout not in (0, _LAYOUT):
                with transaction(self._connection):
                    self._move()
        done = self._change_all(change, on_progress)
        told = [] if layout in (0, _LAYOUT) else [f"moved from layout {layout} to {_LAYOUT}"]
        told.append(f"{done:,} documents changed")
        told += change_what_came_meanwhile(lambda: self._change_all(change, lambda _: None))
        return [f"{self._path}: {said}" for said in told]

    def _change_all(self, change: Change, on_progress: OnProgress) -> int:
        """Look at each document once; gives how many were changed, or were busy just then."""
        looked = changed = after = 0
        while rows := self._rows(_BATCH_AFTER, [after, BATCH]):
            documents = [_decoded(row[1]) for row in rows]
            changed += self._replace(rows, documents, change(documents))
            looked, after = looked + len(rows), rows[-1][0]
            on_progress(looked)
        return changed

    def drop_old(self) -> list[str]:
        return []  # what is rebuilt in its place leaves nothing

    def put(self, documents: Sequence[Document]) -> Sequence[WriteOutcome]:
        with self._reaching(), self._lock, transaction(self._connection):
            return [self._put(document) for document in documents]

    def get(self, id: str) -> Document | None:
        row = self._rows("SELECT document FROM documents WHERE id = ?", [id])
        return _decoded(row[0][0]) if row else None

    def search(self, query: Query) -> Page:
        where, values = _where(query)
        total = self._rows(f"SELECT count(*) FROM documents WHERE {where}", values)[0][0]
        order = query.order
        if query.after is not None:
            date, id = decode_cursor(query.after)
            # Newest first, those without a date last, ties by id.
            where += f" AND (coalesce({order}, '') < ? OR (coalesce({order}, '') = ? AND id > ?))"
            values += [date, date, id]
        rows = self._rows(
            f"SELECT document, coalesce({order}, ''), id FROM documents WHERE {where} "
            f"ORDER BY coalesce({order}, '') DESC, id LIMIT ?",
            [*values, query.size + 1],
        )
        shown = rows[: query.size]
        more = len(rows) > query.size and shown
        return Page(
            documents=[_decoded(row[0]) for row in shown],
            total=total,
            next=encode_cursor(shown[-1][1], shown[-1][2]) if more else None,
        )

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]:
        where, values = _where(query)
        if by is None:
            total = self._rows(f"SELECT count(*) FROM documents WHERE {where}", values)[0][0]
            return [Bucket("*", total)]
        kind = check_count(by)
        if kind is Kind.KEYWORD:
            sql = f"SELECT {by}, count(*) FROM documents WHERE {where} AND {by} IS NOT NULL"
            sql += " GROUP BY 1 ORDER BY 2 DESC, 1"
        elif kind is Kind.KEYWORDS:
            sql = (
                f"SELECT value, count(DISTINCT number) FROM documents, "
                f"json_each(document, '$.{by}') WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1"
            )
        else:
            sql = f"SELECT substr({by}, 1, 10), count(*) FROM documents WHERE {where}"
            sql += f" AND {by} IS NOT NULL GROUP BY 1 ORDER BY 1"
        return [Bucket(key, count) for key, count in self._rows(sql, values)]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _layout(self) -> int:
        number: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    def _create(self) -> None:
        for statement in _schema():
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA user_version = {_LAYOUT}")

    def _move(self) -> None:
        """Bring a file of another layout into this one's, within one transaction."""
        db = self._connection
        db.execute("CREATE TEMP TABLE before AS SELECT number, document FROM documents")
        db.execute("DROP TABLE words")
        db.execute("DROP TABLE documents")
        self._create()
        for _, text in db.execute("SELECT * FROM temp.before ORDER BY number"):
            outcome = self._put(_decoded(text))
            if outcome.result == "rejected":
                raise ConfigError(f"{self._path}: {outcome.id}: {outcome.reason}")
        db.execute("DROP TABLE temp.before")

    def _replace(
        self,
        rows: Sequence[tuple[Any, ...]],
        documents: Sequence[Document],
        changed: Sequence[Document],
    ) -> int:
        """Put what a change gave in place of the documents it was given, where these are still as
        they were; gives how many differ."""
        places = differing(documents, changed)
        with self._reaching(), self._lock, transaction(self._connection) as db:
            for place in places:
                number, before = rows[place]
                now = db.execute(
                    "SELECT document FROM documents WHERE number = ?", (number,)
                ).fetchone()
                if now == (before,):
                    self._put(changed[place])
        return len(places)

    def _put(self, document: Document) -> WriteOutcome:
        id = str(document.get("id", ""))
        try:
            clean, as_json = encoded(document)
        except UnfitDocument as error:
            return WriteOutcome(id, "rejected", str(error))
        db, revision, text = self._connection, clean["revision"], as_json.decode()
        before = db.execute(
            "SELECT number, revision, document FROM documents WHERE id = ?", (id,)
        ).fetchone()
        if before is None:
            number = db.execute(
                "INSERT INTO documents (id, revision, document) VALUES (?, ?, ?) RETURNING number",
                (id, revision, text),
            ).fetchone()[0]
        elif before[1] > revision:
            return WriteOutcome(id, "stale")
        else:
            number = before[0]
            db.execute(
                "UPDATE documents SET revision = ?, document = ? WHERE number = ?",
                (revision, text, number),
            )
            self._index("INSERT INTO words (words, rowid, {}) VALUES ('delete', ?, {})", before)
        self._index("INSERT INTO words (rowid, {}) VALUES (?, {})", (number, revision, text))
        return WriteOutcome(id, "written")

    def _index(self, statement: str, row: tuple[int, int, str]) -> None:
        document = _decoded(row[2])
        texts = [term_text(document[name]) for name in TEXT_FIELDS]
        sql = statement.format(", ".join(TEXT_FIELDS), ", ".join("?" * len(TEXT_FIELDS)))
        self._connection.execute(sql, (row[0], *texts))

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reaching(), self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _reaching(self) -> AbstractContextManager[None]:
        return driver_errors_as(StoreUnavailable, self._path)


def _decoded(document: str) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(document)
    return decoded


def _where(query: Query) -> tuple[str, list[Any]]:
    """The conditions of a query as SQL over `documents`, with its values."""
    check_query(query)
    conditions, values = ["1"], []
    if (expression := parse_expression(query.text)) is not None:
        refuse_what_no_store_has(expression)
        sql, matches = _matching(expression)
        conditions.append(sql)
        values += matches
    for name, wanted in query.terms.items():
        conditions.append(_any_of(name, len(wanted)))
        values += wanted
    for name, beginning in query.prefixes.items():
        # Not LIKE, which folds case; and a range can use an index.
        conditions.append(f"{name} >= ? AND {name} < ?")
        values += [beginning, beginning + _LAST]
    for name, limits in query.ranges.items():
        conditions += _within(name, limits, values)
    return " AND ".join(conditions), values


def _matching(expression: Expression) -> tuple[str, list[Any]]:
    match expression:
        case Phrase(found, prefix):
            quoted = '"' + " ".join(found).replace('"', '""') + '"'
            sql = "number IN (SELECT rowid FROM words WHERE words MATCH ?)"
            return sql, [quoted + ("*" if prefix else "")]
        case Near(found, gaps):
            quoted = " ".join('"' + term.replace('"', '""') + '"' for term in found)
            # FTS5 counts the words between the first and the last one, those looked for among them.
            near = f"NEAR({quoted}, {gaps + len(found) - 2})"
            return "number IN (SELECT rowid FROM words WHERE words MATCH ?)", [near]
        case Has(name, wanted, prefix):
            return _having(name, wanted, prefix=prefix)
        case Between(name, low, high, low_within, high_within):
            return _ends(name, low, high, low_within, high_within)
        case DyadWithin(holder, target, low, high, low_within, high_within):
            within, values = _ends(
                "json_extract(value, '$.score')", low, high, low_within, high_within
            )
            sql = (
                "EXISTS (SELECT 1 FROM json_each(document, '$.dyads') WHERE"
                f" json_extract(value, '$.holder') = ? AND json_extract(value, '$.target') = ?"
                f" AND {within})"
            )
            return sql, [holder, target, *values]
        case NotThis(part):
            sql, values = _matching(part)
            # Where the field is missing, neither would hold in SQL's logic of three values.
            return f"NOT coalesce({sql}, 0)", values
        case AllOf(parts) | AnyOf(parts):
            converted = [_matching(part) for part in parts]
            joint = " AND " if isinstance(expression, AllOf) else " OR "
            joined = joint.join(sql for sql, _ in converted)
            return f"({joined})", [value for _, values in converted for value in values]


def _having(name: str, wanted: Sequence[str], *, prefix: bool) -> tuple[str, list[Any]]:
    if not prefix:
        return (_any_of(name, len(wanted)), list(wanted)) if wanted else ("0", [])
    begins = " OR ".join("({0} >= ? AND {0} < ?)" for _ in wanted)
    values = [end for one in wanted for end in (one, one + _LAST)]
    if BY_NAME[name].kind is Kind.KEYWORD:
        return f"({begins.format(name)})", values
    each = f"json_each(document, '$.{name}')"
    return f"EXISTS (SELECT 1 FROM {each} WHERE {begins.format('value')})", values


def _ends(
    column: str,
    low: float | str | None,
    high: float | str | None,
    low_within: bool,
    high_within: bool,
) -> tuple[str, list[Any]]:
    conditions, values = [f"{column} IS NOT NULL"], []
    for end, sign in ((low, ">=" if low_within else ">"), (high, "<=" if high_within else "<")):
        if end is not None:
            conditions.append(f"{column} {sign} ?")
            values.append(end)
    return f"({' AND '.join(conditions)})", values


def _any_of(name: str, count: int) -> str:
    marks = ", ".join("?" * count)
    if BY_NAME[name].kind is Kind.KEYWORD:
        return f"{name} IN ({marks})"
    return f"EXISTS (SELECT 1 FROM json_each(document, '$.{name}') WHERE value IN ({marks}))"


def _within(name: str, limits: Range, values: list[Any]) -> Iterator[str]:
    for sign, limit in ((">=", limits.start), ("<", limits.end)):
        if limit is not None:
            values.append(date_text(limit) if isinstance(limit, datetime) else limit)
            yield f"{name} {sign} ?"
