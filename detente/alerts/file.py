"""`subscriptions.toml` while it is used: read again when it changes, and edited by commands.

An edit keeps what people wrote there, comments and order, and is refused as a whole where it would
make the file wrong.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
import tomlkit
from tomlkit.exceptions import TOMLKitError

from detente.alerts.subscription import Subscriptions, load_subscriptions
from detente.errors import ConfigError
from detente.files import one_at_a_time, put_in_place
from detente.tomltext import table_spans, without_table


class SubscriptionFile:
    """The file as it was read last. Used from one thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = self._stamp()
        self.read = load_subscriptions(file)

    def changed(self) -> Subscriptions | None:
        """What the file has now, where that is new and right; what is wrong is logged, once, and
        what was read before goes on."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        log = structlog.get_logger("detente.alerts")
        try:
            self.read = load_subscriptions(self._file)
        except ConfigError as error:
            for problem in error.problems:
                log.error("subscriptions not read; those of before go on", problem=problem)
            return None
        log.info("subscriptions read again", subscriptions=len(self.read.subscriptions))
        return self.read

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def add(file: Path, fields: Mapping[str, Any]) -> None:
    """Write a subscription at the end of the file. Raises ConfigError where it isn't right, and
    leaves the file as it was."""
    with one_at_a_time(file):
        document = _document(file)
        table = tomlkit.table()
        for name, value in fields.items():
            table.add(name, value)
        found = document.get("subscriptions")
        if found is None:
            found = document["subscriptions"] = tomlkit.aot()
        found.append(table)
        _write(file, tomlkit.dumps(document))


def remove(file: Path, id: str) -> bool:
    """Take a subscription out of the file, with the comment right above it; gives whether there was
    one. Raises ConfigError."""
    with one_at_a_time(file):
        ids = [one.get("id") for one in _document(file).get("subscriptions") or []]
        if id not in ids:
            return False
        lines = file.read_text("utf-8").splitlines(keepends=True)
        tables = table_spans(lines, "subscriptions")
        if len(tables) == len(ids):
            text = "".join(without_table(lines, tables[place := ids.index(id)]))
            left = tomlkit.parse(text).get("subscriptions") or []
            if [one.get("id") for one in left] == [*ids[:place], *ids[place + 1 :]]:
                _write(file, text)
                return True
    raise ConfigError(f"{file}: its form is too unusual to be changed from here; edit it by hand")


def _document(file: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(file.read_text("utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: can't be read as TOML: {error}") from None


def _write(file: Path, text: str) -> None:
    """Check the text as a whole, then put it in the file's place in one step."""
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch) / file.name
        draft.write_text(text, "utf-8")
        try:
            load_subscriptions(draft)
        except ConfigError as error:
            said = [problem.replace(str(draft), str(file)) for problem in error.problems]
            raise ConfigError(said) from None
    put_in_place(file, text, mode=0o600)
