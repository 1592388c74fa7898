"""Changing a feed in the catalogue's file, with everything else there left as people wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tomlkit
from tomlkit.items import AoT

from collectors.catalog import catalogue_text, parse_catalogue, write_catalogue
from detente.errors import ConfigError


def set_enabled(path: Path, id: str, enabled: bool) -> None:
    """Have a feed polled, or not. Raises ConfigError, also where there is no such feed."""

    def change(tables: AoT, place: int) -> None:
        if enabled:
            tables[place].pop("enabled", None)
        else:
            tables[place]["enabled"] = False

    _edit(path, id, change)


def remove_feed(path: Path, id: str) -> None:
    """Take a feed out of the catalogue. What was collected of it stays. Raises ConfigError, also
    where there is no such feed."""

    def change(tables: AoT, place: int) -> None:
        del tables[place]

    _edit(path, id, change)


def _edit(path: Path, id: str, change: Callable[[AoT, int], None]) -> None:
    before = catalogue_text(path)
    ids = [feed.id for feed in parse_catalogue(before.encode(), where=str(path))]
    if id not in ids:
        raise ConfigError(f"feeds: no feed {id!r} in the catalogue; `detente feeds list` has them")
    document = tomlkit.parse(before)
    tables = document["feeds"]
    if not isinstance(tables, AoT):
        raise ConfigError(f"{path}: edit it by hand; its feeds aren't written as [[feeds]] tables")
    place = ids.index(id)
    change(tables, place)
    if len(tables) < len(ids):
        del ids[place]
    if not ids:
        raise ConfigError(f"{path}: {id} is its last feed; pause it, or delete the file")
    _keep_ids(document, tables, ids, path)
    write_catalogue(path, tomlkit.dumps(document))


def _keep_ids(document: tomlkit.TOMLDocument, tables: AoT, ids: list[str], path: Path) -> None:
    """Write down the ids that are made from outlets where they would come out otherwise now: what
    is known of a feed goes by its id."""
    made = parse_catalogue(tomlkit.dumps(document).encode(), where=str(path))
    for place, (feed, id) in enumerate(zip(made, ids, strict=True)):
        if feed.id != id:
            tables[place]["id"] = id
