"""From an assessed article to the document that is stored: the fields of `detente.store.fields`."""

from __future__ import annotations

from typing import Any

import msgspec

from detente.article import (
    AssessedArticle,
    Assessment,
    CollectedArticle,
    Event,
    Evidence,
    IssueFound,
)
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
        "change": article.change,
        "wall": article.wall,
        "medium": article.medium,
        "length": len(article.body),
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
        "grounds": [{"score": one.score, **_sentence(one.evidence)} for one in assessment.grounds],
        "abstained": assessment.abstained,
        "actors": list(assessment.actors),
        "stances": _stances(assessment),
        "dyads": [msgspec.structs.asdict(dyad) for dyad in assessment.dyads],
        "dyad_labels": [f"{d.holder}>{d.target}:{d.label}" for d in assessment.dyads],
        # Flat mirrors of what is nested: Kibana's Lens sees only these.
        "stance_labels": sorted({f"{s.holder}>{s.target}:{s.label}" for s in assessment.stances}),
        "stance_grades": sorted({f"{s.holder}>{s.target}:{s.grade}" for s in assessment.stances}),
        "events": sorted({s.event.type for s in assessment.stances if s.event}),
        "quads": sorted({s.event.quad for s in assessment.stances if s.event}),
        "issues": [issue.id for issue in assessment.issues],
        "issue_evidence": [_issue(issue) for issue in assessment.issues],
        "quotations": [_flat(msgspec.structs.asdict(one)) for one in assessment.quotations],
        "speakers": sorted({one.speaker for one in assessment.quotations if one.speaker}),
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
            *("text_origin", "change", "wall", "medium"),
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
    """Each stance with its evidence and event beside it: one flat object a sentence and
    direction."""
    flat = []
    for stance in assessment.stances:
        fields = msgspec.structs.asdict(stance)
        evidence = msgspec.structs.asdict(fields.pop("evidence"))
        flat.append(_flat({**fields, **evidence, **_event(fields.pop("event"))}))
    return flat


def _event(event: Event | None) -> dict[str, Any]:
    if event is None:
        return {"event": None}
    return {
        "event": event.type,
        "quad": event.quad,
        "goldstein": event.goldstein,
        "event_confidence": event.confidence,
    }


def _issue(issue: IssueFound) -> dict[str, Any]:
    return {
        "id": issue.id,
        "score": issue.score,
        "sentences": issue.sentences,
        **_sentence(issue.evidence),
    }


def _sentence(where: Evidence) -> dict[str, Any]:
    return {"part": where.part, "start": where.start, "end": where.end, "text": where.text}


def _flat(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
