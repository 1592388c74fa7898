"""Changing a feed in the catalogue's file, with everything else there left as people wrote it.

What comes out is read again, and refused unless it says what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from collectors.catalog import Feed, catalogue_text, parse_catalogue, write_catalogue
from detente.errors import ConfigError
from detente.files import one_at_a_time
from detente.tomltext import line_end, table_spans, without_table

_ENABLED = re.compile(r"\s*enabled\s*=")
_ID = re.compile(r"""\s*["']?id["']?\s*=""")

Change = Callable[[list[str], range], list[str]]
"""The file's lines and those of the feed's table → the lines after the change."""


def set_enabled(path: Path, id: str, enabled: bool) -> None:
    """Have a feed polled, or not. Raises ConfigError, also where there is no such feed."""

    def change(lines: list[str], table: range) -> list[str]:
        kept = [lines[number] for number in table if not _ENABLED.match(lines[number])]
        if not enabled:
            kept.append(f"enabled = false{line_end(lines)}")
        return [*lines[: table.start], *kept, *lines[table.stop :]]

    _edit(path, id, change, lambda feed: [replace(feed, enabled=enabled)])


def remove_feed(path: Path, id: str) -> None:
    """Take a feed out of the catalogue, with the comment right above it. What was collected of it
    stays. Raises ConfigError, also where there is no such feed."""
    _edit(path, id, without_table, lambda _: [])


def _edit(path: Path, id: str, change: Change, meant: Callable[[Feed], list[Feed]]) -> None:
    with one_at_a_time(path):
        text = catalogue_text(path)
        feeds = parse_catalogue(text.encode(), where=str(path))
        place = next((number for number, feed in enumerate(feeds) if feed.id == id), None)
        if place is None:
            raise ConfigError(
                f"feeds: no feed {id!r} in the catalogue; `detente feeds list` has them"
            )
        wanted = [*feeds[:place], *meant(feeds[place]), *feeds[place + 1 :]]
        if not wanted:
            raise ConfigError(f"{path}: {id} is its last feed; pause it, or delete the file")
        # The last line may have no end, and something may come after it.
        lines = (text if text.endswith("\n") else text + "\n").splitlines(keepends=True)
        tables = table_spans(lines, "feeds")
        if len(tables) == len(feeds):
            after = "".join(_with_ids(change(lines, tables[place]), wanted))
            if _says(after, wanted):
                write_catalogue(path, after)
                return
    raise ConfigError(f"{path}: its form is too unusual to be changed from here; edit it by hand")


def _with_ids(lines: list[str], feeds: Sequence[Feed]) -> list[str]:
    """The lines with every id written down, where one that is made from an outlet would come out
    otherwise now: what is known of a feed goes by its id."""
    if _says("".join(lines), feeds):
        return lines
    for table, feed in reversed(list(zip(table_spans(lines, "feeds"), feeds, strict=False))):
        if not any(_ID.match(lines[number]) for number in table):
            lines.insert(table.start + 1, f'id = "{feed.id}"{line_end(lines)}')
    return lines


def _says(text: str, feeds: Sequence[Feed]) -> bool:
    try:
        return list(parse_catalogue(text.encode())) == list(feeds)
    except ConfigError:
        return False
