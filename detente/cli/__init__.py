"""The command `detente`: wiring only. Each command imports what it needs when it runs.

Exit codes: 0 done · 1 asked for something that isn't there, or a check failed · 2 the settings,
a file or the command line can't work as they are (every problem is listed) · 70 a bug.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from detente import __version__
from detente.cli import (
    alerts,
    brief,
    catalogue,
    dead,
    demo,
    feeds,
    flow,
    history,
    judge,
    prepare,
    read,
    run,
    serve,
    trace,
)
from detente.cli import settings as settings_command
from detente.cli.context import Context

app = typer.Typer(
    name="detente",
    help="Watch U.S.-Russia diplomacy in the news: collect, judge, search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 1 not there or a check failed, 2 settings or usage, 70 a bug.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"detente {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(help="The settings file; detente.toml by default, where there is one."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", callback=_show_version),
    ] = False,
) -> None:
    context.obj = Context(settings_file=settings)


app.command("prepare")(prepare.prepare)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("search")(read.search)
app.command("show")(read.show)
app.command("stats")(read.stats)
app.command("brief")(brief.brief)
app.command("trace")(trace.trace)
app.command("judge")(judge.judge)
app.command("flow")(flow.flow)
app.command("reindex")(history.reindex)
app.command("replay")(history.replay)
feeds.app.add_typer(catalogue.app)
app.add_typer(feeds.app, name="feeds")
app.add_typer(alerts.app, name="alerts")
app.add_typer(dead.app, name="dead")
app.add_typer(settings_command.app, name="settings")


def main() -> None:
    """Run the command line; what fails says so in a few words, never as a traceback."""
    from detente.errors import ConfigError, DetenteError

    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"detente: {problem}", err=True)
        sys.exit(2)
    except DetenteError as error:
        typer.echo(f"detente: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output (`| head`) has had enough; don't complain again on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        import traceback

        traceback.print_exc()
        typer.echo(f"detente: a bug ({type(error).__name__}); please report the above", err=True)
        sys.exit(70)
