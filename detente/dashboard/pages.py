"""What is read: each page, and files made of a search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from detente.alerts.atom import alerts_feed
from detente.alerts.dryrun import dry_run
from detente.alerts.subscription import Subscriptions, load_subscriptions
from detente.dashboard import export
from detente.dashboard.asking import Asked
from detente.dashboard.charts import trend_chart
from detente.dashboard.ports import Ports
from detente.dashboard.rendering import Pages
from detente.dashboard.views.article import article as article_view
from detente.dashboard.views.article import changes
from detente.dashboard.views.common import line
from detente.dashboard.views.search import search as search_view
from detente.dashboard.views.story import story as story_view
from detente.dashboard.views.today import PERIODS, Today
from detente.dashboard.views.today import today as today_view
from detente.errors import ConfigError

router = APIRouter(include_in_schema=False)

DRY_RUN_DAYS = 14.0
_FILES = {"csv": "text/csv", "jsonl": "application/jsonl", "atom": "application/atom+xml"}


def ports_of(request: Request) -> Ports:
    ports: Ports = request.app.state.ports
    return ports


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def shown_today(request: Request, days: int) -> Today:
    """Raises HTTPException for a period that there isn't."""
    if days not in PERIODS:
        raise HTTPException(400, f"days: must be one of {', '.join(map(str, PERIODS))}")
    ports = ports_of(request)
    return today_view(
        ports.store,
        ports.stories,
        ports.sources.all(),
        ports.watch.codes,
        pages_of(request).dyads,
        datetime.now(UTC),
        days,
    )


@router.get("/healthz")
def healthz() -> Response:
    return PlainTextResponse("ok\n")


@router.get("/")
def today(request: Request, days: int = 30, part: str = "") -> Response:
    shown = shown_today(request, days)
    chart = trend_chart(
        shown.series,
        shown.start,
        shown.end,
        title="How each side stands toward the other, by day of publication, with 95 % intervals",
    )
    name = "today_part" if part == "live" else "today"
    return pages_of(request).page(request, name, shown=shown, chart=chart, periods=PERIODS)


@router.get("/live")
async def live(request: Request) -> Response:
    return StreamingResponse(
        request.app.state.live.events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/story/{id:path}")
def story(request: Request, id: str) -> Response:
    ports = ports_of(request)
    found = story_view(ports.store, ports.stories, id)
    if found is None:
        raise HTTPException(404, "There is no such story, or none of its articles is stored.")
    muted = ports.alerts.is_muted(found.id)
    return pages_of(request).page(request, "story", story=found, muted=muted)


@router.get("/article/{id}")
def article(request: Request, id: str) -> Response:
    ports = ports_of(request)
    document = ports.store.get(id)
    if document is None:
        raise HTTPException(404, "There is no such article.")
    story = ports.stories.of([id]).get(id)
    shown = article_view(document, ports.watch, story)
    return pages_of(request).page(request, "article", shown=shown)


@router.get("/article/{id}/history")
def history(request: Request, id: str) -> Response:
    """An article's way and its revisions: read from the whole log, so only when asked for."""
    ports = ports_of(request)
    document = ports.store.get(id)
    way = ports.pipeline.way(id)
    if document is None and not way.steps:
        raise HTTPException(404, "There is no such article.")
    title = line(document).title if document else id
    return pages_of(request).page(
        request, "history", id=id, title=title, steps=way.steps, changes=changes(way.revisions)
    )


@router.get("/search")
def search(request: Request) -> Response:
    ports, pages = ports_of(request), pages_of(request)
    asked, problems = Asked(), list[str]()
    try:
        asked = Asked.of(request.query_params.multi_items())
        found = search_view(ports.store, asked, pages.labels)
    except ConfigError as error:
        # The form stays as it was, with what is wrong above it.
        problems = [one.removeprefix("search: ") for one in error.problems]
        found = search_view(ports.store, replace(asked, text="", after=None), pages.labels)
    return pages.page(
        request, "search", 400 if problems else 200, found=found, asked=asked, problems=problems
    )


@router.get("/export.{kind}")
def export_file(request: Request, kind: str) -> Response:
    if kind not in _FILES:
        raise HTTPException(404, f"There is no such form; there are {', '.join(_FILES)}.")
    ports = ports_of(request)
    asked = Asked.of(request.query_params.multi_items())
    ports.store.count(asked.query())  # so that a query that can't be read is said before a file
    if kind == "atom":
        found = export.documents(ports.store, asked, 100)
        address = str(request.url)
        return Response(
            export.as_atom(found, address, f"Détente: {asked.text or 'all articles'}"),
            media_type=_FILES[kind],
        )
    documents = export.documents(ports.store, asked)
    lines: Iterator[str] = (
        export.as_csv(documents) if kind == "csv" else export.as_json_lines(documents)
    )
    headers = {"Content-Disposition": f'attachment; filename="detente.{kind}"'}
    return StreamingResponse(lines, media_type=f"{_FILES[kind]}; charset=utf-8", headers=headers)


def read_subscriptions(ports: Ports) -> tuple[Subscriptions, list[str]]:
    """What the file has, or what is wrong with it."""
    try:
        return load_subscriptions(ports.subscriptions), []
    except ConfigError as error:
        return Subscriptions(), list(error.problems)


@router.get("/subscriptions")
def subscriptions(request: Request, query: str = "") -> Response:
    ports = ports_of(request)
    read, problems = read_subscriptions(ports)
    tried: Any = None
    if query:
        try:
            end = datetime.now(UTC)
            start = datetime.fromtimestamp(end.timestamp() - DRY_RUN_DAYS * 86_400, UTC)
            found = dry_run(ports.store, query, start, end)
            tried = {
                "told": [line(one) for one in found.told[::-1][:20]],
                "stories": len(found.told),
                "articles": found.articles,
                "a_day": len(found.told) / DRY_RUN_DAYS,
                "cut": found.cut,
            }
        except ConfigError as error:
            problems = problems + [one.removeprefix("search: ") for one in error.problems]
    rows = [
        {
            "one": one,
            "told": ports.alerts.told(one.id, 5),
            "open": ports.alerts.unacknowledged(one.id),
        }
        for one in read.subscriptions
    ]
    return pages_of(request).page(
        request,
        "subscriptions",
        rows=rows,
        destinations=list(read.destinations),
        outbox=ports.alerts.outbox(most=50),
        query=query,
        tried=tried,
        problems=problems,
        days=DRY_RUN_DAYS,
    )


@router.get("/subscriptions/{id}.atom")
def subscription_feed(request: Request, id: str) -> Response:
    ports = ports_of(request)
    read, _ = read_subscriptions(ports)
    one = next((one for one in read.subscriptions if one.id == id), None)
    if one is None:
        raise HTTPException(404, "There is no such subscription.")
    feed = alerts_feed(one.id, one.title, ports.alerts.told(one.id))
    return Response(feed, media_type="application/atom+xml")


@router.get("/sources")
def sources(request: Request) -> Response:
    return pages_of(request).page(request, "sources", sources=ports_of(request).sources.all())


@router.get("/sources.opml")
def opml(request: Request) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
    return Response(ports_of(request).sources.opml(), media_type="text/x-opml", headers=headers)


@router.get("/sources/{feed}")
def source(request: Request, feed: str) -> Response:
    ports = ports_of(request)
    one = next((one for one in ports.sources.all() if one.feed == feed), None)
    if one is None:
        raise HTTPException(404, "There is no such feed in the catalogue.")
    return pages_of(request).page(request, "source", source=one, polls=ports.sources.polls(feed))


@router.get("/system")
def system(request: Request) -> Response:
    ports = ports_of(request)
    return pages_of(request).page(
        request, "system", lag=ports.pipeline.lag(), dead=ports.pipeline.dead()
    )


@router.get("/login")
def login(request: Request) -> Response:
    return pages_of(request).page(request, "login", problem="")


@router.get("/api")
def api_page(request: Request) -> Response:
    described = request.app.openapi()
    calls = [
        {"path": path, "summary": call["summary"], "about": call.get("description", "")}
        for path, methods in described["paths"].items()
        for call in methods.values()
    ]
    return pages_of(request).page(request, "api", calls=calls)
