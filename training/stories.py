"""The labelled stories, and how well a grouping agrees with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from detente.alerts.likeness import Traits, traits
from training.labelled import OURS, json_lines, official_body, official_texts, tab_lines

DATA = OURS / "stories.jsonl"
OFFICIAL = OURS / "official_stories.tsv"


class Labelled(NamedTuple):
    """An article with the event that it is about."""

    id: str
    story: str
    traits: Traits


class BCubed(NamedTuple):
    """Precision and recall of a grouping, averaged over the articles (Bagga and Baldwin 1998)."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def load_stories() -> list[Labelled]:
    """The labelled articles, in the order in which they appeared."""
    found = [
        Labelled(
            row["id"],
            row["story"],
            traits(
                row["title"],
                row["body"],
                datetime.fromisoformat(row["published"]).timestamp(),
                row["outlet"],
                "en",
                official=row["kind"] == "official",
            ),
        )
        for row in json_lines(DATA)
    ]
    return sorted(found, key=lambda one: (one.traits.at, one.id))


def load_official_stories(folder: Path) -> list[Labelled]:
    """Labelled documents of both governments, in the order in which they appeared; their text is
    read in the folder of the labelled text."""
    texts = official_texts(folder)
    found = []
    for id, story in tab_lines(OFFICIAL):
        row = texts[id]
        # The Kremlin's have a day, and an hour in Moscow's time apart from it.
        said = f"{row['published']}T{row['time']}+03:00" if "time" in row else row["published"]
        at = datetime.fromisoformat(said).timestamp()
        its = traits(row["title"], official_body(row), at, row["source"], "en", official=True)
        found.append(Labelled(id, story, its))
    return sorted(found, key=lambda one: (one.traits.at, one.id))


def bcubed(truth: Sequence[str], grouped: Sequence[str]) -> BCubed:
    """How well a grouping agrees with the labels."""
    precision = recall = 0.0
    for event, group in zip(truth, grouped, strict=True):
        same_group = {place for place, other in enumerate(grouped) if other == group}
        same_event = {place for place, other in enumerate(truth) if other == event}
        both = len(same_group & same_event)
        precision += both / len(same_group)
        recall += both / len(same_event)
    return BCubed(precision / len(truth), recall / len(truth))
