"""Where a text names a watch's sides, their actors and the dyad's terms: exact, linear in the text.

Which articles are worth the encoder's time is decided on these mentions alone (see `names_dyad`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from detente.watch import Watch


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
        self._watch = watch

    def mentions(self, text: str) -> Sequence[Mention]:
        """Every mention, in order and without overlap: of those that overlap the longest.

        The rules of matching are the watch's (see `detente.watch`). Traps hide what they cover.
        """
        found = []
        covered = bytearray(len(text))
        for start, end, target in sorted(self._hits(text), key=_longest_leftmost):
            # What is no longer than those before can only overlap them with one of its ends.
            if not covered[start] and not covered[end - 1]:
                covered[start:end] = b"\1" * (end - start)
                if not target.trap:
                    found.append(Mention(start, end, target.side, target.actor))
        return sorted(found, key=lambda mention: mention.start)

    def _hits(self, text: str) -> Iterator[tuple[int, int, _Target]]:
        folded = fold(text)
        for last, patterns in self._automaton.iter(folded):
            for pattern in patterns:
                start = last + 1 - len(pattern.text)
                end = pattern.end_in(text, start)
                if end is not None:
                    yield start, end, pattern.target

    @cached_property
    def _automaton(self) -> Any:
        import ahocorasick

        patterns: dict[str, list[_Pattern]] = defaultdict(list)
        for alias, target in _aliases(self._watch):
            pattern = _Pattern(alias.removesuffix("*"), alias.endswith("*"), target)
            patterns[fold(pattern.text)].append(pattern)
        automaton = ahocorasick.Automaton()
        for key, values in patterns.items():
            automaton.add_word(key, tuple(values))
        automaton.make_automaton()
        return automaton


# Ways of writing one sign, and line breaks within a name. Each is one character for one.
_SAME: Final = str.maketrans("’ʼ‐‑–\u00a0\u202f\n\tёЁ", "''---    ее")


def fold(text: str) -> str:
    """The text as it is compared: small letters, plain apostrophes, hyphens and spaces.

    As long as the text, so that offsets in one are offsets in the other.
    """
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := sign.lower()) == 1 else sign for sign in text)
    return lower.translate(_SAME)


class _Target(NamedTuple):
    side: str | None = None
    actor: str | None = None
    trap: bool = False


class _Pattern(NamedTuple):
    text: str
    open: bool
    target: _Target

    def end_in(self, text: str, start: int) -> int | None:
        """Where this pattern ends, if it stands at `start` as whole words and in its case."""
        end = start + len(self.text)
        if start and _in_word(text[start - 1]) and _in_word(text[start]):
            return None
        if self.open:
            while end < len(text) and _in_word(text[end]):
                end += 1
        elif end < len(text) and _in_word(text[end]) and _in_word(text[end - 1]):
            return None
        for own, theirs in zip(self.text, text[start:end], strict=False):
            if own.isupper() and not theirs.isupper():
                return None
        return end


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


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
