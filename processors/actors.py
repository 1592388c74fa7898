"""Where a text names a watch's sides, their actors and the dyad's terms: exact, linear in the text.

Which articles are worth the encoder's time is decided on these mentions alone (see `names_dyad`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from detente.watch import Watch
from processors.phrases import PhraseFinder


class Mention(NamedTuple):
    """`text[start:end]` names a side (`side`, through `actor` where one is named), or is a term of
    the dyad (`side` is None). Offsets are in characters."""

    start: int
    end: int
    side: str | None
    actor: str | None


def names_dyad(mentions: Sequence[Mention], watch: Watch, host: str = "") -> bool:
    """The gate: whether a text with these mentions can be about the watch's dyad.

    It can if it names both sides, or one where the other speaks (`host` is the outlet's), or a
    term of the dyad. Its recall on the labelled documents is in docs/model-card.md.
    """
    named = {mention.side for mention in mentions}
    return None in named or set(watch.codes) <= named | {watch.speaks_for(host)}


class ActorMatcher:
    """Finds a watch's aliases. Making one is cheap: the automaton is built at the first use."""

    def __init__(self, watch: Watch) -> None:
        self._phrases = PhraseFinder(_aliases(watch))

    def mentions(self, text: str) -> Sequence[Mention]:
        """Every mention, in order and without overlap: of those that overlap the longest.

        The rules of matching are the watch's (see `detente.watch`). Traps hide what they cover.
        """
        found = []
        covered = bytearray(len(text))
        for start, end, target in sorted(self._phrases.hits(text), key=_longest_leftmost):
            # What is no longer than those before can only overlap them with one of its ends.
            if not covered[start] and not covered[end - 1]:
                covered[start:end] = b"\1" * (end - start)
                if not target.trap:
                    found.append(Mention(start, end, target.side, target.actor))
        return sorted(found, key=lambda mention: mention.start)


class _Target(NamedTuple):
    side: str | None = None
    actor: str | None = None
    trap: bool = False


def _longest_leftmost(hit: tuple[int, int, _Target]) -> tuple[int, int, bool]:
    start, end, target = hit
    return start - end, start, not target.trap


def _aliases(watch: Watch) -> Iterator[tuple[str, _Target]]:
    for side in watch.sides:
        for alias in (*side.aliases, *side.demonyms):
            yield alias, _Target(side=side.code)
    for actor in watch.actors:
        for alias in sorted({actor.name, *actor.aliases}):
            yield alias, _Target(side=actor.side, actor=actor.id)
    for alias in watch.terms:
        yield alias, _Target()
    for alias in watch.traps:
        yield alias, _Target(trap=True)
