"""The application: its parts put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from detente import __version__
from detente.dashboard import actions, api, pages
from detente.dashboard.live import EVERY, Live
from detente.dashboard.ports import Ports
from detente.dashboard.rendering import Pages
from detente.dashboard.security import Guard
from detente.errors import ConfigError, DetenteError
from detente.settings import DashboardSettings

DESCRIPTION = (
    "All that the dashboard's pages show, as JSON. Instants are in UTC; scores reach from -1 "
    "(hostile) to 1 (friendly). A query that can't be read is answered with 400 and the reason."
)


def create_app(ports: Ports, settings: DashboardSettings, *, every: float = EVERY) -> FastAPI:
    """The dashboard over these ports; `every` is how many seconds lie between two looks for news.

    Raises ConfigError where the settings would let anyone in.
    """
    guard, live = Guard(settings), Live(ports.store, every)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await live.close()

    app = FastAPI(
        title="Détente",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.ports = ports
    app.state.settings = settings
    app.state.guard = guard
    app.state.live = live
    app.state.pages = Pages(ports.watch)
    app.middleware("http")(guard)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.include_router(actions.router)
    app.mount("/static", StaticFiles(packages=[("detente.dashboard", "static")]), name="static")
    app.add_exception_handler(ConfigError, _failed)
    app.add_exception_handler(DetenteError, _failed)
    app.add_exception_handler(HTTPException, _failed)
    app.add_exception_handler(RequestValidationError, _failed)
    return app


async def _failed(request: Request, error: Exception) -> Response:
    """Say what went wrong: as JSON to programs, as a page to people."""
    if isinstance(error, HTTPException):
        status, problems = error.status_code, [str(error.detail)]
    elif isinstance(error, ConfigError):
        status, problems = 400, list(error.problems)
    elif isinstance(error, RequestValidationError):
        status, problems = 400, [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
    else:
        status, problems = 503, [str(error)]
    if request.url.path.startswith("/api/"):
        return JSONResponse({"problems": problems}, status)
    shown: Pages = request.app.state.pages
    return shown.page(request, "problem", status, problems=problems, code=status)
