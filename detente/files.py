"""Files that people write and commands change: one change at a time, put in place in one step."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detente.errors import ConfigError


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let others who change the file wait from its reading to its writing.

    The lock is on its folder, so that none is left beside it. Raises ConfigError where there is no
    such folder.
    """
    try:
        folder = os.open(path.resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def put_in_place(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write the file anew, whole or not at all; one that is there keeps its mode, and a link still
    leads to it. Raises ConfigError where it can't be written."""
    path = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(text.encode())
            draft.chmod(path.stat().st_mode & 0o777 if path.exists() else mode)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: can't be written: {error.strerror}")
