"""The dashboard's web server: uvicorn, here or in a thread beside the stages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI

from detente.errors import ConfigError
from detente.settings import host_and_port

_PATIENCE = 3
"""Seconds that open pages have when the server ends."""


def run_server(app: FastAPI, listen: str, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError where the address can't be had."""
    bound = _bound(listen)
    say(f"Dashboard: {address_of(bound)}")
    _server(app).run(sockets=[bound])


@contextmanager
def beside(app: FastAPI, listen: str) -> Iterator[str]:
    """Serve while the context lasts; gives the address. Raises ConfigError."""
    bound = _bound(listen)
    server = _server(app)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name="dashboard", daemon=True
    )
    thread.start()
    try:
        yield address_of(bound)
    finally:
        server.should_exit = True
        thread.join(_PATIENCE + 2)
        bound.close()


def address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE,
        # What a proxy says of the client is looked at by the guard, which knows whom to believe.
        proxy_headers=False,
    )
    return uvicorn.Server(config)


def _bound(listen: str) -> socket.socket:
    host, port = host_and_port(listen)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or "0.0.0.0", port, type=socket.SOCK_STREAM
        )[0]
        with ExitStack() as unless_bound:
            bound = unless_bound.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(128)
            unless_bound.pop_all()
    except OSError as error:
        raise ConfigError(
            f"dashboard.listen = {listen!r}: {error.strerror or error}; name another port, as in "
            "`detente serve --listen 127.0.0.1:8091`"
        ) from None
    return bound
