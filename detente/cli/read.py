"""`detente search`, `show` and `stats`: what the article store has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.context import load, opened_bus, opened_store
from detente.cli.instants import instant
from detente.cli.output import console, print_json, print_table, printable, signed, tone
from detente.moments import moment

if TYPE_CHECKING:
    from rich.text import Text

    from detente.store.base import Document

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def search(
    context: typer.Context,
    text: Annotated[
        str, typer.Argument(help='Words, "phrases", prefixes*, AND, OR, NOT, parentheses.')
    ] = "",
    relevance: Annotated[
        list[str] | None, typer.Option(help="core, peripheral or none; may be given again.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="The publisher's host.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="The publisher's country.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="The text's language.")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="Who is named.")] = None,
    dyad: Annotated[
        list[str] | None, typer.Option(help="As USA>RUS:adversarial, RUS>USA:cooperative.")
    ] = None,
    issue: Annotated[
        list[str] | None, typer.Option(help="What it is about, as the watch names it: visas.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="A PLOVER type of act: SANCTION, CONSULT.")
    ] = None,
    speaker: Annotated[list[str] | None, typer.Option(help="Who is quoted, by name.")] = None,
    since: Annotated[
        str | None, typer.Option(help="First seen from: 2026-11-24, or 36h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="First seen before.")] = None,
    by: Annotated[str, typer.Option(help="Newest first by: first_seen, published.")] = "first_seen",
    size: Annotated[int, typer.Option("--size", "-n", help="How many.", min=1, max=10_000)] = 20,
    after: Annotated[str | None, typer.Option(help="Go on from the page before.")] = None,
    json: Json = False,
) -> None:
    """Find articles by words, fields and dates, newest first."""
    from detente.store.base import Query, Range
    from detente.store.queryfields import slug

    wanted = {
        "relevance": relevance,
        "source": source,
        "country": country,
        "language": language,
        "actors": [slug(one) for one in actor or ()],
        "dyad_labels": dyad,
        "issues": [slug(one) for one in issue or ()],
        "events": event,
        "speakers": speaker,
    }
    now = datetime.now(UTC)
    limits = Range(instant(since, now), instant(until, now))
    query = Query(
        text=text,
        terms={name: values for name, values in wanted.items() if values},
        ranges={"first_seen": limits} if since or until else {},
        order=by,
        size=size,
        after=after,
    )
    with opened_store(load(context)) as store:
        page = store.search(query)
    if json:
        print_json({"total": page.total, "next": page.next, "articles": page.documents})
        return
    for document in page.documents:
        console().print(headline(document))
    shown = len(page.documents)
    typer.echo(f"{shown} of {page.total} articles." if page.total else "No article matches.")
    if page.next:
        typer.echo(f"More: add --after {page.next}")


def headline(document: Document) -> Text:
    """One line on an article: when, how relevant, both stances, who, what, where to read on."""
    from rich.text import Text

    line = Text()
    line.append(moment(document.get("published") or document["first_seen"]), style="dim")
    relevance = document.get("relevance") or "unscored"
    style = {"core": "bold", "peripheral": "default"}.get(relevance, "dim")
    line.append(f"  {relevance:<10}", style=style)
    for name in ("first_toward_second", "second_toward_first"):
        score = document.get(name)
        line.append(f" {signed(score):>5}", style=tone(score))
    line.append(f"  {printable(document['title'])}", style=style)
    line.append(f"  {printable(document['outlet'])}", style="dim")
    line.append(f"  {document['id'][:9]}", style="dim")
    return line


def show(
    context: typer.Context,
    article: Annotated[str, typer.Argument(help="The article's id (or its beginning) or URL.")],
    json: Json = False,
) -> None:
    """Show one article: its judgement, the sentences that show it, and its text."""
    from detente.store.base import Query

    with opened_store(load(context)) as store:
        document = store.get(article)
        if document is None:
            is_url = "://" in article
            found = store.search(
                Query(terms={"url": [article]}, size=1)
                if is_url
                else Query(prefixes={"id": article}, size=1)
            )
            if found.total > 1 and not is_url:
                typer.echo(f"{article!r} is the beginning of {found.total} ids.", err=True)
                raise typer.Exit(1)
            document = found.documents[0] if found.documents else None
    if document is None:
        typer.echo(f"No article has the id or URL {article!r}.", err=True)
        raise typer.Exit(1)
    if json:
        print_json(document)
    else:
        _print_article(document)


def _print_article(document: Document) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(printable(document["title"]), style="bold"))
    published = moment(document.get("published")) or f"no date ({document['published_quality']})"
    out.print(
        f"{printable(document['outlet'])} · {published} · first seen "
        f"{moment(document['first_seen'])} · revision {document['revision']}",
        markup=False,
    )
    out.print(f"{printable(document['url'])}\nid {document['id']}\n", markup=False)
    if reason := document.get("abstained"):
        out.print(f"Not judged: {printable(reason)}", markup=False)
    else:
        score = document.get("relevance_score", 0.0)
        out.print(f"Relevance: {document.get('relevance')} ({score:.2f})", markup=False)
    for ground in document.get("grounds", []):
        out.print(f"  because of {_place(ground)} {printable(ground['text'])}", markup=False)
    if issues := document.get("issue_evidence"):
        about = ", ".join(f"{one['id']} ({one['score']:.2f})" for one in issues)
        out.print(f"About: {printable(about)}", markup=False)
    for dyad in document.get("dyads", []):
        out.print(
            Text(
                f"{dyad['holder']} → {dyad['target']}: {dyad['label']} {signed(dyad['score'])} "
                f"{_interval(dyad)}over {dyad['sentences']} sentences",
                style=tone(dyad["score"]),
            )
        )
    out.print(f"Judged by {document['model']} {document['model_revision']}\n", markup=False)
    for stance in document.get("stances", []):
        out.print(
            Text(
                f"{stance['holder']} → {stance['target']} {stance['grade']:>2} "
                f"({stance['confidence']:.2f}) {_place(stance)} {_said(stance)}"
                f"{printable(stance['text'])}",
                style=tone(stance["score"]),
            )
        )
    out.print()
    for paragraph in document["body"].splitlines():
        out.print(printable(paragraph), markup=False)


def _interval(dyad: Document) -> str:
    return f"({signed(dyad['low'])} to {signed(dyad['high'])}) " if "low" in dyad else ""


def _place(sentence: Document) -> str:
    return f"[{sentence['part']} {sentence['start']}-{sentence['end']}]"


def _said(stance: Document) -> str:
    """What kind of act it is and whose words say so, as far as either is known."""
    known = (stance.get("event", "").lower(), printable(stance.get("speaker") or ""))
    words = ", ".join(filter(None, known))
    return f"{words}: " if words else ""


def stats(context: typer.Context, json: Json = False) -> None:
    """Show what is stored, by relevance, source and day, and what still waits to be handled."""
    from detente.deadletters import list_dead_letters
    from detente.flow import ROUTES
    from detente.store.base import Query

    settings = load(context)
    with opened_bus(settings) as bus, opened_store(settings) as store:
        lag = {r.stage: bus.lag(r.topic_in, r.group) for r in ROUTES if r.topic_in and r.group}
        dead = len(list_dead_letters(bus))
        total = store.count(Query())[0].count
        by = {
            name: store.count(Query(), by=name)
            for name in ("relevance", "abstained", "source", "dyad_labels", "first_seen")
        }
    if json:
        counts = {name: {b.key: b.count for b in buckets} for name, buckets in by.items()}
        print_json({"articles": total, **counts, "lag": lag, "dead": dead})
        return
    typer.echo(f"{total} articles; waiting: {_waiting(lag)}; dead letters: {dead}")
    for name, title in (
        ("relevance", "relevance"),
        ("abstained", "not judged"),
        ("dyad_labels", "stance"),
        ("source", "source"),
        ("first_seen", "first seen"),
    ):
        if by[name]:
            rows: Sequence[tuple[str, int]] = [(b.key, b.count) for b in by[name][-30:]]
            print_table([title, ">articles"], rows)


def _waiting(lag: dict[str, int]) -> str:
    return ", ".join(f"{count} for {stage}" for stage, count in lag.items())
