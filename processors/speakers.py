"""Who of the watch's actors speaks: by name, or by a word that can mean but one of them here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from processors.actors import Mention
from processors.quotes import Quote

_PRONOUN: Final = re.compile(r"s?he", re.IGNORECASE)
_OFFICE: Final = re.compile(r"the ([a-z][a-z ]*)", re.IGNORECASE)
_PARAGRAPHS: Final = 1
"""So many line ends at most lie between a name and a word that goes back to it."""


def speakers_of(
    body: str, quotes: Sequence[Quote], mentions: Sequence[Mention], roles: Mapping[str, str]
) -> list[str | None]:
    """The actor who speaks each quotation, or None; `mentions` are of the body, in order.

    A speaker's words mean the last actor that they name ("President Putin's spokesman Dmitry
    Peskov"). "He", "she" and "the minister" mean the one actor named shortly before, if there is
    but one, and an office must be that one's (`roles`, by actor). Else they mean nobody: which
    president "the president" is can't be told from the words alone.
    """
    actors: list[str | None] = []
    for quote in quotes:
        actor = None
        if quote.speaker is not None:
            start, end = quote.speaker
            named = [one.actor for one in mentions if one.actor and start <= one.start < end]
            actor = named[-1] if named else _before(body, quote, mentions, roles)
        actors.append(actor)
    return actors


def _before(
    body: str, quote: Quote, mentions: Sequence[Mention], roles: Mapping[str, str]
) -> str | None:
    """The actor that a pronoun or an office goes back to."""
    if quote.speaker is None:
        return None
    words = body[slice(*quote.speaker)]
    earlier = [one for one in mentions if one.actor and one.end <= quote.speaker.start]
    near = [
        one
        for one in earlier
        if body.count("\n", one.end, quote.speaker.start) <= _PARAGRAPHS
        and not quote.said.start <= one.start < quote.said.end
    ]
    candidates = {one.actor for one in near}
    if len(candidates) != 1:
        return None
    (actor,) = candidates
    office = _OFFICE.fullmatch(words)
    if _PRONOUN.fullmatch(words) or (office and office[1].lower() in roles.get(actor or "", "")):
        return actor
    return None
