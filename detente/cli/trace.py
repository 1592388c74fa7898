"""`detente trace URL`: an article's whole way, read from where the truth is at each step."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.context import load, opened_bus, opened_state, opened_store
from detente.cli.output import print_json, print_table
from detente.moments import moment

if TYPE_CHECKING:
    from detente.bus.base import Bus
    from detente.settings import Settings
    from detente.store.base import ArticleStore
    from detente.way import Way


def way_of(settings: Settings, bus: Bus, store: ArticleStore, key: str) -> Way:
    """Follow one article, by its URL or id, through every stage."""
    from detente.article import CollectedArticle
    from detente.deadletters import list_dead_letters, read_all
    from detente.flow import ASSESSED, COLLECTED, TOPICS
    from detente.store.base import Query
    from detente.way import Step, Way
    from detente.wire import decode

    steps: list[Step] = []
    revisions: dict[int, CollectedArticle] = {}

    def step(at: Any, stage: str, what: str, detail: str = "") -> None:
        steps.append(Step(moment(at), stage, what, detail))

    with opened_state(settings) as state:
        known = state.trace(key)
    id = known.id if known else key
    if known:
        for seen in known.revisions:
            feeds = ", ".join(known.shown_by)
            step(seen.collected, "collectors", f"revision {seen.number} seen", feeds)
    for topic, stage in ((COLLECTED, "collectors"), (ASSESSED, "processors")):
        for delivery in read_all(bus, topic, "trace"):
            if delivery.key == id:
                step(delivery.appended, stage, "published", _place(delivery))
                if topic == COLLECTED:
                    one = decode(delivery.value, CollectedArticle)
                    revisions[one.revision] = one
    for letter in list_dead_letters(bus, TOPICS, with_replayed=True):
        if letter.key == id:
            step(letter.at, letter.stage, "dead", letter.reason.splitlines()[0])
            if letter.replayed:
                step(letter.replayed, letter.stage, "replayed", letter.id)
    document = store.get(id)
    if document is None and not known:
        matches = store.search(Query(terms={"url": [key]})).documents
        document = matches[0] if matches else None
    if document:
        verdict = document.get("relevance") or f"unscored: {document.get('abstained')}"
        step(
            document["assessed"],
            "indexer",
            f"revision {document['revision']} stored",
            f"{verdict}, by {document['model']} {document['model_revision']}",
        )
    title = document["title"] if document else None
    return Way(id, title, tuple(steps), tuple(revisions[it] for it in sorted(revisions)))


def trace(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The article's URL or id.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Follow one article through every stage: seen, published, judged, stored, or why not."""
    settings = load(context)
    with opened_bus(settings) as bus, opened_store(settings) as store:
        way = way_of(settings, bus, store, url)
    if json:
        print_json({"url": url, "id": way.id, "steps": way.steps})
    elif way.steps:
        typer.echo(f"{way.id}  {way.title or url}")
        print_table(["at", "stage", "what", "detail"], [astuple(step) for step in way.steps])
    if not way.steps:
        typer.echo(f"{url}: no feed has shown this article, and it isn't stored.", err=True)
        raise typer.Exit(1)


def _place(delivery: Any) -> str:
    return f"{delivery.topic}[{delivery.partition}]@{delivery.offset}"
