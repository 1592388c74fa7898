"""The indexer: assessed articles into the article store, idempotently, losing nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detente.article import AssessedArticle
from detente.document import article_document
from detente.flow import route
from detente.runner import Outcome, Stage
from detente.store.base import ArticleStore, Document
from indexer.outcomes import outcome_of


def indexer_stage(
    store: ArticleStore,
    sides: tuple[str, str],
    on_written: Callable[[Document], None] | None = None,
) -> Stage[AssessedArticle]:
    """The stage over a prepared store; `sides` are the codes of the watch's two sides.

    `on_written` is told of every document as it is stored, perhaps more than once after a fault.
    """

    def handle(batch: Sequence[AssessedArticle]) -> Sequence[Outcome]:
        documents = [article_document(assessed, sides) for assessed in batch]
        writes = store.put(documents)
        if on_written is not None:
            for document, write in zip(documents, writes, strict=True):
                if write.result == "written":
                    on_written(document)
        return [outcome_of(write) for write in writes]

    return Stage(route("indexer"), AssessedArticle, handle)
