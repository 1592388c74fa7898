"""One disposition per article and stage: counted (Prometheus) and logged (structlog)."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from threading import Lock, Thread
from typing import Literal
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import start_http_server

Disposition = Literal["published", "dropped", "dead", "retried"]
"""How an article left a stage; the store's `written` counts as published."""

_articles = PrometheusCounter(
    "detente_articles", "Articles by how they left a stage", ["stage", "disposition", "reason"]
)

requests = PrometheusCounter(
    "detente_requests", "Requests to publishers, by what came of them", ["host", "outcome"]
)
"""`outcome` is an HTTP status, or `failed` where there was none."""


class Dispositions:
    """Counts how articles left one stage, here and for Prometheus; logs each one."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._log = structlog.get_logger(f"detente.{stage}")
        self._counts: Counter[Disposition] = Counter()
        self._lock = Lock()

    def note(
        self, disposition: Disposition, article: str, *, reason: str = "", label: str = ""
    ) -> None:
        """Count and log one article; `label` is a reason of few values, `reason` any text."""
        _articles.labels(self.stage, disposition, label).inc()
        with self._lock:
            self._counts[disposition] += 1
        log = self._log.warning if disposition == "dead" else self._log.info
        log(disposition, article=article, **({"reason": reason} if reason else {}))

    def snapshot(self) -> dict[str, int]:
        """The counts so far."""
        with self._lock:
            return {str(name): count for name, count in self._counts.items()}


def configure_logging(level: str = "warning", form: str = "text") -> None:
    """Log to standard error, as text for people or JSON lines for programs."""
    threshold = {"debug": 10, "info": 20, "warning": 30, "error": 40}[level]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=threshold, stream=sys.stderr)
    # What the clients meet is raised to us, and said once, in our words; they say it many times.
    for client in ("kafka", "elastic_transport", "elasticsearch", "urllib3"):
        logging.getLogger(client).setLevel(threshold if threshold < 20 else logging.CRITICAL + 1)


def serve_metrics(port: int) -> tuple[WSGIServer, Thread]:
    """Serve the counters on http://127.0.0.1:`port`/metrics; gives the server and its thread."""
    return start_http_server(port, addr="127.0.0.1")
