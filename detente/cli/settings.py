"""`detente settings`: what is set, without secrets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detente.cli.context import load
from detente.cli.output import print_json, print_table

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.callback()
def settings() -> None:
    """Look at the settings."""


@app.command()
def show(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show every setting, its value and its environment variable; secrets are hidden."""
    shown = load(context).redacted()
    if json:
        print_json(shown)
        return
    print_table(
        ["setting", "value", "environment"],
        [
            (name, "" if value is None else value, f"DETENTE_{name.upper().replace('.', '__')}")
            for name, value in _flat(shown)
        ],
    )


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((prefix + name, value))
    return flat
