"""What every SQLite file of ours shares: where it is, how it is opened, what its errors mean."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detente.errors import ConfigError, RetryLater

_SCHEME = "sqlite://"


def database_path(url: str) -> Path:
    """`sqlite:///var/x.sqlite` is relative to the working directory, `sqlite:////srv/x` is not."""
    path = url.removeprefix(_SCHEME + "/")
    if not url.startswith(_SCHEME + "/") or not path:
        raise ConfigError(f"{url}: write sqlite:///relative/path or sqlite:////absolute/path")
    return Path(path)


def connect(path: Path, *, durable: bool = True) -> sqlite3.Connection:
    """Open a database in WAL mode, for use from any thread but one at a time.

    `durable`: a commit is on the disk when it returns (synchronous=FULL). Raises ConfigError when
    the file can't be opened or isn't a database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=30.0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(f"{path}: can't be opened as a SQLite database: {error}") from error
    return connection


class Readers:
    """A few connections that read a database beside its writer, each from one thread at a time.

    They are opened when they are needed; `sqlite3.ProgrammingError` says that they were closed.
    """

    MOST = 4

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(self.MOST):
            self._free.put(None)
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection for as long as the context lasts; waits for one that is free."""
        connection = self._free.get()
        try:
            if self._closed:
                raise sqlite3.ProgrammingError("the database is closed")
            if connection is None:
                connection = connect(self._path)
                connection.execute("PRAGMA query_only=ON")
            yield connection
        finally:
            if self._closed and connection is not None:
                connection.close()
                connection = None
            self._free.put(connection)

    def close(self) -> None:
        """Close those that are free, and the others once they are; idempotent."""
        self._closed = True
        found = []
        with suppress(queue.Empty):
            while True:
                found.append(self._free.get_nowait())
        for connection in found:
            if connection is not None:
                connection.close()
            self._free.put(None)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed at the end, rolled back on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def driver_errors_as(unavailable: Callable[[str], RetryLater], path: Path) -> Iterator[None]:
    """Turn what the driver raises because of its surroundings (locked, full, unreadable, closed)
    into `unavailable`; what only a fault of ours can cause stays as it is."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        if "closed" not in str(error):
            raise
        raise unavailable(f"{path}: {error}") from error
    except (sqlite3.IntegrityError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise unavailable(f"{path}: {error}") from error
