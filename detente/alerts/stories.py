"""Articles about the same event, grouped as they arrive.

An article joins the story to whose articles it is most alike, if it is alike enough, or begins one.
One that is as much alike to a second story joins the two: the younger story goes on under the older
one's name. A government's own documents are an event each, and keep stories apart. What is known
lives in memory for two weeks of articles, and in the alerts' file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from detente.alerts.background import Background
from detente.alerts.likeness import (
    Traits,
    are_acts_of_one_office,
    is_copy,
    likeness,
    threshold,
)

WINDOW = 96 * 3_600.0
"""Seconds that may lie between two articles on one event."""

KEPT = 14 * 86_400.0
"""Seconds for which an article can still be joined by one that comes late."""

LINKS = 3
"""An article's likeness to a story is the mean of so many of its links at most."""

JOINED = 0.8
"""From this likeness to both, an article joins two stories. Well above what it takes to belong to
one, since a wrong join can't be undone."""


class Placed(NamedTuple):
    """Where an article belongs. `joined` are stories that went into this one; `copies` is the
    article that it copies."""

    story: str
    is_new: bool
    joined: tuple[str, ...] = ()
    copies: str | None = None


@dataclass(slots=True)
class Stories:
    """The stories of the last weeks. Used from one thread."""

    _traits: dict[str, Traits] = field(default_factory=dict)
    _story: dict[str, str] = field(default_factory=dict)
    _members: dict[str, list[str]] = field(default_factory=dict)
    _by_term: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    _background: Background = field(default_factory=Background)

    def observe(self, article: str, traits: Traits) -> None:
        """Let the words of an article that is about to be placed count as its time's. The more are
        known before the first is placed, the better is boilerplate told apart."""
        if article not in self._traits:
            self._traits[article] = traits
            self._background.add(traits.terms, traits.outlet, traits.language)

    def restore(self, article: str, traits: Traits, story: str) -> None:
        """Put an article where it was before."""
        self.observe(article, traits)
        self._story[article] = story
        self._members.setdefault(story, []).append(article)
        for term, weight in self._telling(traits).items():
            self._by_term[term][article] = weight

    def place(self, article: str, traits: Traits) -> Placed:
        """Find the story of an article. One that is known stays where it is, however edited."""
        if (story := self._story.get(article)) is not None:
            return Placed(story, is_new=False)
        self.observe(article, traits)
        links = self._links(traits)
        by_story: defaultdict[str, list[float]] = defaultdict(list)
        for other, score in links:
            by_story[self._story[other]].append(score)
        for story in [one for one in by_story if self._is_of_another_act(traits, one)]:
            del by_story[story]
        ranked = sorted(
            ((sum(found[:LINKS]) / len(found[:LINKS]), story) for story, found in by_story.items()),
            key=lambda one: (-one[0], one[1]),
        )
        if not ranked or ranked[0][0] < threshold():
            self.restore(article, traits, f"s{article[1:13]}")
            return Placed(self._story[article], is_new=True)
        copies = next((other for other, _ in links if is_copy(traits, self._traits[other])), None)
        both = [story for score, story in ranked[:2] if score >= JOINED]
        story = ranked[0][1]
        joined: tuple[str, ...] = ()
        if len(both) == 2 and not self._are_apart(*both):
            story, younger = sorted(both, key=self._began)
            self._join(younger, story)
            joined = (younger,)
        self.restore(article, traits, story)
        return Placed(story, is_new=False, joined=joined, copies=copies)

    def forget(self, before: float) -> list[str]:
        """Forget articles that appeared before an epoch; gives their ids."""
        old = [id for id, traits in self._traits.items() if traits.at < before]
        for id in old:
            traits = self._traits.pop(id)
            self._background.remove(traits.terms, traits.outlet, traits.language)
            for term in traits.terms:
                if self._by_term.get(term, {}).pop(id, None) and not self._by_term[term]:
                    del self._by_term[term]
            if id not in self._story:
                continue  # observed, and never placed
            members = self._members[story := self._story.pop(id)]
            members.remove(id)
            if not members:
                del self._members[story]
        return old

    def members(self, story: str) -> Iterable[str]:
        """The articles of a story that are in memory, in the order in which they came."""
        return tuple(self._members.get(story, ()))

    def _telling(self, traits: Traits) -> dict[str, float]:
        return self._background.without(traits.terms, traits.outlet, traits.language)

    def _is_of_another_act(self, traits: Traits, story: str) -> bool:
        """Whether the story has another document of the office that published this one."""
        return traits.official and any(
            are_acts_of_one_office(traits, self._traits[one]) for one in self._members[story]
        )

    def _are_apart(self, one: str, other: str) -> bool:
        return any(self._is_of_another_act(self._traits[it], other) for it in self._members[one])

    def _began(self, story: str) -> tuple[float, str]:
        return min(self._traits[one].at for one in self._members[story]), story

    def _join(self, younger: str, older: str) -> None:
        for member in self._members.pop(younger):
            self._story[member] = older
            self._members[older].append(member)

    def _links(self, traits: Traits) -> list[tuple[str, float]]:
        """The articles within the window, with their likeness, most alike first."""
        cosines: defaultdict[str, float] = defaultdict(float)
        for term, weight in self._telling(traits).items():
            for other, its in self._by_term.get(term, {}).items():
                cosines[other] += weight * its
        links = []
        for other, cosine in cosines.items():
            apart = traits.at - self._traits[other].at
            if abs(apart) <= WINDOW:
                links.append((other, likeness(cosine, apart)))
        return sorted(links, key=lambda one: (-one[1], one[0]))
