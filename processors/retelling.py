"""A text on any dyad told as if it were on the one that the shipped model was trained on.

The model learnt what states do to each other from texts on the United States and Russia, and how
their names stand in a sentence. For another watch the names are exchanged before the model reads
them: its first side's become American ones, its second's Russian ones, and where Americans or
Russians are named themselves they become a third party. Only the model sees the result; offsets and
evidence are of the text as it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from detente.watch import Watch, load_watch
from processors.actors import ActorMatcher, Mention

TRAINED: Final = "usa-rus"
TRAINED_CODES: Final = ("USA", "RUS")
"""The watch on the dyad that the shipped model was trained on, and its sides."""


class _Names(NamedTuple):
    """What stands for a side, its people, its head of state and its other officials."""

    state: str
    people: str
    head: str
    official: str
    host: str = ""


_SIDES: Final = (
    _Names("Washington", "American", "Biden", "Blinken", "state.gov"),
    _Names("Moscow", "Russian", "Putin", "Lavrov", "kremlin.ru"),
)
_THIRD: Final = (
    _Names("Tokyo", "Japanese", "Kishida", "Motegi"),
    _Names("New Delhi", "Indian", "Modi", "Jaishankar"),
)
"""For Americans and for Russians, where they are third parties."""


class Retelling(Protocol):
    """How a text reaches the model."""

    def text(self, text: str) -> str:
        """The text with names exchanged."""
        ...

    def host(self, host: str) -> str:
        """The outlet's host, or that of the side that stands for the one that speaks there."""
        ...


def retelling_for(watch: Watch) -> Retelling:
    """As it is for the dyad that the model was trained on; else with names exchanged."""
    return _AsItIs() if watch.codes == TRAINED_CODES else _Exchanged(watch, load_watch(TRAINED))


class _AsItIs:
    def text(self, text: str) -> str:
        return text

    def host(self, host: str) -> str:
        return host


class _Exchanged:
    def __init__(self, watch: Watch, trained: Watch) -> None:
        self._watch = watch
        self._readers = [_Reader(watch, _SIDES), _Reader(trained, _THIRD)]

    def text(self, text: str) -> str:
        # The watch's own names first: what it claims isn't a third party's.
        names: dict[int, tuple[int, str]] = {}
        taken = bytearray(len(text))
        for reader in self._readers:
            for start, end, name in reader.names(text):
                if not any(taken[start:end]):
                    taken[start:end] = b"\1" * (end - start)
                    names[start] = (end, name)
        parts, done = [], 0
        for start in sorted(names):
            end, name = names[start]
            parts += [text[done:start], name]
            done = end
        return "".join([*parts, text[done:]])

    def host(self, host: str) -> str:
        speaks = self._watch.speaks_for(host)
        return _SIDES[self._watch.codes.index(speaks)].host if speaks else host


class _Reader:
    """Finds a watch's names in a text, each with what stands for it."""

    def __init__(self, watch: Watch, names: tuple[_Names, _Names]) -> None:
        self._matcher = ActorMatcher(watch)
        self._names = dict(zip(watch.codes, names, strict=True))
        self._people = {
            demonym.removesuffix("*").lower() for side in watch.sides for demonym in side.demonyms
        }
        self._heads = {actor.id for actor in watch.actors if actor.role.startswith("president")}

    def names(self, text: str) -> list[tuple[int, int, str]]:
        return [
            (mention.start, mention.end, self._name(mention, text[mention.start : mention.end]))
            for mention in self._matcher.mentions(text)
            if mention.side
        ]

    def _name(self, mention: Mention, words: str) -> str:
        names = self._names[mention.side or ""]
        if mention.actor:
            return names.head if mention.actor in self._heads else names.official
        if words.lower() in self._people:
            return names.people
        return names.state
