"""The pages' facts as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from detente.alerts.kept import Entry
from detente.alerts.subscription import Subscription
from detente.dashboard.asking import FACETS, Asked
from detente.dashboard.pages import (
    pages_of,
    ports_of,
    read_subscriptions,
    shown_today,
)
from detente.dashboard.ports import Source
from detente.dashboard.views.common import Line
from detente.dashboard.views.search import Value
from detente.dashboard.views.search import search as search_view
from detente.dashboard.views.story import Story
from detente.dashboard.views.story import story as story_view
from detente.dashboard.views.today import Today
from detente.way import Step

router = APIRouter(prefix="/api/v1")


class Problem(BaseModel):
    """What went wrong, and how to mend it."""

    problems: list[str]


class Found(BaseModel):
    total: int
    articles: list[Line]
    facets: dict[str, list[Value]]
    next: str | None = Field(description="The value of `after` for the next page.")


class Revision(BaseModel):
    """A revision of an article, and what made it one (nothing for the first)."""

    revision: int
    collected: datetime
    title: str
    body: str
    change: str | None


class History(BaseModel):
    steps: list[Step]
    revisions: list[Revision]


class Alert(BaseModel):
    """What a subscription told of, when, and when somebody acknowledged it; both in epochs."""

    at: float
    story: str
    title: str
    acknowledged: float | None


class SubscriptionWithAlerts(Subscription):
    told: list[Alert]


class Subscriptions(BaseModel):
    problems: list[str] = Field(description="What is wrong with `subscriptions.toml`.")
    subscriptions: list[SubscriptionWithAlerts]
    outbox: list[Entry]


_ERRORS: dict[int | str, dict[str, Any]] = {400: {"model": Problem}, 503: {"model": Problem}}
_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"model": Problem}, **_ERRORS}


@router.get("/today", summary="Where relations stand", responses=_ERRORS)
def today(request: Request, days: int = 30) -> Today:
    """The first page: both dyads over time, days that moved them, the day's stories, sources."""
    return shown_today(request, days)


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
) -> Found:
    """Words and fields as in the search page, facets with counts, pages by `after`."""
    asked = Asked.of(request.query_params.multi_items())
    found = search_view(ports_of(request).store, asked, pages_of(request).labels)
    next_page = dict(parse_qsl(urlsplit(found.next).query)) if found.next else {}
    return Found(
        total=found.total,
        articles=list(found.lines),
        facets={name: list(found.facets[name]) for name in FACETS},
        next=next_page.get("after"),
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
def history(request: Request, id: str) -> History:
    """Each step through the pipeline, and what the log still has of its revisions."""
    way = ports_of(request).pipeline.way(id)
    revisions = [
        Revision(
            revision=one.revision,
            collected=one.collected,
            title=one.title,
            body=one.body,
            change=one.change,
        )
        for one in way.revisions
    ]
    return History(steps=list(way.steps), revisions=revisions)


@router.get("/stories/{id:path}", summary="One story", responses=_NOT_THERE)
def story(request: Request, id: str) -> Story:
    """Its articles in order with what each added, outlets by country and kind, the stance by kind
    of outlet, quotations with their speakers."""
    ports = ports_of(request)
    found = story_view(ports.store, ports.stories, id)
    if found is None:
        raise HTTPException(404, "There is no such story.")
    return found


@router.get("/subscriptions", summary="Subscriptions and what they told", responses=_ERRORS)
def subscriptions(request: Request) -> Subscriptions:
    """Each subscription with its latest alerts; the newest lines of the outbox."""
    ports = ports_of(request)
    read, problems = read_subscriptions(ports)
    return Subscriptions(
        problems=problems,
        subscriptions=[
            SubscriptionWithAlerts(
                **one.model_dump(),
                told=[
                    Alert(
                        at=told.at,
                        story=told.alert.story,
                        title=told.alert.title,
                        acknowledged=told.acknowledged,
                    )
                    for told in ports.alerts.told(one.id, 20)
                ],
            )
            for one in read.subscriptions
        ],
        outbox=ports.alerts.outbox(most=100),
    )


@router.get("/sources", summary="Feeds and how they stand", responses=_ERRORS)
def sources(request: Request) -> list[Source]:
    """Every feed of the catalogue: its state, since when, the last new article."""
    return list(ports_of(request).sources.all())


@router.get("/sources/{feed}", summary="One feed's polls", responses=_ERRORS)
def source(request: Request, feed: str) -> list[dict[str, Any]]:
    """Its latest polls, newest first."""
    return [dict(one) for one in ports_of(request).sources.polls(feed)]


@router.get("/system", summary="The pipeline", responses=_ERRORS)
def system(request: Request) -> dict[str, Any]:
    """What waits before each stage, and the dead letters."""
    pipeline = ports_of(request).pipeline
    return {"lag": dict(pipeline.lag()), "dead": [dict(one) for one in pipeline.dead()]}
