"""`detente alerts`: who is told of what, what was told, and what is still to be sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.context import load, opened_store
from detente.cli.instants import instant
from detente.cli.output import console, print_json, print_table, printable
from detente.cli.read import Json, headline
from detente.moments import moment

if TYPE_CHECKING:
    from detente.alerts.state import AlertState
    from detente.settings import Settings

app = typer.Typer(help="Subscriptions: what they would tell, told, and have still to send.")


class States(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    MUTED = "muted"
    ACKNOWLEDGED = "acknowledged"


@contextmanager
def _opened(settings: Settings) -> Iterator[AlertState]:
    from detente.alerts.state import AlertState

    state = AlertState(settings.alerts)
    try:
        yield state
    finally:
        state.close()


@app.command("check")
def check(context: typer.Context) -> None:
    """Read subscriptions.toml and say what is wrong with it."""
    from detente.alerts.subscription import load_subscriptions

    settings = load(context)
    read = load_subscriptions(settings.subscriptions, missing_ok=False)
    count, places = len(read.subscriptions), len(read.destinations)
    typer.echo(f"{settings.subscriptions}: {count} subscriptions, {places} destinations, all good.")


@app.command("list")
def list_(context: typer.Context, json: Json = False) -> None:
    """All subscriptions, with how much each told in the last week."""
    from detente.alerts.subscription import load_subscriptions

    settings = load(context)
    read = load_subscriptions(settings.subscriptions)
    week = time.time() - 7 * 86_400
    with _opened(settings) as state:
        rows = [
            {
                "id": one.id,
                "query": one.query,
                "to": list(one.to),
                "when": one.when,
                "told_in_a_week": sum(told.at >= week for told in state.told(one.id, 10_000)),
            }
            for one in read.subscriptions
        ]
    if json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"Nobody is subscribed: {settings.subscriptions} has no subscriptions.")
        return
    shown = [
        (row["id"], row["query"], ", ".join(row["to"]), row["when"], str(row["told_in_a_week"]))  # type: ignore[arg-type]
        for row in rows
    ]
    print_table(("id", "query", "to", "when", "last week"), shown)


@app.command("add")
def add(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Its id: small letters, digits, hyphens.")],
    query: Annotated[str, typer.Argument(help="What it asks for.")],
    to: Annotated[list[str], typer.Option(help="A destination; may be given again.")],
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
    when: Annotated[str | None, typer.Option(help="now, hourly, daily 07:00.")] = None,
    quiet: Annotated[str | None, typer.Option(help="As 22:00-06:30.")] = None,
    zone: Annotated[str | None, typer.Option(help="As Europe/Berlin.")] = None,
    kind: Annotated[str | None, typer.Option(help="first, burst, shift, silence.")] = None,
    dyad: Annotated[str | None, typer.Option(help="For a shift: RUS>USA.")] = None,
    updates: Annotated[
        bool, typer.Option("--updates", help="Again at later news of a story.")
    ] = False,
) -> None:
    """Write a subscription into subscriptions.toml; a running `detente run` takes it up."""
    from detente.alerts.file import add as write

    settings = load(context)
    fields = {
        "id": id,
        "name": name,
        "query": query,
        "to": to,
        "when": when,
        "quiet": quiet,
        "zone": zone,
        "kind": kind,
        "dyad": dyad,
        "updates": updates or None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    write(settings.subscriptions, given)
    typer.echo(f"{settings.subscriptions}: {id} is subscribed.")


@app.command("remove")
def remove(context: typer.Context, id: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Take a subscription out of subscriptions.toml."""
    from detente.alerts.file import remove as take_out

    settings = load(context)
    if not take_out(settings.subscriptions, id):
        typer.echo(f"{settings.subscriptions}: there is no subscription {printable(id)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{settings.subscriptions}: {id} is removed.")


@app.command("try")
def try_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="As in a subscription.")],
    since: Annotated[str, typer.Option(help="First seen from: 2026-11-24, or 36h, 7d ago.")] = "7d",
    size: Annotated[int, typer.Option("--size", "-n", help="How many to show.", min=0)] = 20,
    json: Json = False,
) -> None:
    """What a subscription would have told: the stories, and how many a day to expect."""
    from detente.alerts.dryrun import dry_run

    now = datetime.now(UTC)
    start = instant(since, now) or now - timedelta(days=7)
    with opened_store(load(context)) as store:
        found = dry_run(store, query, start, now)
    days = max(1.0, (now - start).total_seconds() / 86_400)
    if json:
        told = [{"id": one["id"], "title": one["title"], "url": one["url"]} for one in found.told]
        print_json({"alerts": told, "articles": found.articles, "a_day": len(told) / days})
        return
    for document in found.told[-size:] if size else ():
        console().print(headline(document))
    number = len(found.told)
    typer.echo(
        f"{number} alerts for {found.articles} articles since {moment(start.isoformat())}: "
        f"{number / days:.1f} a day." + (" There are more." if found.cut else "")
    )
    per_day = Counter(document["first_seen"][:10] for document in found.told)
    if per_day:
        day, most = per_day.most_common(1)[0]
        typer.echo(f"Most on one day: {most}, on {day}.")


@app.command("told")
def told(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(help="Its id.")],
    size: Annotated[int, typer.Option("--size", "-n", help="How many.", min=1)] = 20,
    open_: Annotated[bool, typer.Option("--open", help="Only what nobody acknowledged.")] = False,
    atom: Annotated[bool, typer.Option("--atom", help="Write an Atom feed.")] = False,
) -> None:
    """What a subscription was told, newest first."""
    from detente.alerts.atom import alerts_feed

    with _opened(load(context)) as state:
        found = state.told(subscription, size, unacknowledged=open_)
    if atom:
        typer.echo(alerts_feed(subscription, subscription, found))
        return
    for told in found:
        alert = told.alert
        when = moment(datetime.fromtimestamp(told.at, UTC).isoformat())
        seen = "" if told.acknowledged is None else "acknowledged  "
        outlet = printable(alert.outlet)
        typer.echo(f"{when}  {printable(alert.title)}  {outlet}  {seen}{alert.story}")
        for shown in alert.evidence:
            typer.echo(f"    {shown.says:<24} {printable(shown.text)}")
    if not found:
        left = "Nothing is open for" if open_ else "Nothing was told to"
        typer.echo(f"{left} {printable(subscription)}{'' if open_ else ' yet'}.")


@app.command("acknowledge")
def acknowledge(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(help="Its id.")],
    story: Annotated[
        str | None, typer.Argument(help="The story, as `told` shows it; all, if none is given.")
    ] = None,
) -> None:
    """Note that an alert was seen: what of it still waits isn't sent."""
    with _opened(load(context)) as state:
        count = state.acknowledge(subscription, story, time.time())
    typer.echo(f"{count} alerts of {printable(subscription)} are acknowledged.")


@app.command("outbox")
def outbox(
    context: typer.Context,
    state: Annotated[States | None, typer.Option(help="Only these.")] = None,
    size: Annotated[int, typer.Option("--size", "-n", help="How many.", min=1)] = 20,
) -> None:
    """What is to be sent, was sent, or could not be sent, newest first."""
    with _opened(load(context)) as kept:
        found = kept.outbox(None if state is None else state.value, size)
    rows = [
        (
            one.state,
            one.subscription,
            one.destination,
            moment(datetime.fromtimestamp(one.sent or one.due, UTC).isoformat()),
            str(one.attempts),
            printable(one.reason),
        )
        for one in found
    ]
    print_table(("state", "subscription", "to", "sent or due", "tries", "why"), rows)


@app.command("retry")
def retry(context: typer.Context) -> None:
    """Send again what was given up."""
    with _opened(load(context)) as state:
        count = state.revive(time.time())
    typer.echo(f"{count} messages are due again.")


@app.command("mute")
def mute(
    context: typer.Context,
    story: Annotated[str, typer.Argument(help="Its id, as `told` shows it.")],
) -> None:
    """Send nothing more on a story, nor later news of it, to anybody."""
    with _opened(load(context)) as state:
        count = state.mute(story, time.time())
    typer.echo(f"{printable(story)} is muted; {count} messages on it are not sent.")


@app.command("unmute")
def unmute(
    context: typer.Context,
    story: Annotated[str, typer.Argument(help="Its id.")],
) -> None:
    """Tell of later news of a story again; what was not sent meanwhile stays so."""
    with _opened(load(context)) as state:
        if not state.unmute(story):
            typer.echo(f"{printable(story)} isn't muted.", err=True)
            raise typer.Exit(1)
    typer.echo(f"{printable(story)} is no longer muted.")
