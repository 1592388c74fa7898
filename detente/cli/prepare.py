"""`detente prepare`: what the engines need, created or checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.context import load
from detente.cli.output import print_json

if TYPE_CHECKING:
    from detente.settings import Settings


def prepare(
    context: typer.Context,
    kibana: Annotated[
        str | None,
        typer.Option(help="Write the dashboards into the Kibana there: https://host:5601."),
    ] = None,
    kibana_file: Annotated[
        Path | None,
        typer.Option(help="Write the dashboards into this file, to be imported by hand."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Create topics, index template and alias where they aren't there yet, and check the others.

    Needed once before the first run on Kafka or Elasticsearch, and harmless at any time after;
    embedded engines prepare themselves.
    """
    from detente.errors import ConfigError

    settings = load(context)
    told: list[str] = []
    problems: list[str] = []
    steps: list[Callable[[], list[str]]] = [
        lambda: _bus(settings),
        lambda: _store(settings),
    ]
    if kibana is not None or kibana_file is not None:
        steps.append(lambda: _kibana(settings, kibana, kibana_file))
    for step in steps:
        try:
            told += step()
        except ConfigError as error:
            # A login that can't be right is one problem, however many are asked with it.
            problems += [one for one in error.problems if one not in problems]
    if json:
        print_json({"prepared": told, "problems": problems})
    else:
        for line in told:
            typer.echo(line)
    if problems:
        raise ConfigError(problems)


def _bus(settings: Settings) -> list[str]:
    from detente.bus import open_bus

    bus = open_bus(settings.bus, kafka=settings.kafka)
    try:
        return bus.prepare()
    finally:
        bus.close()


def _store(settings: Settings) -> list[str]:
    from detente.store import open_store

    store = open_store(settings.store, settings.elasticsearch)
    try:
        told = store.prepare()
    finally:
        store.close()
    if not _is_elasticsearch(settings):
        return told
    from detente.alerts.alertindex import AlertIndex

    index = AlertIndex(settings.store, settings.elasticsearch)
    try:
        return told + index.prepare()
    finally:
        index.close()


def _kibana(settings: Settings, url: str | None, file: Path | None) -> list[str]:
    """The dashboards into Kibana, into a file, or both. Raises ConfigError."""
    from detente.errors import ConfigError
    from detente.kibana import kibana_objects, ndjson
    from detente.kibana.importing import import_objects
    from detente.settings import redact
    from detente.store.elastic_client import namespace_of
    from detente.watch import load_watch

    if not _is_elasticsearch(settings):
        raise ConfigError(
            "--kibana: Kibana shows what is in Elasticsearch, and the articles are in "
            f"store = {redact(settings.store)!r}; set it to https://host:9200"
        )
    objects = kibana_objects(namespace_of(settings.store), load_watch(settings.watch).codes)
    told = []
    if file is not None:
        try:
            file.write_bytes(ndjson(objects))
        except OSError as error:
            raise ConfigError(f"--kibana-file {file}: can't be written: {error.strerror}") from None
        told.append(f"{file}: {len(objects)} objects; import them in Kibana under Saved Objects")
    if url is not None:
        told += import_objects(url, objects, settings.store, settings.elasticsearch)
    return told


def _is_elasticsearch(settings: Settings) -> bool:
    return settings.store.startswith(("https://", "http://"))
