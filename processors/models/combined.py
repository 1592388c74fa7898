"""Two classifiers as one: a model with some of the heads, and another that fills in the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from processors.models.base import Classifier, ModelIdentity, Passage, Scores, Weights


class CombinedClassifier:
    """Judges with `first`; heads that it doesn't have are judged by `second`.

    Its identity names both where both are used.
    """

    def __init__(self, first: Classifier, second: Classifier) -> None:
        self._first = first
        self._second = second

    @property
    def identity(self) -> ModelIdentity:
        """The first's, joined with the second's where that is needed; loads the models."""
        if not self._missing():
            return self._first.identity
        both = (self._first.identity, self._second.identity)
        return ModelIdentity(
            "+".join(one.name for one in both), "+".join(one.revision for one in both)
        )

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        """The heads of both; loads the models."""
        return {**{head: self._second.heads[head] for head in self._missing()}, **self._first.heads}

    @property
    def weights(self) -> Weights | None:
        """The first's where it judges alone: weights fit no other model's scores."""
        return None if self._missing() else self._first.weights

    def warm_up(self) -> None:
        """Load both: which heads the first lacks shows when both are there."""
        self._first.warm_up()
        self._second.warm_up()

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage, in order."""
        scores = self._first.classify(passages)
        missing = self._missing()
        if not missing:
            return scores
        filled = self._second.classify(passages)
        return [
            {**{head: other[head] for head in missing}, **own}
            for own, other in zip(scores, filled, strict=True)
        ]

    def _missing(self) -> Sequence[str]:
        return [head for head in self._second.heads if head not in self._first.heads]
