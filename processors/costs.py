"""From what sureness on something is said: from what a mistake costs.

To say what is wrong costs so many times as much as to say nothing where something could have been
said. With probabilities that are right as often as they say, the cheapest rule is to speak from the
probability cost / (1 + cost) on.
"""

from __future__ import annotations

from typing import NamedTuple


class Costs(NamedTuple):
    """What a wrong stance, and a wrong relevance, cost against none."""

    stance: float = 1.0
    relevance: float = 2 / 3

    @property
    def least_stance(self) -> float:
        """The probability from which a stance is said; 0.5 by default."""
        return self.stance / (1 + self.stance)

    @property
    def least_relevance(self) -> float:
        """The probability from which a relevance is said; 0.4 by default."""
        return self.relevance / (1 + self.relevance)
