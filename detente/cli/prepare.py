"""`detente prepare`: what the engines need, created or checked."""

from __future__ import annotations

from typing import Annotated

import typer

from detente.cli.context import load
from detente.cli.output import print_json


def prepare(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Create topics, index template and alias where they aren't there yet, and check the others.

    Needed once before the first run on Kafka or Elasticsearch, and harmless at any time after;
    embedded engines prepare themselves.
    """
    from detente.bus import open_bus
    from detente.errors import ConfigError
    from detente.store import open_store

    settings = load(context)
    told: list[str] = []
    problems: list[str] = []
    for opened in (
        lambda: open_bus(settings.bus, kafka=settings.kafka),
        lambda: open_store(settings.store, settings.elasticsearch),
    ):
        try:
            engine = opened()
            try:
                told += engine.prepare()
            finally:
                engine.close()
        except ConfigError as error:
            problems += error.problems
    if json:
        print_json({"prepared": told, "problems": problems})
    else:
        for line in told:
            typer.echo(line)
    if problems:
        raise ConfigError(problems)
