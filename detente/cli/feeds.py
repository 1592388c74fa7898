"""`detente feeds`: which sources are polled, and how each stands."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.context import load, opened_state
from detente.cli.output import age, print_json, print_notes, print_table
from detente.moments import moment

if TYPE_CHECKING:
    from collectors.catalog import Feed
    from collectors.check import FeedCheck
    from collectors.status import FeedStatus
    from detente.settings import Settings

app = typer.Typer(
    help="The feed catalogue: list, check, add, pause, remove, import, export.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Catalogue = Annotated[
    Path | None, typer.Option("--feeds", help="The feed catalogue; feeds.toml by default.")
]


def feed_statuses(settings: Settings) -> list[FeedStatus]:
    """How every feed of the catalogue stands, in its order. Raises ConfigError."""
    from collectors.catalog import load_catalogue
    from collectors.status import FeedStatus, PollState

    with opened_state(settings) as state:
        rows, counts = state.rows(), state.article_counts()
    statuses = []
    for feed in load_catalogue(settings.feeds):
        row = rows.get(feed.id)
        if row is not None and row.address != feed.url:
            row = None
        known = row.state if row else PollState.NEVER
        statuses.append(
            FeedStatus(
                feed=feed.id,
                url=feed.url,
                outlet=feed.outlet,
                state=known if feed.enabled else PollState.DISABLED,
                message=row.message if row else "",
                since=_instant(row.since) if row else None,
                last_poll=_instant(row.polled) if row else None,
                next_poll=_instant(row.next_poll) if row and feed.enabled else None,
                last_new=_instant(row.last_new) if row else None,
                failures=row.failures if row else 0,
                articles=counts.get(feed.id, 0),
            )
        )
    return statuses


def _instant(epoch: float | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


@app.command("list")
def list_(
    context: typer.Context,
    feeds: Catalogue = None,
    trouble: Annotated[bool, typer.Option(help="Only feeds that don't work.")] = False,
    json: Json = False,
) -> None:
    """Show how each feed stands: working, unchanged, moved, or what is wrong with it."""
    from collectors.status import NO_TROUBLE

    statuses = [
        status
        for status in feed_statuses(load(context, feeds=feeds))
        if not (trouble and status.state in NO_TROUBLE)
    ]
    if json:
        print_json([asdict(status) for status in statuses])
        return
    now = datetime.now(UTC)
    print_table(
        ["feed", "state", ">for", ">polled", ">new", ">articles"],
        [
            (
                *(s.feed, s.state, age(s.since, now), age(s.last_poll, now)),
                *(age(s.last_new, now), s.articles),
            )
            for s in statuses
        ],
    )
    print_notes((status.feed, status.message) for status in statuses)
    troubled = sum(status.state not in NO_TROUBLE for status in statuses)
    typer.echo(f"{len(statuses)} feeds, {troubled} in trouble.")


@app.command()
def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The feed's id.")],
    feeds: Catalogue = None,
    json: Json = False,
) -> None:
    """Show one feed: how it stands, when it publishes, and its last polls."""
    from detente.cli.sources import show_feed

    show_feed(load(context, feeds=feeds), id, json=json)


@app.command()
def coverage(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(help="Count articles since then: 24h, 7d or 2026-11-24.")
    ] = "24h",
    feeds: Catalogue = None,
    json: Json = False,
) -> None:
    """Report how much of the press is seen, and which sources bring nothing, and why."""
    from detente.cli.sources import show_coverage

    show_coverage(load(context, feeds=feeds), since, json=json)


@app.command()
def poll(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(help="Feed ids.")],
    feeds: Catalogue = None,
) -> None:
    """Poll feeds once, now, and publish what is new. Not while a collector runs on the same state.

    Exits with 1 if one fails.
    """
    from collectors.catalog import load_catalogue
    from detente.cli.sources import poll_now

    settings = load(context, feeds=feeds)
    chosen = _named(load_catalogue(settings.feeds), ids)
    with _working(f"Polling {len(chosen)} feeds"):
        good = poll_now(settings, chosen)
    if not good:
        raise typer.Exit(1)


@app.command()
def check(
    context: typer.Context,
    which: Annotated[
        list[str] | None, typer.Argument(help="Feed ids or addresses; all feeds by default.")
    ] = None,
    feeds: Catalogue = None,
    json: Json = False,
) -> None:
    """Fetch feeds once and say what they give; nothing is stored. Exits with 1 if one fails."""
    from collectors.catalog import load_catalogue
    from collectors.check import check_feeds

    settings = load(context, feeds=feeds)
    addresses = [one for one in which or () if "://" in one]
    chosen = [_from_address(address) for address in addresses]
    if len(addresses) < len(which or ()) or not which:
        catalogue = load_catalogue(settings.feeds)
        chosen += _named(catalogue, [one for one in which or () if "://" not in one])
    with _working(f"Checking {len(chosen)} feeds"):
        checks = check_feeds(settings.collectors, chosen)
    if json:
        print_json([asdict(one) for one in checks])
    else:
        print_checks(checks)
    if not all(is_good(one) for one in checks):
        raise typer.Exit(1)


@app.command()
def find(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The address of a web page.")],
    json: Json = False,
) -> None:
    """Find the feeds that a site announces, and check each. Exits with 1 if there is none."""
    from collectors.check import check_feeds

    settings = load(context)
    with _working(f"Looking at {site}"):
        (page,) = check_feeds(settings.collectors, [_from_address(site)])
        feeds = [_from_address(address) for address in page.announced]
        found = [page] if is_good(page) else check_feeds(settings.collectors, feeds)
    if json:
        print_json([asdict(one) for one in found])
    elif found:
        print_checks(found, by="url")
        typer.echo("Add one with `detente feeds add ADDRESS`.")
    if not found:
        typer.echo(f"{site} announces no feed ({page.state}: {page.message})", err=True)
        raise typer.Exit(1)


def _from_address(address: str) -> Feed:
    from collectors.catalog import build_feeds

    (feed,) = build_feeds([("feeds check", {"url": address})])
    return feed


def _named(catalogue: tuple[Feed, ...], ids: list[str]) -> list[Feed]:
    """The feeds of these ids, all that are polled where none is given. Raises ConfigError."""
    from detente.errors import ConfigError

    by_id = {feed.id: feed for feed in catalogue}
    if unknown := [id for id in ids if id not in by_id]:
        raise ConfigError(
            [
                f"feeds: no feed {id!r} in the catalogue; `detente feeds list` has them"
                for id in unknown
            ]
        )
    return [by_id[id] for id in ids] or [feed for feed in catalogue if feed.enabled]


def is_good(check: FeedCheck) -> bool:
    from collectors.status import PollState

    return check.state in (PollState.WORKING, PollState.EMPTY, PollState.TRUNCATED)


def print_checks(checks: list[FeedCheck], by: str = "feed") -> None:
    print_table(
        [by, "state", "format", ">entries", ">summaries", ">undated", "newest"],
        [
            (getattr(c, by), c.state, c.format, c.entries, c.summaries, c.undated, moment(c.newest))
            for c in checks
        ],
    )
    print_notes(
        (
            getattr(c, by),
            "; ".join([c.message] * bool(c.message) + [f"set {one}" for one in c.advice]),
        )
        for c in checks
    )


def _working(what: str) -> Any:
    """A spinner on a terminal's standard error while something takes long."""
    from rich.console import Console

    return Console(stderr=True).status(what)
