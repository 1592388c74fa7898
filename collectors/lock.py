"""One collector at a time over a state file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from detente.errors import ConfigError
from detente.sqlite import database_path


class CollectorLock:
    """Lets one collector at a time work with a state file; the kernel frees it when one dies.

    Two would publish the same article as two different revisions. A context manager; raises
    ConfigError if another collector is at work.
    """

    def __init__(self, url: str) -> None:
        path = database_path(url)
        self._path = path.with_name(path.name + ".lock")

    def __enter__(self) -> CollectorLock:
        self._db = _open_lock(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()


def _open_lock(path: Path) -> sqlite3.Connection:
    db = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        db.execute("BEGIN EXCLUSIVE")
    except (sqlite3.Error, OSError) as error:
        if db is not None:
            db.close()
        raise ConfigError(
            f"{path}: another collector seems to be at work with this state ({error}); "
            "stop it, or give this one another file in `state`"
        ) from error
    return db
