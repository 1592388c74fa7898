"""`detente feeds add`, `import`, `pause` and what else changes the catalogue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.context import load
from detente.cli.feeds import Catalogue, is_good, print_checks
from detente.cli.output import printable

if TYPE_CHECKING:
    from collectors.catalog import Feed
    from collectors.check import FeedCheck
    from detente.settings import Settings

app = typer.Typer()

Id = Annotated[str, typer.Argument(help="Its id, as `detente feeds list` shows it.")]


@app.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The feed's address.")],
    id: Annotated[str | None, typer.Option(help="Its id; made from the outlet by default.")] = None,
    outlet: Annotated[
        str | None, typer.Option(help="The publisher's name; the feed's title by default.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="An ISO 639 code, as en.")] = None,
    country: Annotated[str | None, typer.Option(help="The publisher's country, as US.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="gov, state-media, independent, wire, igo or thinktank.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="What makes an article the same: url, guid or url-day.")
    ] = None,
    full_text: Annotated[
        str | None, typer.Option(help="Where the text is from: auto, feed or page.")
    ] = None,
    unchecked: Annotated[bool, typer.Option(help="Add it without fetching it first.")] = False,
    feeds: Catalogue = None,
) -> None:
    """Check a feed and add it to the catalogue."""
    from collectors.catalog import add_feeds, build_feeds
    from collectors.check import check_feeds

    settings = load(context, feeds=feeds)
    given: dict[str, Any] = {
        "id": id,
        "url": url,
        "outlet": outlet,
        "language": language,
        "country": country,
        "kind": kind,
        "identity": identity,
        "full_text": full_text,
    }
    values = {name: value for name, value in given.items() if value is not None}
    (feed,) = build_feeds([("feeds add", values)])
    if not unchecked:
        (found,) = check_feeds(settings.collectors, [feed])
        print_checks([found])
        if not is_good(found):
            if found.announced:
                typer.echo(f"It announces: {', '.join(found.announced)}", err=True)
            typer.echo(f"Not added. To add it all the same: --unchecked ({url})", err=True)
            raise typer.Exit(1)
        feed = _as_found(values, found)
    added = add_feeds(settings.feeds, [feed])
    if not added:
        typer.echo(f"{settings.feeds} has {url} already.", err=True)
        raise typer.Exit(1)
    typer.echo(f"Added {added[0].id} to {settings.feeds}.")


def _as_found(values: dict[str, Any], found: FeedCheck) -> Feed:
    """The feed, named as its document names it where nobody did."""
    from collectors.catalog import build_feeds

    if found.title:
        values.setdefault("outlet", found.title)
    if found.language:
        values.setdefault("language", found.language)
    (feed,) = build_feeds([("feeds add", values)])
    return feed


def checked_feed(settings: Settings, url: str) -> Feed:
    """A feed to be added, fetched first. Raises ConfigError saying what is wrong with it."""
    from collectors.catalog import build_feeds
    from collectors.check import check_feeds
    from detente.errors import ConfigError

    values: dict[str, Any] = {"url": url}
    (found,) = check_feeds(settings.collectors, build_feeds([("feeds add", values)]))
    if not is_good(found):
        announced = f"; it announces {', '.join(found.announced)}" if found.announced else ""
        raise ConfigError(f"{url}: {found.state}: {found.message}{announced}")
    return _as_found(values, found)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="OPML as feed readers export it, or TOML.")],
    feeds: Catalogue = None,
) -> None:
    """Add the feeds of a file to the catalogue; those that are there already stay as they are."""
    from collectors.catalog import add_feeds, load_catalogue

    settings = load(context, feeds=feeds)
    found = load_catalogue(file)
    added = add_feeds(settings.feeds, found)
    typer.echo(
        f"{len(added)} feeds added to {settings.feeds}; {len(found) - len(added)} were there."
    )


@app.command()
def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Where to; standard output by default.")
    ] = None,
    toml: Annotated[bool, typer.Option("--toml", help="As TOML instead of OPML.")] = False,
    feeds: Catalogue = None,
) -> None:
    """Write the catalogue as OPML, which any feed reader takes."""
    from collectors.catalog import load_catalogue, to_toml
    from collectors.opml import export_opml
    from detente.errors import ConfigError

    catalogue = load_catalogue(load(context, feeds=feeds).feeds)
    document = to_toml(catalogue).encode() if toml else export_opml(catalogue)
    if file is None:
        sys.stdout.buffer.write(document)
        return
    try:
        file.write_bytes(document)
    except OSError as error:
        raise ConfigError(f"{file}: can't be written: {error.strerror}") from None


@app.command()
def pause(context: typer.Context, id: Id, feeds: Catalogue = None) -> None:
    """Poll a feed no more; it stays in the catalogue."""
    from collectors.editing import set_enabled

    settings = load(context, feeds=feeds)
    set_enabled(settings.feeds, id, enabled=False)
    typer.echo(f"{settings.feeds}: {printable(id)} is paused.")


@app.command()
def resume(context: typer.Context, id: Id, feeds: Catalogue = None) -> None:
    """Poll a feed again that was paused."""
    from collectors.editing import set_enabled

    settings = load(context, feeds=feeds)
    set_enabled(settings.feeds, id, enabled=True)
    typer.echo(f"{settings.feeds}: {printable(id)} is polled.")


@app.command()
def remove(context: typer.Context, id: Id, feeds: Catalogue = None) -> None:
    """Take a feed out of the catalogue; its articles stay."""
    from collectors.editing import remove_feed

    settings = load(context, feeds=feeds)
    remove_feed(settings.feeds, id)
    typer.echo(f"{settings.feeds}: {printable(id)} is removed.")
