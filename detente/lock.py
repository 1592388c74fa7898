"""One process at a time over a state file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from detente.errors import ConfigError
from detente.sqlite import database_path


class StateLock:
    """Lets one process at a time work with a state file; the kernel frees it when that dies.

    Two collectors would publish the same article as two different revisions, and two processes of
    alerts group half of the articles each. `who` works with it, and `setting` names the file. A
    context manager; raises ConfigError if another one is at work.
    """

    def __init__(self, url: str, who: str, setting: str) -> None:
        path = database_path(url)
        self._path = path.with_name(path.name + ".lock")
        self._who = who
        self._setting = setting

    def __enter__(self) -> StateLock:
        try:
            self._db = _open_lock(self._path)
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"{self._path}: another {self._who} seems to be at work with this state ({error}); "
                f"stop it, or give this one another file in `{self._setting}`"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()


def _open_lock(path: Path) -> sqlite3.Connection:
    db = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        db.execute("BEGIN EXCLUSIVE")
    except (sqlite3.Error, OSError):
        if db is not None:
            db.close()
        raise
    return db
