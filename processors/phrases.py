"""Finds many phrases in a text at once, as a watch writes them (see `detente.watch`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final, Generic, NamedTuple, TypeVar

Target = TypeVar("Target")


class PhraseFinder(Generic[Target]):
    """Finds phrases, each of which stands for something: its target.

    Making one is cheap: the automaton is built at the first use.
    """

    def __init__(self, phrases: Iterable[tuple[str, Target]]) -> None:
        self._phrases = tuple(phrases)

    def hits(self, text: str) -> Iterator[tuple[int, int, Target]]:
        """Every place of every phrase, overlapping ones too: start, end, and the target."""
        if not self._phrases:
            return
        for last, patterns in self._automaton.iter(fold(text)):
            for pattern, target in patterns:
                start = last + 1 - len(pattern.text)
                end = pattern.end_in(text, start)
                if end is not None:
                    yield start, end, target

    @cached_property
    def _automaton(self) -> Any:
        import ahocorasick

        patterns: dict[str, list[tuple[_Pattern, Target]]] = defaultdict(list)
        for phrase, target in self._phrases:
            pattern = _Pattern(phrase.removesuffix("*"), phrase.endswith("*"))
            patterns[fold(pattern.text)].append((pattern, target))
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


class _Pattern(NamedTuple):
    text: str
    open: bool

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
