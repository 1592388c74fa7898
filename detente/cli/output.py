"""How commands write: tables and colours for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_BAR = "▁▂▃▄▅▆▇█"
_PIPE_WIDTH = 500


@lru_cache(maxsize=1)
def console() -> Console:
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    # A file or a pipe has no width: nothing is wrapped or cut there.
    return Console(highlight=False, soft_wrap=True, width=_PIPE_WIDTH)


def print_json(value: Any) -> None:
    """One JSON value on a line of its own."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table without lines; cells are plain text, never markup. The last column takes what room
    is left; a name that begins with `>` is set flush right. Long text belongs in `print_notes`."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=name is not columns[-1],
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    console().print(table)


def print_notes(notes: Iterable[tuple[str, str]]) -> None:
    """What there is to say of some rows of a table, each named; empty notes are left out."""
    for name, note in notes:
        if note:
            console().print(f"{name}: {printable(note)}", markup=False)


def printable(text: str) -> str:
    """Text from outside on one line, without what could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, roughly: `12 s`, `5 min`, `3 h`, `2 d`; a dash for never."""
    if then is None:
        return "-"
    seconds = max(0, int((now - then).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit != "d" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def signed(score: float | None) -> str:
    """A stance score as `+0.50`; a dot where there is none."""
    return "·" if score is None else f"{score:+.2f}"


def tone(score: float | None) -> str:
    """The colour of a stance score."""
    from_threshold = 0.15
    if score is None or abs(score) < from_threshold:
        return "default"
    return "green" if score > 0 else "red"


def bar(score: float) -> str:
    """A stance score in -1…1 as one block character."""
    return _BAR[min(7, max(0, int((score + 1) * 4)))]
