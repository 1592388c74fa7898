"""`detente dead`: what could not be handled, why, and trying it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.context import load, opened_bus
from detente.cli.output import console, print_json, print_table, printable
from detente.moments import moment

if TYPE_CHECKING:
    from detente.deadletters import DeadLetter

app = typer.Typer(help="Dead letters: list, show, replay.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command("list")
def list_(
    context: typer.Context,
    replayed: Annotated[bool, typer.Option(help="Also those already replayed.")] = False,
    json: Json = False,
) -> None:
    """List what is parked, oldest first."""
    from detente.deadletters import list_dead_letters

    with opened_bus(load(context)) as bus:
        letters = list_dead_letters(bus, with_replayed=replayed)
    if json:
        print_json([replace(letter, value=b"") for letter in letters])
        return
    if not letters:
        typer.echo("No dead letters.")
        return
    print_table(
        ["id", "at", "stage", "article", "reason"],
        [(x.id, moment(x.at), x.stage, x.key, x.reason.splitlines()[0][:160]) for x in letters],
    )


@app.command()
def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The id that `dead list` shows, or its beginning.")],
    json: Json = False,
) -> None:
    """Show one dead letter whole: who, when, why, where, and its bytes."""
    from detente.deadletters import list_dead_letters

    with opened_bus(load(context)) as bus:
        letters = list_dead_letters(bus, with_replayed=True)
    for letter in _named(letters, [id]):
        if json:
            print_json(letter)
            continue
        for name in ("id", "topic", "place", "key", "stage", "by"):
            typer.echo(f"{name:>8}: {printable(str(getattr(letter, name)))}")
        typer.echo(f"      at: {moment(letter.at)}")
        if letter.replayed:
            typer.echo(f"replayed: {moment(letter.replayed)}")
        console().print(f"\n{letter.reason}\n", markup=False)
        console().print(letter.value.decode("utf-8", "backslashreplace"), markup=False)


@app.command()
def replay(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids, or their beginnings.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
    stage: Annotated[str | None, typer.Option(help="What this stage parked.")] = None,
    reason: Annotated[str | None, typer.Option(help="Those whose reason contains this.")] = None,
    json: Json = False,
) -> None:
    """Send dead letters to where they came from, to be tried again."""
    from detente import deadletters
    from detente.errors import ConfigError

    if not (ids or all or stage or reason):
        raise ConfigError("dead replay: say which: ids, --stage, --reason or --all")
    with opened_bus(load(context)) as bus:
        letters = deadletters.list_dead_letters(bus)
        chosen = [
            letter
            for letter in (_named(letters, ids) if ids else letters)
            if (stage is None or letter.stage == stage)
            and (reason is None or reason in letter.reason)
        ]
        replayed = deadletters.replay(bus, chosen)
    if json:
        print_json({"replayed": replayed, "left": len(chosen) - replayed})
        return
    typer.echo(f"{replayed} sent back to their topics.")
    if replayed < len(chosen):
        typer.echo(f"{len(chosen) - replayed} stay: they were cut when parked, being too large.")


def _named(letters: list[DeadLetter], ids: list[str]) -> list[DeadLetter]:
    from detente.errors import ConfigError

    found = []
    for id in ids:
        matches = [letter for letter in letters if letter.id.startswith(id)]
        if len(matches) != 1:
            raise ConfigError(
                f"dead: {id!r} names {len(matches) or 'no'} dead letters; `detente dead list` "
                "shows their ids"
            )
        found += matches
    return found
