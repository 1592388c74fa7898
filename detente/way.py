"""An article's way through the pipeline, as it is told to people."""

from __future__ import annotations

from dataclasses import dataclass

from detente.article import CollectedArticle


@dataclass(frozen=True, slots=True)
class Step:
    """What became of an article at one stage; `at` as people read it."""

    at: str
    stage: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Way:
    """The article's id, its title where it is stored, the steps in order, and what the log still
    has of its revisions, oldest first."""

    id: str
    title: str | None
    steps: tuple[Step, ...]
    revisions: tuple[CollectedArticle, ...]
