"""Who wants to be told of what, and when: `subscriptions.toml`.

[destinations.desk]
url = "mailtos://user:password@mail.example.org?to=desk@example.org"   # any Apprise address

[destinations.room]
webhook = "https://example.org/hook"
secret = "shared with the receiver"                                   # signs what is sent

[[subscriptions]]
id = "visas"
query = "(embassy OR consulate) AND visas"
to = ["desk", "room"]
when = "now"                          # or "hourly", or "daily 07:00"
quiet = "22:00-06:30"
zone = "Europe/Berlin"

    [[subscriptions]]
    id = "moscows-tone"
    kind = "shift"                        # or "first", "burst", "silence"
    dyad = "RUS>USA"
    query = "relevance:core"
    to = ["desk"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from detente.errors import ConfigError
from detente.store.expression import Expression, parse_expression

_WHEN = re.compile(r"now|hourly|daily (?:[01]\d|2[0-3]):[0-5]\d")
_QUIET = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")


def _query(text: str) -> str:
    try:
        if parse_expression(text) is None:
            raise ValueError("asks for nothing")
    except ConfigError as error:
        raise ValueError(str(error).removeprefix("search: ")) from None
    return text


def _when(text: str) -> str:
    if not _WHEN.fullmatch(text):
        raise ValueError('must be "now", "hourly" or "daily HH:MM"')
    return text


def _quiet(text: str) -> str:
    if not _QUIET.fullmatch(text):
        raise ValueError('must be "HH:MM-HH:MM"')
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone; write it as in Europe/Berlin") from None
    return text


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Destination(_Value):
    """Where messages go: an address that Apprise knows, or a webhook of one's own."""

    url: SecretStr | None = None
    webhook: Annotated[str, Field(pattern="^https?://")] | None = None
    secret: SecretStr | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Destination:
        if (self.url is None) == (self.webhook is None):
            raise ValueError("needs one of url and webhook")
        if self.secret is not None and self.webhook is None:
            raise ValueError("secret signs what goes to a webhook only")
        return self


class Subscription(_Value):
    """One wish to be told: of each story that the query matches, or by `kind` of the `first` after
    long, of a `burst` of them, of a `shift` of their `dyad`, or of their `silence` (see
    `detente.alerts.meaning`). With `updates` of a story again when there is later news of it (see
    `detente.alerts.novelty`).

    `most_per_hour` bounds the messages to one destination; what is above it comes in one message
    later, nothing is left out.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    name: str = ""
    kind: Literal["query", "first", "burst", "shift", "silence"] = "query"
    updates: bool = False
    dyad: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*>[A-Z][A-Z0-9]*$")] | None = None
    query: Annotated[str, AfterValidator(_query)]
    to: Annotated[tuple[str, ...], Field(min_length=1)]
    when: Annotated[str, AfterValidator(_when)] = "now"
    quiet: Annotated[str, AfterValidator(_quiet)] | None = None
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    most_per_hour: int = Field(20, ge=1, le=1_000)

    @model_validator(mode="after")
    def _with_its_dyad(self) -> Subscription:
        if (self.kind == "shift") != (self.dyad is not None):
            raise ValueError('kind = "shift" needs dyad = "RUS>USA" or the like, and no other does')
        if self.updates and self.kind != "query":
            raise ValueError("updates are of stories, so only where no other kind is named")
        return self

    @property
    def title(self) -> str:
        return self.name or self.id

    def expression(self) -> Expression:
        """The query, parsed."""
        found = parse_expression(self.query)
        assert found is not None  # checked when it was read
        return found

    def due(self, now: datetime) -> datetime:
        """When what happens now is to be sent."""
        local = now.astimezone(ZoneInfo(self.zone))
        if self.when == "hourly":
            local = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        elif self.when.startswith("daily"):
            local = _next(local, time.fromisoformat(self.when[6:]))
        if self.quiet and (found := _QUIET.fullmatch(self.quiet)):
            start, end = (time.fromisoformat(one) for one in found.groups())
            at = local.time()
            if start <= at < end or (start > end and not end <= at < start):
                local = _next(local, end)
        return local.astimezone(now.tzinfo)


def _next(local: datetime, at: time) -> datetime:
    """The next time that a clock on the wall shows this."""
    found = datetime.combine(local.date(), at, local.tzinfo)
    if found <= local:
        found = datetime.combine(local.date() + timedelta(days=1), at, local.tzinfo)
    return found


class Subscriptions(_Value):
    """All of `subscriptions.toml`."""

    destinations: Mapping[str, Destination] = {}
    subscriptions: tuple[Subscription, ...] = ()


def load_subscriptions(file: Path, *, missing_ok: bool = True) -> Subscriptions:
    """Read the file; none where there is none. Raises ConfigError listing every problem."""
    try:
        found: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        if missing_ok:
            return Subscriptions()
        raise ConfigError(f"{file}: there is no such file of subscriptions") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: can't be read as TOML: {error}") from None
    try:
        read = Subscriptions.model_validate(found)
    except ValidationError as error:
        problems = [_say(detail, found) for detail in error.errors()]
        raise ConfigError([f"{file}: {problem}" for problem in problems]) from None
    if problems := _contradictions(read):
        raise ConfigError([f"{file}: {problem}" for problem in problems])
    return read


def _say(detail: Any, found: Mapping[str, Any]) -> str:
    where = "".join(f"[{it}]" if isinstance(it, int) else f".{it}" for it in detail["loc"])[1:]
    loc = detail["loc"]
    if loc[0] == "subscriptions" and len(loc) > 1:
        named = found["subscriptions"][loc[1]]
        if isinstance(named, dict) and isinstance(named.get("id"), str):
            where += f" ({named['id']})"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}"


def _contradictions(read: Subscriptions) -> list[str]:
    problems = []
    seen: set[str] = set()
    for number, one in enumerate(read.subscriptions):
        where = f"subscriptions[{number}] ({one.id})"
        if one.id in seen:
            problems.append(f"{where}: another one has this id")
        seen.add(one.id)
        for name in one.to:
            if name not in read.destinations:
                known = ", ".join(read.destinations) or "none"
                problems.append(f"{where}.to: there is no destination {name!r}; there are {known}")
    return problems
