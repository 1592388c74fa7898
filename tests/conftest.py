"""What every test starts from: nobody's settings, and no address but loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from tests import faults, servers
from tests.whole import Deployment

# The same examples on every run, and no limit on one: the machine may be busy with other things.
hypothesis.settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")

_connect = socket.socket.connect


@pytest.fixture(scope="session")
def kafka() -> Iterator[servers.Server]:
    """The session's Kafka broker; each test has topics of its own in it."""
    with servers.running(servers.kafka) as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[servers.Server]:
    """The session's Elasticsearch node; each test has a namespace of its own in it."""
    with servers.running(servers.elasticsearch) as server:
        yield server


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> faults.Truth:
    """What the fault matrix compares with."""
    return faults.undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def deployment(
    kafka: servers.Server, elasticsearch: servers.Server, tmp_path: Path
) -> Iterator[Callable[[str], Deployment]]:
    """A function from a feed's address to a deployment on the session's servers."""
    with servers.namespaces(elasticsearch.address) as new_url:
        store = new_url()
        namespace = store.partition("?")[2]
        yield lambda feed: faults.deployed(
            tmp_path, feed, f"kafka://{kafka.address}/?{namespace}", store
        )


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `DETENTE_…` variable from outside; the labelled text is found by its own default."""
    for name in list(os.environ):
        if name.startswith("DETENTE_") and name != "DETENTE_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """A test that sets up logging (a command does) leaves nothing of it to the next."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches beyond this machine fails at once, and not only where there is no net."""

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host and not host.startswith("127.") and host not in ("::1", "localhost"):
            raise AssertionError(f"a test connects to {address}")
        _connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
