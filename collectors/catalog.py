"""The feed catalogue: which feeds are polled, and what is known of each beforehand.

A TOML file of `[[feeds]]` tables, or OPML as feed readers export it (`collectors.opml`).
"""

from __future__ import annotations

import io
import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from detente.errors import ConfigError
from detente.files import one_at_a_time, put_in_place

Kind = Literal["gov", "state-media", "independent", "wire", "igo", "thinktank"]
IdentityPolicy = Literal["url", "guid", "url-day"]
FullText = Literal["auto", "feed", "page"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "identity": get_args(IdentityPolicy),
    "full_text": get_args(FullText),
}
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*$")
MAX_ID = 100
MAX_TEXT = 2_000
MAX_INTERVAL = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed.

    `identity` is what makes an entry the same article (see `collectors.identity`). `full_text` says
    where an article's text comes from: `auto` takes its page when the feed carries only a summary,
    `feed` never, `page` always. `interval` (seconds) overrides the settings and the feed's own
    wishes; `encoding` overrides what the feed declares. `terms` are those of its text, and
    `evidence` tells how its address is known: notes for people.
    """

    id: str
    url: str
    outlet: str
    language: str | None = None
    country: str | None = None
    kind: Kind | None = None
    identity: IdentityPolicy = "url"
    full_text: FullText = "auto"
    interval: float | None = None
    encoding: str | None = None
    enabled: bool = True
    terms: str | None = None
    evidence: str | None = None


def load_catalogue(path: Path) -> tuple[Feed, ...]:
    """Read a catalogue, TOML or OPML (`.opml`, `.xml`). Raises ConfigError with every problem."""
    from collectors.opml import import_opml  # opml builds on this module's checks

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: the feed catalogue can't be read: {error.strerror}; "
            "name one in the setting `feeds`"
        ) from None
    if path.suffix.lower() in (".opml", ".xml"):
        return import_opml(data, where=str(path))
    return parse_catalogue(data, where=str(path))


def parse_catalogue(data: bytes, where: str = "catalogue") -> tuple[Feed, ...]:
    """The feeds of a TOML document. Raises ConfigError with every problem and its place."""
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: can't be read as TOML: {error}") from None
    problems = [
        f"{where}: {key}: a catalogue holds only [[feeds]] tables"
        for key in document
        if key != "feeds"
    ]
    tables = document.get("feeds", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError([*problems, f"{where}: feeds: write each feed as a table, [[feeds]]"])
    return build_feeds(
        ((f"{where}: feeds[{number}]", table) for number, table in enumerate(tables)), problems
    )


def build_feeds(
    tables: Iterable[tuple[str, Mapping[str, Any]]], problems: Iterable[str] = ()
) -> tuple[Feed, ...]:
    """Feeds from (place, values) pairs; ids that are missing are derived, and made unique.

    Raises ConfigError with `problems` and every further one.
    """
    found = list(problems)
    located = [(place, table, _checked(place, table, found)) for place, table in tables]
    if found:
        raise ConfigError(found)
    taken = {values["id"] for _, _, values in located if "id" in values}
    feeds: list[tuple[str, Feed]] = []
    for place, _, values in located:
        if "id" not in values:
            values["id"] = _free(derive_id(values["outlet"], values["url"]), taken)
            taken.add(values["id"])
        feeds.append((place, Feed(**values)))
    found += _repeated(feeds, "id") + _repeated(feeds, "url")
    if found:
        raise ConfigError(found)
    return tuple(feed for _, feed in feeds)


def derive_id(outlet: str, url: str) -> str:
    """A readable id from the outlet's name, or from the host where that has no Latin letters."""
    plain = unicodedata.normalize("NFKD", outlet).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if len(slug) < 2:
        host = (urlsplit(url).hostname or "feed").removeprefix("www.")
        slug = re.sub(r"[^a-z0-9]+", "-", host).strip("-") or "feed"
    return slug[:60].rstrip("-")


def add_feeds(path: Path, feeds: Iterable[Feed]) -> tuple[Feed, ...]:
    """Append feeds to a TOML catalogue, leaving what is there (and its comments) as it is.

    Gives those that were added: one whose address is there already is left out, one whose id is
    taken gets another. The file is made if need be. Raises ConfigError if the catalogue, or it
    with the feeds, is wrong.
    """
    with one_at_a_time(path):
        before = catalogue_text(path)
        present = parse_catalogue(before.encode(), where=str(path))
        addresses = {feed.url for feed in present}
        taken = {feed.id for feed in present}
        added: list[Feed] = []
        for feed in feeds:
            if feed.url not in addresses:
                added.append(replace(feed, id=_free(feed.id, taken)))
                taken.add(added[-1].id)
                addresses.add(feed.url)
        if added:
            separator = "" if not before else "\n" if before.endswith("\n") else "\n\n"
            write_catalogue(path, before + separator + to_toml(added))
    return tuple(added)


def catalogue_text(path: Path) -> str:
    """The text of a TOML catalogue that is to be edited, empty where there is no file yet.

    Raises ConfigError for OPML, and for a file that can't be read.
    """
    if path.suffix.lower() in (".opml", ".xml"):
        raise ConfigError(f"{path}: only a TOML catalogue is edited; import the OPML first")
    try:
        # Not as text, so that the line ends stay as they are.
        return path.read_bytes().decode("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from None


def write_catalogue(path: Path, text: str) -> None:
    """Put a catalogue in the file's place in one step. Raises ConfigError where it is wrong or
    can't be written, and leaves the file as it was."""
    parse_catalogue(text.encode(), where=str(path))
    put_in_place(path, text)


def to_toml(feeds: Iterable[Feed]) -> str:
    """The feeds as `[[feeds]]` tables; what equals the default is left out."""
    return "\n".join(_table(feed) for feed in feeds)


def _table(feed: Feed) -> str:
    lines = ["[[feeds]]"]
    for field in fields(feed):
        value = getattr(feed, field.name)
        if value != field.default:
            # A JSON string is a TOML one, but for DEL, which _checked refuses.
            written = (
                repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
            )
            lines.append(f"{field.name} = {written}")
    return "\n".join(lines) + "\n"


def _checked(place: str, table: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """The values of one table; appends to `problems`. `outlet` defaults to the URL's host."""
    names = [field.name for field in fields(Feed)]
    values = {name: value for name, value in table.items() if name in names}
    before = len(problems)
    problems += [
        f"{place}.{name}: no such key; there are {', '.join(names)}"
        for name in table
        if name not in names
    ]
    for name, value in values.items():
        if problem := _problem(name, value):
            problems.append(f"{place}.{name} = {value!r}: {problem}")
    if "url" not in values:
        problems.append(f"{place}.url: missing; every feed needs its address")
    if len(problems) == before:
        host = urlsplit(values["url"]).hostname or ""
        values["outlet"] = " ".join(values.get("outlet", host.removeprefix("www.")).split())
        if "interval" in values:
            values["interval"] = float(values["interval"])
    return values


def _problem(name: str, value: object) -> str | None:
    if name == "enabled":
        return None if isinstance(value, bool) else "must be true or false"
    if name == "interval":
        if isinstance(value, int | float) and value is not True and 0 < value <= MAX_INTERVAL:
            return None
        return f"must be a number of seconds above 0, at most {MAX_INTERVAL:,}"
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return "must be a text of one line"
    if len(value) > MAX_TEXT:
        return f"must have at most {MAX_TEXT:,} characters"
    if name == "url":
        return _url_problem(value)
    if name == "id" and (not _ID.match(value) or len(value) > MAX_ID):
        return "must consist of a-z, 0-9, '.', '_' and '-'"
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"must be one of {', '.join(_CHOICES[name])}"
    if name == "encoding":
        return _encoding_problem(value)
    if name == "language" and not re.fullmatch("[a-z]{2,3}", value):
        return "must be an ISO 639 code such as en"
    return None


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f"no URL: {error}"
    return None if good and " " not in url else "must be an http:// or https:// address"


def _encoding_problem(name: str) -> str | None:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # codecs.lookup knows hex and rot13, too
    except (LookupError, ValueError):
        return "no text encoding that Python knows"
    return None


def _free(wanted: str, taken: set[str]) -> str:
    number, candidate = 1, wanted
    while candidate in taken:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


def _repeated(feeds: Iterable[tuple[str, Feed]], name: str) -> list[str]:
    located = [(place, getattr(feed, name)) for place, feed in feeds]
    counts = Counter(value for _, value in located)
    return [
        f"{place}.{name} = {value!r}: {counts[value]} feeds have it; only one may"
        for place, value in located
        if counts[value] > 1
    ]
