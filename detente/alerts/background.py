"""The words that say nothing about an event, since everybody's articles have them just now.

The table of frequencies knows this field's words in official English. It knows neither a
publisher's boilerplate, nor the words of another language: what most articles have within two
weeks, of a publisher or of all, is left out when they are compared, and another language's words
weigh by how rare they are in these.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from detente.alerts.frequency import share, weight

OF_ALL = 0.5
OF_OUTLET = 0.8
"""The share of articles from which a word is the background of all, or of its publisher: a large
story may be in many articles, but hardly in so many."""

TABLED = "en"
"""The language of which the table knows the words. In any other one a word weighs by how few of
that language's articles have it."""

LEAST = 8
LEAST_OF_OUTLET = 4
"""Articles that it takes to tell."""

KNOWN = 0.1
"""Words in more articles than this by the table weigh little anyway."""


class Background:
    """The terms of the articles in memory, counted. Used from one thread."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._articles: Counter[str] = Counter()

    def add(self, terms: Iterable[str], outlet: str, language: str) -> None:
        """Count an article."""
        for group in _groups(outlet, language):
            self._articles[group] += 1
            self._counts[group].update(list(terms))

    def remove(self, terms: Iterable[str], outlet: str, language: str) -> None:
        """Count an article no more."""
        for group in _groups(outlet, language):
            self._articles[group] -= 1
            self._counts[group].subtract(list(terms))
            if not self._articles[group]:
                del self._articles[group], self._counts[group]

    def without(self, weights: Mapping[str, float], outlet: str, language: str) -> dict[str, float]:
        """An article's weighted terms without the background, normed again to length 1."""
        kept = {
            term: weight * self._rarity(term, language)
            for term, weight in weights.items()
            if share(term) > KNOWN or not self._is_common(term, outlet)
        }
        length = sum(weight * weight for weight in kept.values()) ** 0.5
        return {term: weight / length for term, weight in kept.items()} if length else {}

    def _rarity(self, term: str, language: str) -> float:
        """What to multiply a weight by that the table has given, in 0…1."""
        articles = self._articles[group := _of_language(language)]
        if language == TABLED or articles < LEAST:
            return 1.0
        seen = -math.log(min(1.0, max(1, self._counts[group][term]) / articles))
        return min(1.0, seen / max(weight(term), 1e-9))

    def _is_common(self, term: str, outlet: str) -> bool:
        for group, most, least in (
            ("", OF_ALL, LEAST),
            (_of_outlet(outlet), OF_OUTLET, LEAST_OF_OUTLET),
        ):
            articles = self._articles[group]
            if articles >= least and self._counts[group][term] >= most * articles:
                return True
        return False


def _groups(outlet: str, language: str) -> Sequence[str]:
    return "", _of_language(language), _of_outlet(outlet)


def _of_language(language: str) -> str:
    return f"language {language}"


def _of_outlet(outlet: str) -> str:
    return f"outlet {outlet}"
