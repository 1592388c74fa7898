"""The pages' facts as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from detente.dashboard.asking import FACETS, Asked
from detente.dashboard.pages import (
    pages_of,
    ports_of,
    read_subscriptions,
    shown_today,
)
from detente.dashboard.views.search import search as search_view
from detente.dashboard.views.story import story as story_view

router = APIRouter(prefix="/api/v1")


class Problem(BaseModel):
    """What went wrong, and how to mend it."""

    problems: list[str]


class Point(BaseModel):
    day: date
    count: int
    mean: float
    low: float
    high: float


class Standing(BaseModel):
    """One side toward the other: the mean of the last seven days, and of the seven before."""

    toward: str = Field(examples=["USA>RUS"])
    name: str
    count: int
    mean: float | None
    low: float | None
    high: float | None
    before: float | None


class ArticleLine(BaseModel):
    """An article in a list; `evidence` is the sentence that shows its stance best."""

    id: str
    title: str
    outlet: str
    country: str
    kind: str
    language: str
    published: str | None
    first_seen: str
    relevance: str | None
    abstained: str | None
    scores: list[tuple[str, float]]
    evidence: dict[str, Any] | None
    issues: list[str]
    link: str | None


class StoryLine(BaseModel):
    story: str
    article: ArticleLine
    articles: int
    outlets: int
    adds: list[str]
    latest: float


class Move(BaseModel):
    toward: str
    name: str
    day: date
    mean: float
    before: float
    article: ArticleLine | None


class TodayAnswer(BaseModel):
    standings: list[Standing]
    series: dict[str, list[Point]]
    moves: list[Move]
    stories: list[StoryLine]
    latest: list[ArticleLine]
    articles: int
    core: int
    sources: dict[str, int]


class FacetValue(BaseModel):
    value: str
    label: str
    count: int
    chosen: bool


class SearchAnswer(BaseModel):
    total: int
    articles: list[ArticleLine]
    facets: dict[str, list[FacetValue]]
    next: str | None = Field(description="The value of `after` for the next page.")


_ERRORS: dict[int | str, dict[str, Any]] = {400: {"model": Problem}, 503: {"model": Problem}}
_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"model": Problem}, **_ERRORS}


@router.get("/today", summary="Where relations stand", responses=_ERRORS)
def today(request: Request, days: int = 30) -> TodayAnswer:
    """The first page: both dyads over time, days that moved them, the day's stories, sources."""
    return TodayAnswer.model_validate(asdict(shown_today(request, days)))


@router.get("/search", summary="Find articles", responses=_ERRORS)
def search(
    request: Request,
    q: str = "",
    relevance: Annotated[list[str] | None, Query()] = None,
    stance: Annotated[list[str] | None, Query()] = None,
    issue: Annotated[list[str] | None, Query()] = None,
    actor: Annotated[list[str] | None, Query()] = None,
    source: Annotated[list[str] | None, Query()] = None,
    country: Annotated[list[str] | None, Query()] = None,
    kind: Annotated[list[str] | None, Query()] = None,
    language: Annotated[list[str] | None, Query()] = None,
    start: Annotated[str, Query(alias="from", description="A day, as 2026-11-24.")] = "",
    end: Annotated[str, Query(alias="to", description="A day, included.")] = "",
    order: str = "seen",
    size: int = 20,
    after: str = "",
) -> SearchAnswer:
    """Words and fields as in the search page, facets with counts, pages by `after`."""
    asked = Asked.of(request.query_params.multi_items())
    found = search_view(ports_of(request).store, asked, pages_of(request).labels)
    next_page = dict(parse_qsl(urlsplit(found.next).query)) if found.next else {}
    return SearchAnswer.model_validate(
        {
            "total": found.total,
            "articles": [asdict(one) for one in found.lines],
            "facets": {name: [asdict(one) for one in found.facets[name]] for name in FACETS},
            "next": next_page.get("after"),
        }
    )


@router.get("/articles/{id}", summary="One article", responses=_NOT_THERE)
def article(request: Request, id: str) -> dict[str, Any]:
    """The whole document: text, judgement, evidence with its places; its story, if known."""
    ports = ports_of(request)
    document = ports.store.get(id)
    if document is None:
        raise HTTPException(404, "There is no such article.")
    return {**document, "story": ports.stories.of([id]).get(id)}


@router.get("/articles/{id}/history", summary="An article's way and revisions")
def history(request: Request, id: str) -> dict[str, Any]:
    """Each step through the pipeline, and what the log still has of its revisions."""
    pipeline = ports_of(request).pipeline
    return {"steps": list(pipeline.trace(id)), "revisions": list(pipeline.revisions(id))}


@router.get("/stories/{id:path}", summary="One story", responses=_NOT_THERE)
def story(request: Request, id: str) -> dict[str, Any]:
    """Its articles in order with what each added, outlets by country and kind, the stance by kind
    of outlet, quotations with their speakers."""
    ports = ports_of(request)
    found = story_view(ports.store, ports.stories, id)
    if found is None:
        raise HTTPException(404, "There is no such story.")
    return asdict(found)


@router.get("/subscriptions", summary="Subscriptions and what they told", responses=_ERRORS)
def subscriptions(request: Request) -> dict[str, Any]:
    """Each subscription with its latest alerts; the newest lines of the outbox."""
    ports = ports_of(request)
    read, problems = read_subscriptions(ports)
    return {
        "problems": problems,
        "subscriptions": [
            {
                **one.model_dump(mode="json"),
                "told": [
                    {
                        "at": told.at,
                        "story": told.alert.story,
                        "title": told.alert.title,
                        "acknowledged": told.acknowledged,
                    }
                    for told in ports.alerts.told(one.id, 20)
                ],
            }
            for one in read.subscriptions
        ],
        "outbox": [asdict(one) for one in ports.alerts.outbox(most=100)],
    }


@router.get("/sources", summary="Feeds and how they stand", responses=_ERRORS)
def sources(request: Request) -> list[dict[str, Any]]:
    """Every feed of the catalogue: its state, since when, the last new article."""
    return [{**asdict(one), "stale": one.stale} for one in ports_of(request).sources.all()]


@router.get("/sources/{feed}", summary="One feed's polls", responses=_ERRORS)
def source(request: Request, feed: str) -> list[dict[str, Any]]:
    """Its latest polls, newest first."""
    return [dict(one) for one in ports_of(request).sources.polls(feed)]


@router.get("/system", summary="The pipeline", responses=_ERRORS)
def system(request: Request) -> dict[str, Any]:
    """What waits before each stage, and the dead letters."""
    pipeline = ports_of(request).pipeline
    return {"lag": dict(pipeline.lag()), "dead": [dict(one) for one in pipeline.dead()]}
