"""`detente brief`: a page on the day or the week."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from detente.cli.context import load


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"


class Form(StrEnum):
    HTML = "html"
    MARKDOWN = "md"
    PDF = "pdf"


def brief(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to: .html, .md or .pdf; Markdown to standard output if none."),
    ] = None,
    day: Annotated[bool, typer.Option("--day", help="Of the last 24 hours (as it is).")] = False,
    week: Annotated[bool, typer.Option("--week", help="Of the last seven days.")] = False,
    font: Annotated[
        Path | None, typer.Option(help="A .ttf file for the PDF; one of this machine if none.")
    ] = None,
) -> None:
    """Write one page: where relations stand, what happened, with the sentences that show it."""
    from detente.brief.facts import brief as made
    from detente.brief.text import as_html, as_markdown
    from detente.cli.serve import opened_ports
    from detente.dashboard.rendering import dyad_names
    from detente.errors import ConfigError

    if day and week:
        raise ConfigError("brief: either --day or --week")
    form = Form.MARKDOWN
    if file is not None:
        try:
            form = Form(file.suffix.removeprefix("."))
        except ValueError:
            raise ConfigError(f"brief: {file}: name it .html, .md or .pdf") from None
    period = Period.WEEK if week else Period.DAY
    with opened_ports(load(context)) as ports:
        found = made(
            ports.store,
            ports.stories,
            ports.sources.all(),
            ports.watch.codes,
            dyad_names(ports.watch),
            datetime.now(UTC),
            period,
        )
    if form is Form.PDF:
        from detente.brief.pdf import as_pdf

        written = as_pdf(found, font)
    else:
        written = (as_html(found) if form is Form.HTML else as_markdown(found)).encode()
    if file is None:
        sys.stdout.buffer.write(written)
        return
    try:
        file.write_bytes(written)
    except OSError as error:
        raise ConfigError(f"brief: {file}: can't be written: {error.strerror}") from None
    typer.echo(f"{file}: {found.title}")
