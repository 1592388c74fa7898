"""The embedded article store: documents as JSON, narrow tables for filters, FTS5 for words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

import msgspec

from detente.errors import ConfigError, StoreUnavailable
from detente.sqlite import Readers, connect, database_path, driver_errors_as, transaction
from detente.store.base import (
    Bucket,
    Change,
    Document,
    Measure,
    OnProgress,
    Page,
    Query,
    WriteOutcome,
)
from detente.store.changes import BATCH, change_what_came_meanwhile, differing
from detente.store.fields import Kind, UnfitDocument, encoded
from detente.store.query import (
    check_count,
    check_measure,
    decode_cursor,
    encode_cursor,
)
from detente.store.sqlite_facets import counted_together
from detente.store.sqlite_layout import LAYOUT, ORDERS, TABLES, create, index, order_by, unindex
from detente.store.sqlite_query import where

_BATCH_AFTER = "SELECT number, document FROM documents WHERE number > ? ORDER BY number LIMIT ?"
_MANY = 2_000
"""Documents that a query finds, from which on a page is read along the index of its order."""


class SqliteStore:
    """See `detente.store.base.ArticleStore`."""

    def __init__(self, url: str) -> None:
        self._path = database_path(url)
        self._lock = Lock()
        self._connection = connect(self._path)
        self._readers = Readers(self._path)

    def check(self) -> None:
        self.prepare()  # an embedded store needs nobody to set it up

    def prepare(self) -> list[str]:
        with self._reaching(), self._lock:
            layout = self._layout()
            if layout not in (0, LAYOUT):
                raise ConfigError(
                    f"{self._path}: made by another version of Détente (layout {layout}, this one "
                    f"reads {LAYOUT}); run `detente reindex`"
                )
            create(self._connection)
        return [f"{self._path}: is there, layout {LAYOUT}"]

    def rebuild(self, change: Change, on_progress: OnProgress) -> list[str]:
        with self._reaching(), self._lock:
            layout = self._layout()
            if layout not in (0, LAYOUT):
                with transaction(self._connection):
                    self._move()
        done = self._change_all(change, on_progress)
        told = [] if layout in (0, LAYOUT) else [f"moved from layout {layout} to {LAYOUT}"]
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
        conditions, values = where(query)
        total = self._rows(f"SELECT count(*) FROM facts WHERE {conditions}", values)[0][0]
        order = query.order
        if query.after is not None:
            date, id = decode_cursor(query.after)
            # Newest first, those without a date last, ties by id.
            conditions += (
                f" AND coalesce({order}, '') <= ?"
                f" AND (coalesce({order}, '') < ? OR (coalesce({order}, '') = ? AND id > ?))"
            )
            values += [date, date, date, id]
        rows = self._rows(
            f"SELECT number, coalesce({order}, ''), id FROM {_walked(order, total)}"
            f" WHERE {conditions} "
            f"ORDER BY {order_by(order)} LIMIT ?",
            [*values, query.size + 1],
        )
        shown = rows[: query.size]
        more = len(rows) > query.size and shown
        return Page(
            documents=self._documents([row[0] for row in shown]),
            total=total,
            next=encode_cursor(shown[-1][1], shown[-1][2]) if more else None,
        )

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]:
        conditions, values = where(query)
        if by is None:
            sql = f"SELECT '*', count(*) FROM facts WHERE {conditions}"
        else:
            group, order, tables, more = _grouped(by, check_count(by))
            sql = f"SELECT {group}, count(*) FROM {tables} WHERE {conditions} AND {more}"
            # With a range, no index on what is grouped by: the range's own is the shorter way.
            sql += f" GROUP BY {'+' if query.ranges else ''}{group} ORDER BY {order}"
        return [Bucket(key, count) for key, count in self._rows(sql, values)]

    def facets(self, query: Query, fields: Sequence[str]) -> Mapping[str, Sequence[Bucket]]:
        for name in fields:
            check_count(name)
        found = counted_together(self._rows, query, fields)
        return {name: found[name] if name in found else self.count(query, name) for name in fields}

    def measure(self, query: Query, field: str, by: str) -> Sequence[Measure]:
        check_measure(field)
        conditions, values = where(query)
        group, order, tables, more = _grouped(by, check_count(by))
        # Two moments at once; scores are within -1 to 1, so nothing is lost by that.
        rows = self._rows(
            f"SELECT {group}, count(*), avg({field}), avg({field} * {field}) FROM {tables}"
            f" WHERE {conditions} AND {more} AND {field} IS NOT NULL GROUP BY 1 ORDER BY {order}",
            values,
        )
        return [Measure.of(key, count, mean, squares) for key, count, mean, squares in rows]

    def close(self) -> None:
        self._readers.close()
        with self._lock:
            self._connection.close()

    def _layout(self) -> int:
        number: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    def _move(self) -> None:
        """Bring a file of another layout into this one's, within one transaction."""
        db = self._connection
        db.execute("CREATE TEMP TABLE before AS SELECT number, document FROM documents")
        for table in TABLES:
            db.execute(f"DROP TABLE IF EXISTS {table}")
        create(db)
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
            unindex(db, number, _decoded(before[2]))
            db.execute(
                "UPDATE documents SET revision = ?, document = ? WHERE number = ?",
                (revision, text, number),
            )
        index(db, number, clean)
        return WriteOutcome(id, "written")

    def _documents(self, numbers: Sequence[int]) -> list[Document]:
        """The documents with these numbers, in this order."""
        marks = ", ".join("?" * len(numbers))
        sql = f"SELECT number, document FROM documents WHERE number IN ({marks})"
        found = dict(self._rows(sql, numbers)) if numbers else {}
        return [_decoded(found[number]) for number in numbers if number in found]

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reaching(), self._readers.one() as connection:
            return connection.execute(sql, values).fetchall()

    def _reaching(self) -> AbstractContextManager[None]:
        return driver_errors_as(StoreUnavailable, self._path)


def _decoded(document: str) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(document)
    return decoded


def _grouped(by: str, kind: Kind) -> tuple[str, str, str, str]:
    """What documents are grouped by, in which order, over which tables, on which condition."""
    if kind is Kind.KEYWORDS:
        return "value", "2 DESC, 1", "labels JOIN facts USING (number)", f"field = '{by}'"
    if kind is Kind.KEYWORD:
        return by, "2 DESC, 1", "facts", f"{by} IS NOT NULL"
    return f"substr({by}, 1, 10)", "1", "facts", f"{by} IS NOT NULL"


def _walked(order: str, total: int) -> str:
    """The table as it is read for a page: where many match, those that come first in the order are
    found sooner along its index than by finding all."""
    return f"facts INDEXED BY by_{order}" if order in ORDERS and total > _MANY else "facts"
