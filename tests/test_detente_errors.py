from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from detente import errors
from detente.errors import BusUnavailable, ConfigError, DetenteError
from detente.sqlite import connect, driver_errors_as, transaction
from detente.wire import DecodeError


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for error in (*vars(errors).values(), DecodeError):
        if isinstance(error, type) and issubclass(error, DetenteError):
            assert error.__name__ in drawn


def test_config_errors_list_every_problem() -> None:
    assert str(ConfigError(["one", "two"])) == "one\ntwo"
    assert ConfigError("only").problems == ("only",)


def test_waits_double_up_to_the_longest_however_often_it_failed() -> None:
    trouble = BusUnavailable("down", after=2.0)
    assert [trouble.backoff(failures, 60.0) for failures in (1, 2, 3, 5, 6, 7)] == [
        *(2.0, 4.0, 8.0, 32.0, 60.0, 60.0)
    ]
    assert trouble.backoff(10_000, 60.0) == 60.0


SQLITE_ERRORS = sorted(
    (e for e in vars(sqlite3).values() if isinstance(e, type) and issubclass(e, sqlite3.Error)),
    key=lambda e: e.__name__,
)
BUGS = {sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError}


@pytest.mark.parametrize("error", SQLITE_ERRORS)
def test_every_driver_error_is_unavailability_or_a_bug(error: type[sqlite3.Error]) -> None:
    expected = error if error in BUGS else BusUnavailable
    with pytest.raises(expected), driver_errors_as(BusUnavailable, Path("x.sqlite")):
        raise error("something")


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    db = connect(tmp_path / "x.sqlite")
    db.execute("CREATE TABLE t (n INTEGER)")
    with pytest.raises(KeyboardInterrupt), transaction(db):  # noqa: PT012
        db.execute("INSERT INTO t VALUES (1)")
        raise KeyboardInterrupt
    with transaction(db):
        db.execute("INSERT INTO t VALUES (2)")
    assert db.execute("SELECT n FROM t").fetchall() == [(2,)]
    db.close()
