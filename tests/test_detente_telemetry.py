from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator

import pytest
import structlog

from detente.telemetry import Dispositions, configure_logging, serve_metrics


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_each_disposition_is_counted_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    dispositions = Dispositions("indexer")
    dispositions.note("published", "a1")
    dispositions.note("dead", "a2", reason="no text in it")
    assert dispositions.snapshot() == {"published": 1, "dead": 1}
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(x["event"], x["article"], x["level"]) for x in logged] == [
        ("published", "a1", "info"),
        ("dead", "a2", "warning"),
    ]
    assert logged[1]["reason"] == "no text in it"


def test_the_level_holds_back_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "text")
    Dispositions("indexer").note("published", "a1")
    assert capsys.readouterr().err == ""


def test_metrics_are_served_on_loopback() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server, thread = serve_metrics(port)
    try:
        Dispositions("alchemists").note("dropped", "a1", label="stale")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    wanted = 'detente_articles_total{disposition="dropped",reason="stale",stage="alchemists"} 1.0'
    assert wanted in text
