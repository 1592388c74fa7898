"""Articles of our own making, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from detente.alerts.message import Alert
from detente.article import (
    AssessedArticle,
    Assessment,
    CollectedArticle,
    Dyad,
    Evidence,
    ModelIdentity,
    Relevance,
    Source,
    Stance,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = Source(feed="sample", outlet="The Sample", host="sample.example", country="US")


def collected(id: str = "a1", **changes: Any) -> CollectedArticle:
    return CollectedArticle(
        **{
            "id": id,
            "revision": 1,
            "identity": f"url:https://sample.example/{id}",
            "url": f"https://sample.example/{id}",
            "title": "Envoys meet",
            "body": "The envoys met. Moscow thanked Washington.",
            "published": NOON,
            "published_claim": "Sun, 01 Mar 2026 12:00:00 +0000",
            "published_quality": "claimed",
            "first_seen": NOON,
            "collected": NOON,
            "text_origin": "feed",
            "source": SOURCE,
            **changes,
        }
    )


def assessed(id: str = "a1", **changes: Any) -> AssessedArticle:
    evidence = Evidence(part="body", start=16, end=42, text="Moscow thanked Washington.")
    stance = Stance(
        holder="RUS",
        target="USA",
        label="cooperative",
        grade="1",
        score=0.5,
        confidence=0.8,
        evidence=evidence,
    )
    dyad = Dyad(holder="RUS", target="USA", label="cooperative", score=0.5, sentences=1)
    assessment = Assessment(
        watch="usa-rus",
        relevance=Relevance("core", 0.9),
        language="en",
        actors=("kremlin",),
        stances=(stance,),
        dyads=(dyad,),
        model=ModelIdentity("keyword", "000000000000"),
        assessed=NOON,
    )
    return AssessedArticle(article=collected(id, **changes), assessment=assessment)


def alert(subscription: str, story: str) -> Alert:
    """An alert on an article, as the stage makes them."""
    return Alert(
        id=f"{subscription}-{story}",
        subscription=subscription,
        story=story,
        article=f"a-{story}",
        title=f"On {story}",
        url="https://a.example/",
        outlet="A",
        published=None,
        evidence=(),
        stance={},
        before={},
    )
