"""`detente trace URL`: an article's whole way, read from where the truth is at each step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli.context import load, opened_bus, opened_state, opened_store
from detente.cli.output import moment, print_json, print_table


def trace(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The article's URL or id.")],
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Follow one article through every stage: seen, published, judged, stored, or why not."""
    from detente.deadletters import list_dead_letters, read_all
    from detente.flow import ASSESSED, COLLECTED, TOPICS
    from detente.store.base import Query

    settings = load(context)
    steps: list[dict[str, Any]] = []

    def step(at: object, stage: str, what: str, detail: str = "") -> None:
        steps.append({"at": moment(at), "stage": stage, "what": what, "detail": detail})  # type: ignore[arg-type]

    with opened_state(settings) as state:
        known = state.trace(url)
    with opened_bus(settings) as bus, opened_store(settings) as store:
        id = known.id if known else url
        if known:
            for seen in known.revisions:
                feeds = ", ".join(known.shown_by)
                step(seen.collected, "collectors", f"revision {seen.number} seen", feeds)
        for topic, stage in ((COLLECTED, "collectors"), (ASSESSED, "processors")):
            for delivery in read_all(bus, topic, "trace"):
                if delivery.key == id:
                    step(delivery.appended, stage, "published", _place(delivery))
        for letter in list_dead_letters(bus, TOPICS, with_replayed=True):
            if letter.key == id:
                step(letter.at, letter.stage, "dead", letter.reason.splitlines()[0])
                if letter.replayed:
                    step(letter.replayed, letter.stage, "replayed", letter.id)
        document = store.get(id)
        if document is None and not known:
            matches = store.search(Query(terms={"url": [url]})).documents
            document = matches[0] if matches else None
        if document:
            verdict = document.get("relevance") or f"unscored: {document.get('abstained')}"
            step(
                document["assessed"],
                "indexer",
                f"revision {document['revision']} stored",
                f"{verdict}, by {document['model']} {document['model_revision']}",
            )
    if json:
        print_json({"url": url, "id": id, "steps": steps})
    elif steps:
        typer.echo(f"{id}  {document['title'] if document else url}")
        print_table(["at", "stage", "what", "detail"], [tuple(s.values()) for s in steps])
    if not steps:
        typer.echo(f"{url}: no feed has shown this article, and it isn't stored.", err=True)
        raise typer.Exit(1)


def _place(delivery: Any) -> str:
    return f"{delivery.topic}[{delivery.partition}]@{delivery.offset}"
