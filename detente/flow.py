"""Which stage reads and writes what: the one table that code, docs and deployment are held to."""

from __future__ import annotations

from dataclasses import dataclass

COLLECTED = "articles.collected"
ASSESSED = "articles.assessed"
DEAD_SUFFIX = ".dead"
FEED_STATE = "feeds.state"
"""The changelog of what the collectors remember, where several of them share the feeds."""

COLLECTORS = "collectors"
"""The consumer group in which they share them."""


@dataclass(frozen=True, slots=True)
class Route:
    """One stage's place in the flow; `None` where it reads from or writes to something else."""

    stage: str
    reads: str
    writes: str
    group: str | None
    topic_in: str | None
    topic_out: str | None


ROUTES: tuple[Route, ...] = (
    Route("collectors", "feeds over HTTP", COLLECTED, None, None, COLLECTED),
    Route("processors", COLLECTED, ASSESSED, "processors", COLLECTED, ASSESSED),
    Route("indexer", ASSESSED, "the article store", "indexer", ASSESSED, None),
    Route("alerts", ASSESSED, "the outbox", "alerts", ASSESSED, None),
)

TOPICS: tuple[str, ...] = (COLLECTED, ASSESSED)


def dead_letter_topic(topic: str) -> str:
    """The topic where what can't be handled out of `topic` is parked."""
    return topic + DEAD_SUFFIX


def route(stage: str) -> Route:
    """The route of a stage by its name; KeyError for an unknown one."""
    for candidate in ROUTES:
        if candidate.stage == stage:
            return candidate
    raise KeyError(stage)
