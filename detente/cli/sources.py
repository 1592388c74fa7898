"""What `detente feeds show`, `coverage` and `poll` say."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from detente.cli.context import opened_bus, opened_state
from detente.cli.instants import instant
from detente.cli.output import age, print_json, print_notes, print_table
from detente.errors import ConfigError
from detente.moments import moment

if TYPE_CHECKING:
    from collectors.catalog import Feed
    from collectors.plan import FeedRow
    from detente.settings import Settings

_BUSY = 3
"""So many of its hours and days are named as those in which a feed publishes most."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def show_feed(settings: Settings, id: str, *, json: bool) -> None:
    """Raises ConfigError where no feed has this id."""
    from collectors.catalog import load_catalogue
    from detente.cli.feeds import feed_statuses

    feed = next((one for one in load_catalogue(settings.feeds) if one.id == id), None)
    if feed is None:
        raise ConfigError(f"feeds: no feed {id!r} in the catalogue; `detente feeds list` has them")
    status = next(one for one in feed_statuses(settings) if one.feed == id)
    with opened_state(settings) as state:
        row = state.rows().get(id)
    row = row if row and row.address == feed.url else None
    rhythm = _rhythm(row)
    polls = [
        {"at": datetime.fromtimestamp(note.at, UTC), "state": note.state, "new": note.new}
        for note in reversed(row.history if row else ())
    ]
    if json:
        print_json({**asdict(feed), **asdict(status), "rhythm": rhythm, "polls": polls})
        return
    now = datetime.now(UTC)
    facts = [
        ("feed", f"{feed.id}, {feed.outlet}"),
        ("address", feed.url),
        ("moved to", row.moved_to if row else None),
        ("state", f"{status.state}, for {age(status.since, now)}"),
        ("", status.message),
        ("kind", ", ".join(filter(None, (feed.kind, feed.country, feed.language)))),
        ("articles", f"{status.articles}, the last new one {age(status.last_new, now)} ago"),
        ("publishes", _in_words(rhythm)),
        ("next poll", moment(status.next_poll)),
    ]
    print_table(["", ""], [(name, fact) for name, fact in facts if fact])
    print_table(
        ["poll", "came to", ">new"],
        [(moment(note.at), note.state, note.new or "") for note in (row.history if row else ())],
    )


def _rhythm(row: FeedRow | None) -> dict[str, Any] | None:
    from collectors.rhythm import a_day

    if row is None or row.rhythm is None or not sum(row.rhythm.hours):
        return None
    return {
        "a_day": round(a_day(row.rhythm), 2),
        "hours": _busiest(row.rhythm.hours),
        "days": [_DAYS[day] for day in _busiest(row.rhythm.days)],
    }


def _busiest(counts: Sequence[float]) -> list[int]:
    most = sorted(range(len(counts)), key=lambda place: -counts[place])[:_BUSY]
    return sorted(place for place in most if counts[place])


def _in_words(rhythm: dict[str, Any] | None) -> str:
    if rhythm is None:
        return ""
    hours = ", ".join(f"{hour:02}" for hour in rhythm["hours"])
    return f"{rhythm['a_day']:g} a day, most at {hours} h UTC and on {', '.join(rhythm['days'])}"


def show_coverage(settings: Settings, since: str, *, json: bool) -> None:
    """Raises ConfigError."""
    from collectors.catalog import load_catalogue
    from collectors.coverage import coverage
    from detente.cli.feeds import feed_statuses

    now = datetime.now(UTC)
    start = instant(since, now)
    with opened_state(settings) as state:
        articles = state.article_counts(start.timestamp() if start else 0.0)
    found = coverage(load_catalogue(settings.feeds), feed_statuses(settings), articles)
    if json:
        print_json(asdict(found))
        return
    print_table(
        ["kind", "country", ">feeds", ">working", ">stale", ">blind", ">articles"],
        [tuple(asdict(group).values()) for group in found.groups],
    )
    if found.blind:
        print_table(
            ["blind to", "state", ">for", ">last new"],
            [(b.feed, b.state, age(b.since, now), age(b.last_new, now)) for b in found.blind],
        )
        print_notes((one.feed, one.message) for one in found.blind)
    total = sum(group.feeds for group in found.groups)
    typer.echo(f"{total} feeds, {len(found.blind)} blind; articles since {moment(start)}.")
    if found.outlets:
        typer.echo(f"Nothing from: {', '.join(found.outlets)}.")


def poll_now(settings: Settings, feeds: Sequence[Feed]) -> bool:
    """Poll once each; says whether all of them worked. Raises ConfigError, RetryLater."""
    from collectors.stage import collect
    from collectors.status import NO_TROUBLE, PollEvent

    events: list[PollEvent] = []
    with opened_bus(settings) as bus:
        collect(settings, feeds, bus, stop=threading.Event(), on_event=events.append, rounds=1)
    print_table(
        ["feed", "state", ">new", ">changed", ">seen", ">seconds"],
        [(e.feed, e.state, e.new, e.changed, e.seen, f"{e.duration:.1f}") for e in events],
    )
    print_notes((event.feed, event.message) for event in events)
    return all(event.state in NO_TROUBLE for event in events)
