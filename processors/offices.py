"""Who is meant by a side's office, where that is certain: "the U.S. secretary of state", in 2026.

An office alone isn't certain ("the president" is which one's?), nor one next to a name or to a word
that takes it back ("former", "deputy"). The watch says who held which office when.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from detente.watch import Actor, Watch
from processors.actors import Mention

_TAKEN_BACK = re.compile(
    r"\b(?:former|ex|then|next|future|acting|deputy|late|first|one-?time|previous|a|an|any)[ -]$",
    re.IGNORECASE,
)
_NAMED = re.compile(r",? (?:[A-Z]\.? )?[A-Z][a-z]|-elect|-designate")


class OfficeFinder:
    """Finds offices behind a side's name."""

    def __init__(self, watch: Watch) -> None:
        self._actors: dict[str, list[Actor]] = {side.code: [] for side in watch.sides}
        for actor in watch.actors:
            self._actors[actor.side].append(actor)
        self._persons = {actor.id for actor in watch.actors if actor.role}
        self._offices = {
            side: re.compile(
                r"(?:['’]s)? (?P<office>"
                + "|".join(sorted(map(re.escape, roles), key=len, reverse=True))
                + r")\b(?!')",
                re.IGNORECASE,
            )
            for side, actors in self._actors.items()
            if (roles := {_office(actor) for actor in actors if actor.role})
        }

    def with_offices(
        self, text: str, mentions: Sequence[Mention], day: date | None
    ) -> Sequence[Mention]:
        """The mentions, with each that is followed by an office turned into one of its holder on
        that day; as they are where the day isn't known."""
        if day is None:
            return mentions
        found: list[Mention] = []
        for mention in mentions:
            if not found or found[-1].end <= mention.start:
                found.append(self._holder(text, mention, day) or mention)
        return found

    def _holder(self, text: str, mention: Mention, day: date) -> Mention | None:
        place = self._office_at(text, mention)
        if (
            place is None
            or _TAKEN_BACK.search(text[max(0, mention.start - 12) : mention.start])
            or _NAMED.match(text, place.end)
        ):
            return None
        holders = [
            actor
            for actor in self._actors[mention.side or ""]
            if _office(actor) == place.office and _holds(actor, day)
        ]
        if len(holders) != 1:
            return None
        return mention._replace(end=place.end, actor=holders[0].id)

    def _office_at(self, text: str, mention: Mention) -> _Place | None:
        """The office behind a side's name: next to it, or in the same alias ("Russian foreign
        minister" names the ministry in a watch)."""
        offices = self._offices.get(mention.side or "")
        if offices is None or mention.actor in self._persons:
            return None
        start = mention.end
        if mention.actor:
            start = mention.start + len(text[mention.start : mention.end].split()[0])
        found = offices.match(text, start)
        return _Place(found["office"].lower(), found.end()) if found else None


class _Place(NamedTuple):
    office: str
    end: int


def _office(actor: Actor) -> str:
    """The office of a role: its first, where others came later."""
    return actor.role.split(",")[0].removeprefix("the ").lower()


def _holds(actor: Actor, day: date) -> bool:
    """Whether the actor held the office that day. One without dates, or who went on to another
    office, isn't known to."""
    if actor.since is None or "," in actor.role:
        return False
    away = actor.away is not None and actor.away[0] <= day < actor.away[1]
    return actor.since <= day and (actor.until is None or day < actor.until) and not away
