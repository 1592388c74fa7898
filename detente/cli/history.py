"""`detente reindex` and `detente replay`: what is stored, written or judged anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.context import load, opened_bus
from detente.cli.instants import instant

if TYPE_CHECKING:
    from detente.bus.base import Bus
    from detente.settings import Settings
    from detente.store.base import Document


class Replayable(StrEnum):
    PROCESSORS = "processors"
    INDEXER = "indexer"


def reindex(
    context: typer.Context,
    rejudge: Annotated[
        bool, typer.Option("--rejudge", help="Judge anew what another model has judged.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Delete what an earlier reindex has left; do no more.")
    ] = False,
) -> None:
    """Write every stored article anew, while everything else goes on.

    After an update that changes the layout, or with --rejudge and a newer model. On Elasticsearch
    this builds new indices beside the old ones and swaps the alias; nobody misses anything
    meanwhile. It can be stopped and begun again.
    """
    from detente.store import open_store

    settings = load(context)
    store = open_store(settings.store, settings.elasticsearch)
    try:
        if drop:
            for name in store.drop_old():
                typer.echo(f"deleted {name}")
            return
        change = _rejudging(settings) if rejudge else _as_they_are
        for line in store.rebuild(change, _told()):
            typer.echo(line)
    finally:
        store.close()


def replay(
    context: typer.Context,
    stage: Annotated[Replayable, typer.Argument(help="Which stage handles it again.")],
    since: Annotated[
        str | None,
        typer.Option(help="From what came then: 2026-11-24, 36h, 7d; else from the start."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a replay that was stopped.")
    ] = False,
) -> None:
    """Have a stage read its topic again, beside the one that goes on with the news.

    Whatever it gives is what it gave before, or better: articles keep their ids and revisions, so
    nothing is stored twice, and a newer revision is never overwritten. Several processes can share
    one replay: start the others with --resume.
    """
    from detente.cli.pipeline import opened_stage, stopped_by_signals
    from detente.errors import ConfigError
    from detente.runner import run_stage

    if resume and since:
        raise ConfigError("replay: --resume goes on from where it stopped; leave --since out")
    settings = load(context)
    with opened_bus(settings) as bus, ExitStack() as stack, stopped_by_signals() as stop:
        stage_again = opened_stage(stage, settings, stack)
        route = replace(stage_again.route, group=f"{stage_again.route.group}.replay")
        topic, group = str(route.topic_in), str(route.group)
        if not resume:
            bus.reset(topic, group, instant(since, datetime.now(UTC)))
        begun = bus.lag(topic, group)
        typer.echo(f"{begun:,} records of {topic} to read again", err=True)
        run_stage(
            replace(stage_again, route=route),
            bus,
            settings.runner,
            stop,
            done=lambda: bus.lag(topic, group) == 0,
        )
        if stop.is_set():
            left = bus.lag(topic, group)
            typer.echo(f"stopped with {left:,} left; go on with `detente replay {stage} --resume`")
            raise typer.Exit(1)
        _forget(bus, topic, group)
        typer.echo("done")


def _forget(bus: Bus, topic: str, group: str) -> None:
    from detente.errors import ConfigError

    try:
        bus.reset(topic, group)
    except ConfigError:
        return  # another process that shares this replay is just ending; it will do so


def _as_they_are(documents: Sequence[Document]) -> Sequence[Document]:
    return documents


def _rejudging(settings: Settings) -> Callable[[Sequence[Document]], Sequence[Document]]:
    """Judges what another model, or this one for another watch, has judged."""
    from detente.document import article_document, collected_article
    from detente.store.fields import normalised
    from processors.stage import Assessor

    assessor = Assessor(settings)
    sides = assessor.watch.codes
    present = (assessor.model.name, assessor.model.revision, assessor.watch.name)

    def change(documents: Sequence[Document]) -> Sequence[Document]:
        old = [d for d in documents if (d["model"], d["model_revision"], d["watch"]) != present]
        judged = assessor.assess([collected_article(document) for document in old])
        new = {
            assessed.article.id: normalised(article_document(assessed, sides))
            for assessed in judged
        }
        return [new.get(document["id"], document) for document in documents]

    return change


def _told() -> Callable[[int], None]:
    """Says now and then how far it is."""
    said = 0

    def on_progress(done: int) -> None:
        nonlocal said
        if done >= said + 1_000:
            said = done
            typer.echo(f"{done:,} …", err=True)

    return on_progress
