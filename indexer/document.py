"""From an assessed article to the document that is stored: the fields of `detente.store.fields`."""

from __future__ import annotations

from typing import Any

import msgspec

from detente.article import AssessedArticle, Assessment, CollectedArticle
from detente.store.base import Document


def article_document(assessed: AssessedArticle, sides: tuple[str, str]) -> Document:
    """The document of one article; `sides` are the watch's two sides, for the flat dyad scores."""
    article, assessment = assessed.article, assessed.assessment
    first, second = sides
    scores = {(dyad.holder, dyad.target): dyad.score for dyad in assessment.dyads}
    document: dict[str, Any] = {
        "id": article.id,
        "revision": article.revision,
        "identity": article.identity,
        "url": article.url,
        "title": article.title,
        "body": article.body,
        "language": assessment.language or article.language,
        "authors": list(article.authors),
        "text_origin": article.text_origin,
        "source": article.source.host,
        "outlet": article.source.outlet,
        "feed": article.source.feed,
        "country": article.source.country,
        "kind": article.source.kind,
        "published": article.published,
        "published_claim": article.published_claim,
        "published_quality": article.published_quality,
        "first_seen": article.first_seen,
        "collected": article.collected,
        "assessed": assessment.assessed,
        "watch": assessment.watch,
        "model": assessment.model.name,
        "model_revision": assessment.model.revision,
        "relevance": assessment.relevance.label if assessment.relevance else None,
        "relevance_score": assessment.relevance.score if assessment.relevance else None,
        "abstained": assessment.abstained,
        "actors": list(assessment.actors),
        "stances": _stances(assessment),
        "dyads": [msgspec.structs.asdict(dyad) for dyad in assessment.dyads],
        "dyad_labels": [f"{d.holder}>{d.target}:{d.label}" for d in assessment.dyads],
        # Flat mirrors of what is nested: Kibana's Lens sees only these.
        "stance_labels": sorted({f"{s.holder}>{s.target}:{s.label}" for s in assessment.stances}),
        "stance_grades": sorted({f"{s.holder}>{s.target}:{s.grade}" for s in assessment.stances}),
        "speakers": sorted({s.evidence.speaker for s in assessment.stances if s.evidence.speaker}),
        "first_toward_second": scores.get((first, second)),
        "second_toward_first": scores.get((second, first)),
    }
    return {name: value for name, value in document.items() if value is not None}


def collected_article(document: Document) -> CollectedArticle:
    """The article of a stored document, to be judged anew; its dates are text there."""
    fields = {
        name: document[name]
        for name in (
            *("id", "revision", "identity", "url", "title", "body", "language", "authors"),
            *("published", "published_claim", "published_quality", "first_seen", "collected"),
            "text_origin",
        )
        if name in document
    }
    source = {
        "feed": document["feed"],
        "outlet": document["outlet"],
        "host": document["source"],
        "country": document.get("country"),
        "kind": document.get("kind"),
    }
    return msgspec.convert({**fields, "source": source}, CollectedArticle)


def _stances(assessment: Assessment) -> list[dict[str, Any]]:
    """Each stance with its evidence beside it: one flat object a sentence and direction."""
    flat = []
    for stance in assessment.stances:
        fields = msgspec.structs.asdict(stance)
        evidence = msgspec.structs.asdict(fields.pop("evidence"))
        flat.append({k: v for k, v in {**fields, **evidence}.items() if v is not None})
    return flat
