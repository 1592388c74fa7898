"""What a text is about: the issues of the watch, found sentence by sentence.

An issue is found by the terms that the watch gives it, and those that the model knows
(`processors.models.base.ISSUES`) by the model, too: a term is surer, and the model finds what is
said in other words (figures in docs/model-card.md). A watch may have issues that no model knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from detente.watch import Watch
from processors.models.base import Scores, issue_head
from processors.phrases import PhraseFinder

LEAST: Final = 0.5
"""A sentence is about an issue from this probability on: likelier than not."""


class Issue(NamedTuple):
    """An issue of one text: `score` is the highest probability that any of its sentences has,
    `sentence` the place of that one among those judged, and `sentences` how many reach `LEAST`."""

    id: str
    score: float
    sentence: int
    sentences: int


class IssueFinder:
    """Finds a watch's issues."""

    def __init__(self, watch: Watch) -> None:
        self._ids = [issue.id for issue in watch.issues]
        self._terms = PhraseFinder(
            [(term, issue.id) for issue in watch.issues for term in issue.terms]
        )
        self._with_terms = {issue.id for issue in watch.issues if issue.terms}

    def unknown(self, heads: Iterable[str]) -> list[str]:
        """The issues that a model with these heads doesn't know and that have no terms either."""
        known = set(heads)
        return [
            id for id in self._ids if issue_head(id) not in known and id not in self._with_terms
        ]

    def of_sentence(self, text: str, scores: Scores) -> dict[str, float]:
        """The probability of each issue that a sentence is about; 1 where one of its terms stands
        in it."""
        known = {id: scores[issue_head(id)]["yes"] for id in self._ids if issue_head(id) in scores}
        named = dict.fromkeys((id for _, _, id in self._terms.hits(text)), 1.0)
        found = {id: score for id, score in known.items() if score >= LEAST}
        return {**found, **named}


def issues_of(sentences: Sequence[dict[str, float]]) -> list[Issue]:
    """Sum up the sentences of one text: its issues, those of most sentences first."""
    ids = {id for one in sentences for id in one}
    found = []
    for id in ids:
        places = [place for place, one in enumerate(sentences) if id in one]
        best = max(places, key=lambda place: sentences[place][id])
        found.append(Issue(id, sentences[best][id], best, len(places)))
    return sorted(found, key=lambda issue: (-issue.sentences, -issue.score, issue.id))
