"""What is watched: two sides, who speaks and acts for them, and the words that give them away.

A watch is a TOML file; `usa-rus` ships with Détente, any other dyad is a file of your own. How
aliases, terms and traps are written:

- in small letters they match any case ("moscow" also in "MOSCOW");
- each capital must be one in the text, too: "US" isn't in "tell us", "Rice" isn't in "rice";
- a `*` at the end stands for any ending of the word: "росси*" is in "российский" and "Россией";
- words match whole, and of those that overlap the longest wins; next to a sign at the end of an
  alias another word may begin ("russo-" is in "Russo-Japanese").

A trap is a phrase in which an alias means something else ("washington state").
"""

from __future__ import annotations

import difflib
import re
import reprlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from detente.errors import ConfigError

SHIPPED: Final = Path(__file__).parent / "watches"


def _alias(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; remove it or write a name")
    if text != " ".join(text.split()):
        raise ValueError("has space around it or twice within; write it with single spaces")
    if "*" in text[:-1]:
        raise ValueError("has a * that isn't its last character; write the stem, then one *")
    if text.endswith(" *"):
        raise ValueError("has a space before its *; write the stem, then one *")
    if not any(sign.isalnum() for sign in text):
        raise ValueError("has no letter or digit")
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", text):
        raise ValueError("is no host; write it as in mid.ru, without https:// and path")
    return text.lower().removeprefix("www.")


# Pydantic's own bounds would count a list without its malformed items, and complain twice.
def _some(aliases: tuple[str, ...]) -> tuple[str, ...]:
    if not aliases:
        raise ValueError("is empty; a side that nothing names is never found")
    return aliases


def _two(sides: tuple[Side, ...]) -> tuple[Side, ...]:
    if len(sides) != 2:
        raise ValueError(f"a dyad has two sides, not {len(sides)}")
    return sides


Alias: TypeAlias = Annotated[str, AfterValidator(_alias)]
Aliases: TypeAlias = tuple[Alias, ...]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Host: TypeAlias = Annotated[str, AfterValidator(_host)]
Slug: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Code: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Side(_Value):
    """One of the two states: `aliases` name it (its capital, its government), `demonyms` its
    people and its adjective; `hosts` are the domains where it speaks for itself ("we")."""

    code: Code
    name: Text
    aliases: Annotated[Aliases, AfterValidator(_some)]
    demonyms: Aliases = ()
    hosts: tuple[Host, ...] = ()


class Actor(_Value):
    """A person or body that speaks or acts for a side. Its name counts as an alias.

    `since` and `until` bound the role (either may be open), not whether a mention counts. `away` is
    when somebody else had the role in between: a first and a last day.
    """

    id: Slug
    side: Code
    name: Alias
    aliases: Aliases = ()
    role: str = ""
    since: date | None = None
    until: date | None = None
    away: tuple[date, date] | None = None


class Issue(_Value):
    """A matter that the dyad deals with, in one line.

    `terms` show it in a sentence where the model doesn't know an issue by this id.
    """

    id: Slug
    definition: Text
    terms: Aliases = ()


class Watch(_Value):
    """A watched dyad. The first side is the classifier's A, the second its B.

    `terms` speak of the dyad without naming both sides ("New START").
    """

    name: Slug
    title: Text
    sides: Annotated[tuple[Side, ...], AfterValidator(_two)]
    actors: tuple[Actor, ...] = ()
    terms: Aliases = ()
    traps: Aliases = ()
    issues: tuple[Issue, ...] = ()

    @property
    def codes(self) -> tuple[str, str]:
        """The codes of the first and the second side."""
        first, second = self.sides
        return first.code, second.code

    @cached_property
    def actor_names(self) -> Mapping[str, str]:
        """The name of each actor, by id."""
        return {actor.id: actor.name for actor in self.actors}

    def speaks_for(self, host: str | None) -> str | None:
        """The code of the side that speaks for itself on this host, or None."""
        host = (host or "").lower().rstrip(".")
        for side in self.sides:
            if any(f".{host}".endswith(f".{own}") for own in side.hosts):
                return side.code
        return None


def load_watch(name_or_path: str | Path) -> Watch:
    """Load a watch that ships (`usa-rus`), or one from a TOML file of your own.

    Raises ConfigError with every problem found, and where.
    """
    file = _find(name_or_path)
    try:
        values = tomllib.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such watch file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: can't be read as TOML: {error}") from None
    try:
        watch = Watch.model_validate(values)
    except ValidationError as error:
        problems = [_say(detail) for detail in error.errors()]
    else:
        problems = list(_contradictions(watch))
        if not problems:
            return watch
    raise ConfigError([f"{file}: {problem}" for problem in problems])


def _find(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str) and re.fullmatch(r"[\w-]+", name_or_path):
        shipped = sorted(path.stem for path in SHIPPED.glob("*.toml"))
        if name_or_path not in shipped:
            raise ConfigError(
                f"no watch {name_or_path!r} ships with Détente{_suggest(name_or_path, shipped)}; "
                "for a file of your own write its path, as ./my-watch.toml"
            )
        return SHIPPED / f"{name_or_path}.toml"
    return Path(name_or_path)


def _contradictions(watch: Watch) -> Iterator[str]:
    """What is wrong between values that are each well-formed."""
    codes = [side.code for side in watch.sides]
    if codes[0] == codes[1]:
        yield f"sides[1].code: {codes[1]} is the code of both sides"
    for where, repeated in (("actors", watch.actors), ("issues", watch.issues)):
        counts = Counter(value.id for value in repeated)
        repeats = {id: count for id, count in counts.items() if count > 1}
        yield from (f"{where}: the id {id!r} is given {n} times" for id, n in repeats.items())
    for place, actor in enumerate(watch.actors):
        if actor.side not in codes:
            yield (
                f"actors[{place}] ({actor.id}).side: there is no side {actor.side!r}"
                f"{_suggest(actor.side, codes)}"
            )
        if actor.since and actor.until and actor.until < actor.since:
            yield (
                f"actors[{place}] ({actor.id}).until: {actor.until} is before since = {actor.since}"
            )
    yield from (
        f"sides[1].hosts: {host!r} speaks for {codes[0]} already"
        for host in watch.sides[1].hosts
        if host in watch.sides[0].hosts
    )
    yield from _duplicates(watch)


def _duplicates(watch: Watch) -> Iterator[str]:
    seen: dict[str, str] = {}
    for where, alias in _claims(watch):
        if (first := seen.setdefault(alias, where)) != where:
            yield (
                f"{where}: the alias {alias!r} is taken by {first}; give it to one of them, or to "
                "their side where they share it"
            )


def _claims(watch: Watch) -> Iterator[tuple[str, str]]:
    """Each alias, with who claims it."""
    for side in watch.sides:
        yield from ((f"side {side.code}", alias) for alias in (*side.aliases, *side.demonyms))
    for actor in watch.actors:
        yield from ((f"actor {actor.id}", alias) for alias in {actor.name, *actor.aliases})
    yield from (("terms", alias) for alias in watch.terms)
    yield from (("traps", alias) for alias in watch.traps)


def _say(detail: Any) -> str:
    where = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]
    ).lstrip(".")
    if detail["type"] == "extra_forbidden":
        return f"{where}: no such key{_suggest(str(detail['loc'][-1]), _keys(detail['loc']))}"
    if detail["type"] == "missing":
        return f"{where}: is missing"
    message = detail["msg"].removeprefix("Value error, ")
    value = reprlib.repr(detail["input"])
    return f"{where} = {value}: {message[0].lower()}{message[1:]}"


_PARTS: Final[Mapping[str, type[_Value]]] = {"sides": Side, "actors": Actor, "issues": Issue}


def _keys(where: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `where` (the last part being the unknown key) may have."""
    table = _PARTS.get(str(where[0]), Watch) if len(where) > 1 else Watch
    return list(table.model_fields)


def _suggest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
