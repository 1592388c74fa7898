"""`detente settings`: what is set, without secrets."""

from __future__ import annotations

import inspect
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


@app.command()
def describe() -> None:
    """Explain every setting, as Markdown: its default, and what it is for."""
    from pydantic import BaseModel

    from detente.settings import Settings

    typer.echo(_INTRODUCTION)
    sections: list[tuple[str, type[BaseModel]]] = [("", Settings)]
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            sections.append((name, info.annotation))
    for name, section in sections:
        if name:
            typer.echo(f"\n## `[{name}]`\n\n{inspect.cleandoc(section.__doc__ or '')}")
        typer.echo("\n| setting | default | what it is for |\n|---|---|---|")
        for key, info in section.model_fields.items():
            if info.description:
                typer.echo(
                    f"| `{key}` | {_default(info.default)} | {_one_line(info.description)} |"
                )


_INTRODUCTION = """# Settings

Every setting has a default. They are read from `detente.toml` in the working directory (or the
file that `--settings` or `DETENTE_SETTINGS` names), and then from the environment, which wins:
`collectors.timeout` is `DETENTE_COLLECTORS__TIMEOUT`. A list or a table is written as JSON there
(`DETENTE_DASHBOARD__HOSTS='["watch.example.org"]'`). A variable that ends in `_FILE` names a file
with the value, for secrets: `DETENTE_STORE_FILE=/run/secrets/store`. `detente settings show` lists
what is set. Times are in seconds and sizes in bytes, but for days where the name says so.
This page is made by `make docs`."""


def _default(value: Any) -> str:
    if value is None or value in ("", (), {}):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:.3g}`" if value != int(value) else f"`{int(value)}`"
    return f"`{value}`"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((prefix + name, value))
    return flat
