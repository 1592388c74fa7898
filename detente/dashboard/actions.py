"""What changes something: every form of the pages, sent from a page of ours."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from detente.alerts.file import add, remove
from detente.dashboard.corrections import correction, record
from detente.dashboard.pages import pages_of, ports_of
from detente.dashboard.security import COOKIE, SESSION_SECONDS, Guard, TooManyTries

Text = Annotated[str, Form(max_length=4_000)]


def from_our_form(request: Request, form_key: Text = "") -> None:
    """Raises HTTPException for a form that no page of ours gave out."""
    guard: Guard = request.app.state.guard
    if not guard.is_form_key(request, form_key):
        raise HTTPException(403, "This form is too old, or not ours; load the page again.")


router = APIRouter(include_in_schema=False)
ours = APIRouter(include_in_schema=False, dependencies=[Depends(from_our_form)])


@router.post("/login")
async def login(request: Request, name: Text = "", password: Text = "") -> Response:
    guard: Guard = request.app.state.guard
    try:
        cookie = await guard.login(request, name, password)
    except TooManyTries as error:
        said = f"Too many tries; wait {int(error.seconds) + 1} seconds."
        return pages_of(request).page(request, "login", 429, problem=said)
    if cookie is None:
        said = "There is nobody of that name with that password."
        return pages_of(request).page(request, "login", 401, problem=said)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.app.state.settings.secure,
    )
    return response


@ours.post("/logout")
def logout() -> Response:
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


@ours.post("/article/{id}/correct")
def correct(
    request: Request, id: str, about: Text = "", right: Text = "", note: Text = ""
) -> Response:
    ports = ports_of(request)
    document = ports.store.get(id)
    if document is None:
        raise HTTPException(404, "There is no such article.")
    given = correction(
        document,
        about=about,
        right=right,
        note=note,
        by=request.state.user,
        at=datetime.now(UTC),
    )
    record(ports.corrections, given)
    return _back(f"/article/{quote(id)}", "Written down; thank you.")


@ours.post("/subscriptions")
def subscribe(
    request: Request,
    id: Text = "",
    query: Text = "",
    to: Text = "",
    when: Text = "now",
    kind: Text = "query",
    dyad: Text = "",
) -> Response:
    fields: dict[str, Any] = {"id": id or _named(query), "query": query, "to": to.split()}
    fields |= {"when": when} if when != "now" else {}
    fields |= {"kind": kind} if kind != "query" else {}
    fields |= {"dyad": dyad} if dyad and kind == "shift" else {}
    add(ports_of(request).subscriptions, fields)
    return _back("/subscriptions", f"Subscribed: {fields['id']}.")


@ours.post("/subscriptions/{id}/remove")
def unsubscribe(request: Request, id: str) -> Response:
    if not remove(ports_of(request).subscriptions, id):
        raise HTTPException(404, "There is no such subscription.")
    return _back("/subscriptions", f"Removed: {id}.")


@ours.post("/subscriptions/{id}/acknowledge")
def acknowledge(
    request: Request, id: str, story: Text = "", until: Annotated[float | None, Form()] = None
) -> Response:
    now = time.time()
    count = ports_of(request).alerts.acknowledge(id, story or None, now, until=until)
    return _back("/subscriptions", f"Acknowledged: {count} {'alert' if count == 1 else 'alerts'}.")


@ours.post("/mute")
def mute(request: Request, story: Text = "") -> Response:
    ports_of(request).alerts.mute(story, time.time())
    return _back(f"/story/{quote(story)}", "Muted: nobody is told of this story any more.")


@ours.post("/unmute")
def unmute(request: Request, story: Text = "") -> Response:
    ports_of(request).alerts.unmute(story)
    return _back(f"/story/{quote(story)}", "No longer muted: later news of it is told again.")


@ours.post("/outbox/retry")
def retry(request: Request) -> Response:
    lines = ports_of(request).alerts.revive(time.time())
    return _back("/subscriptions", f"{lines} messages are tried again.")


_NEXT_START = "A pipeline that runs heeds it from its next start on."


@ours.post("/sources")
def add_source(request: Request, url: Text = "") -> Response:
    feed = ports_of(request).sources.add(url.strip())
    return _back("/sources", f"Added: {feed}. {_NEXT_START}")


@ours.post("/sources.opml")
def import_sources(request: Request, file: UploadFile) -> Response:
    count = ports_of(request).sources.add_all(file.file.read())
    return _back("/sources", f"{count} feeds added. {_NEXT_START}")


@ours.post("/sources/{feed}/pause")
def pause_source(request: Request, feed: str) -> Response:
    ports_of(request).sources.pause(feed)
    return _back(f"/sources/{quote(feed)}", f"Paused. {_NEXT_START}")


@ours.post("/sources/{feed}/resume")
def resume_source(request: Request, feed: str) -> Response:
    ports_of(request).sources.resume(feed)
    return _back(f"/sources/{quote(feed)}", f"Polled again. {_NEXT_START}")


@ours.post("/sources/{feed}/remove")
def remove_source(request: Request, feed: str) -> Response:
    ports_of(request).sources.remove(feed)
    return _back("/sources", f"Removed: {feed}; its articles stay. {_NEXT_START}")


@ours.post("/system/replay")
def replay(request: Request, id: Text = "") -> Response:
    replayed = ports_of(request).pipeline.replay([id])
    return _back("/system", f"{replayed} sent back to its topic.")


router.include_router(ours)


def _named(query: str) -> str:
    """An id for a subscription that nobody named."""
    return "-".join(re.findall(r"[a-z0-9]+", query.lower()))[:40].strip("-")


def _back(path: str, said: str) -> Response:
    return RedirectResponse(f"{path}?said={quote(said)}", 303)
