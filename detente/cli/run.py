"""`detente run`: the stages, each in a thread of its own, until stopped."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.context import load


class Stages(StrEnum):
    ALL = "all"
    COLLECTORS = "collectors"
    PROCESSORS = "processors"
    INDEXER = "indexer"
    ALERTS = "alerts"


def run(
    context: typer.Context,
    stages: Annotated[Stages, typer.Argument(help="Which stages.")] = Stages.ALL,
    feeds: Annotated[
        Path | None, typer.Option(help="The feed catalogue, TOML or OPML; feeds.toml by default.")
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Poll each feed once, handle all there is, and end.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the dashboard beside the stages.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Collect, judge, index and alert until stopped (Ctrl-C, SIGTERM); nothing is lost by that."""
    from detente.cli.pipeline import Pipeline, stopped_by_signals
    from detente.cli.progress import Progress
    from detente.telemetry import serve_metrics

    settings = load(context, feeds=feeds)
    if settings.metrics_port:
        serve_metrics(settings.metrics_port)
    everything = tuple(str(one) for one in Stages if one is not Stages.ALL)
    wanted = everything if stages is Stages.ALL else (str(stages),)
    with ExitStack() as stack:
        if serve:
            from detente.cli.serve import serve_beside

            serve_beside(settings, stack)
        progress = stack.enter_context(Progress(settings, quiet=quiet))
        stop = stack.enter_context(stopped_by_signals())
        Pipeline(settings, wanted, stop, progress, once=once).run()
    if stop.signalled:
        # All is committed and closed. A batch that was left, or a document that takes for ever to
        # parse, may still have threads at work, for which a normal end would wait.
        sys.stdout.flush()
        os._exit(0)
