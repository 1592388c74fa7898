"""What makes two articles the same story: fitted and measured on labelled stories.

`python -m training.likeness` writes `detente/alerts/likeness.json`, fitted on all of them, and
prints how well stories are found in the half that the weights were not fitted on, beside what a
MinHash and plain TF-IDF do; and the same on the official documents, on which nothing was fitted.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression

from detente.alerts import likeness as alike
from detente.alerts.likeness import Traits, Weights, cosine, features, overlap
from detente.alerts.stories import WINDOW, Stories
from training.labelled import data_folder
from training.stories import BCubed, Labelled, bcubed, load_official_stories, load_stories

OUT = Path(__file__).parents[1] / "detente" / "alerts" / "likeness.json"
Score = Callable[[Traits, Traits], float]
"""How much a pair is alike, in 0…1."""

THRESHOLDS = [round(0.2 + 0.05 * step, 2) for step in range(14)]


def pairs(articles: Sequence[Labelled]) -> Iterator[tuple[Labelled, Labelled]]:
    """All pairs within the window."""
    for place, one in enumerate(articles):
        for other in articles[:place]:
            if one.traits.at - other.traits.at <= WINDOW:
                yield one, other


def fitted(articles: Sequence[Labelled]) -> Weights:
    """The weights of a logistic regression over pairs, and the threshold with the best F1."""
    rows, truth = [], []
    for one, other in pairs(articles):
        likeness = cosine(one.traits.terms, other.traits.terms)
        rows.append(features(likeness, one.traits.at - other.traits.at))
        truth.append(one.story == other.story)
    found = LogisticRegression(C=3.0, max_iter=1_000).fit(np.array(rows), truth)
    weights = tuple(round(float(value), 4) for value in found.coef_[0])
    start = Weights(weights, round(float(found.intercept_[0]), 4), 0.5)  # type: ignore[arg-type]
    scored = [
        (grouped_by(articles, msgspec.structs.replace(start, threshold=it)).f1, it)
        for it in THRESHOLDS
    ]
    best = max(score for score, _ in scored)
    # The middle of those that are as good, so that a little less or more changes nothing.
    good = [threshold for score, threshold in scored if score >= best - 0.005]
    return msgspec.structs.replace(start, threshold=good[len(good) // 2])


def grouped_by(articles: Sequence[Labelled], weights: Weights) -> BCubed:
    """How well `Stories` with these weights does, article by article."""
    return bcubed([one.story for one in articles], grouping(articles, weights))


def grouping(articles: Sequence[Labelled], weights: Weights) -> list[str]:
    """The story of each article once all have come, in this order."""
    alike._weights = lambda: weights  # type: ignore[assignment]
    stories, into = Stories(), dict[str, str]()
    placed = []
    for one in articles:
        # As the pipeline's ids, of which a story's name takes a part.
        id = f"a{hashlib.sha256(one.id.encode()).hexdigest()}"
        found = stories.place(id, one.traits)
        into.update(dict.fromkeys(found.joined, found.story))
        placed.append(found.story)
    return [_final(story, into) for story in placed]


def _final(story: str, into: dict[str, str]) -> str:
    while story in into:
        story = into[story]
    return story


def by_pairs(articles: Sequence[Labelled], score: Score, threshold: float) -> BCubed:
    """A baseline: an article joins the first one before it that is as much alike."""
    group: list[str] = []
    for place, one in enumerate(articles):
        best, found = threshold, one.id
        for other, its in zip(articles[:place], group, strict=True):
            if one.traits.at - other.traits.at <= WINDOW:
                value = score(one.traits, other.traits)
                if value >= best:
                    best, found = value, its
        group.append(found)
    return bcubed([one.story for one in articles], group)


def main() -> None:
    articles = load_stories()
    halves = [[one for one in articles if one.id.startswith(half)] for half in ("a", "b")]
    events = len({one.story for one in articles})
    print(f"{len(articles)} articles, {events} events; fitted on one half, measured on the other")
    rows: defaultdict[str, list[BCubed]] = defaultdict(list)
    groups = 0
    for train, test in (halves, halves[::-1]):
        weights = fitted(train)
        rows["ours"].append(grouped_by(test, weights))
        groups += len(set(grouping(test, weights)))
        late = list(test)
        random.Random(1).shuffle(late)
        rows["ours, in random order"].append(grouped_by(late, weights))
        for name, score in BASELINES.items():
            rows[name].append(by_pairs(test, score, _best_threshold(train, score)))
    _show(rows)
    print(f"  stories, so first alerts, for {events} events: {groups}")
    weights = fitted(articles)
    _official(articles, load_official_stories(data_folder()), weights)
    OUT.write_text(json.dumps(msgspec.to_builtins(weights)) + "\n", "utf-8")
    print(f"{OUT.name}: {weights}")


def _official(invented: Sequence[Labelled], official: Sequence[Labelled], weights: Weights) -> None:
    """What the invented articles taught, on two governments' documents."""
    truth = [one.story for one in official]
    print(f"{len(official)} official documents, {len(set(truth))} events")
    rows = {
        name: [by_pairs(official, score, _best_threshold(invented, score))]
        for name, score in BASELINES.items()
    }
    news = [
        one._replace(traits=msgspec.structs.replace(one.traits, official=False)) for one in official
    ]
    groups = len(set(grouping(official, weights)))
    _show(
        {
            "ours": [grouped_by(official, weights)],
            "ours, were they news": [grouped_by(news, weights)],
            **rows,
            "each one alone": [bcubed(truth, [one.id for one in official])],
        }
    )
    print(f"  stories, so first alerts, for {len(set(truth))} events: {groups}")


def _best_threshold(
    articles: Sequence[Labelled], score: Callable[[Traits, Traits], float]
) -> float:
    return max((it / 2 for it in THRESHOLDS), key=lambda it: by_pairs(articles, score, it).f1)


def _show(rows: Mapping[str, Sequence[BCubed]]) -> None:
    for name, found in rows.items():
        shown = ", ".join(f"{one.f1:.3f} ({one.precision:.3f} / {one.recall:.3f})" for one in found)
        print(f"  {name:<24} B-cubed F1 (precision / recall): {shown}")


def _minhash(one: Traits, other: Traits) -> float:
    return max(overlap(one, other), overlap(other, one))


def _tfidf(one: Traits, other: Traits) -> float:
    return cosine(one.terms, other.terms)


BASELINES: Mapping[str, Score] = {
    "MinHash": _minhash,
    "TF-IDF": _tfidf,
}


if __name__ == "__main__":
    main()
