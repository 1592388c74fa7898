"""`detente demo`: the very same pipeline, on the sample newsroom, with a summary at the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.output import (
    console,
    print_json,
    print_notes,
    print_table,
    printable,
    signed,
    tone,
)

if TYPE_CHECKING:
    from detente.cli.pipeline import Observer
    from detente.newsroom.server import Newsroom
    from detente.settings import Settings
    from detente.store.base import ArticleStore, Document

_STAGES = ("collectors", "processors", "indexer", "alerts")
_POLL_EVERY = 2.0
_NEWS_EVERY = 1.5
_EVIDENCE_SHOWN = 8


def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the demo's data in this folder, to look into it.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="At most so long; it ends when the news has run out.", min=1)
    ] = 90.0,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it on the dashboard, until Ctrl-C.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the summary.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write the summary as JSON.")] = False,
) -> None:
    """Watch the pipeline at work on an invented newsroom: no network, nothing to set up."""
    from detente.cli.context import opened_store
    from detente.cli.pipeline import Pipeline, stopped_by_signals
    from detente.cli.progress import Progress
    from detente.newsroom.server import Newsroom

    with ExitStack() as stack:
        folder = stack.enter_context(_folder(keep))
        newsroom = stack.enter_context(Newsroom())
        settings = _settings(context, folder, newsroom)
        if not (quiet or json):
            _introduce(newsroom)
        if serve:
            from detente.cli.serve import serve_beside

            serve_beside(settings, stack)
        stop = stack.enter_context(stopped_by_signals())
        with Progress(settings, quiet=quiet or json) as progress:
            ending = _UntilNewsRunsOut(progress, newsroom, seconds, stop.set)
            Pipeline(settings, _STAGES, stop, ending).run()
        states = _feed_states(settings)
        with opened_store(settings) as store:
            summary = _summary(store, states, progress_polls=ending.polls)
        if json:
            print_json(summary)
            return
        _print_summary(summary)
        if keep:
            typer.echo(f"The settings of this demo: {folder / 'detente.toml'}. Try:")
            base = f"detente --settings {folder / 'detente.toml'}"
            typer.echo(f'  {base} search "embassy OR visas"\n  {base} feeds list')
        if serve and not stop.signalled:
            typer.echo("The dashboard stays open until Ctrl-C.")
            stop.clear()
            stop.wait()


class _UntilNewsRunsOut:
    """An observer that passes everything on, and ends the demo once nothing more will come.

    News begin when every healthy feed was polled once: what is edited before the first poll would
    be no edit for whoever watches.
    """

    def __init__(self, inner: Observer, newsroom: Newsroom, seconds: float, end: Any) -> None:
        self.polls = 0
        self._inner = inner
        self._newsroom = newsroom
        self._unpolled = {feed.slug for feed in newsroom.healthy_feeds}
        self._seconds = seconds
        self._deadline: float | None = None
        self._quiet_since: float | None = None
        self._end = end

    def polled(self, event: Any) -> None:
        self.polls += 1
        self._inner.polled(event)
        if self._unpolled:
            self._unpolled.discard(event.feed)
            if not self._unpolled:
                self._newsroom.go_live(_NEWS_EVERY)

    def stored(self, document: Document) -> None:
        self._quiet_since = None
        self._inner.stored(document)

    def tick(self, lag: dict[str, int]) -> None:
        self._inner.tick(lag)
        now = time.monotonic()
        if self._deadline is None:  # from the first look on: loading the model doesn't count
            self._deadline = now + self._seconds
        if any(lag.values()) or self._newsroom.held:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        # Two rounds of polling without news: what was published last has been seen.
        if now > self._deadline or (
            self._quiet_since is not None and now - self._quiet_since > 2 * _POLL_EVERY + 1
        ):
            self._end()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory(prefix="detente-demo-") as folder:
            yield Path(folder)


def _settings(context: typer.Context, folder: Path, newsroom: Newsroom) -> Settings:
    """Write the demo's settings and catalogue into its folder, and load them."""
    from dataclasses import replace

    from detente.cli.context import load

    catalogue = folder / "feeds.toml"
    lines = newsroom.catalogue_toml().replace("[[feeds]]", f"[[feeds]]\ninterval = {_POLL_EVERY}")
    catalogue.write_text(lines, "utf-8")
    file = folder / "detente.toml"
    place = folder.resolve()
    file.write_text(
        f'bus = "sqlite:///{place}/bus.sqlite"\n'
        f'store = "sqlite:///{place}/articles.sqlite"\n'
        f'state = "sqlite:///{place}/feeds.sqlite"\n'
        f'alerts = "sqlite:///{place}/alerts.sqlite"\n'
        f'subscriptions = "{place}/subscriptions.toml"\n'
        f'feeds = "{place}/feeds.toml"\n'
        "[collectors]\nallow_loopback = true\nhost_spacing = 0\ntimeout = 5\n"
        f'[dashboard]\nkey = "{place}/dashboard.key"\n'
        f'corrections = "{place}/corrections.jsonl"\n',
        "utf-8",
    )
    context.obj = replace(context.obj, settings_file=file)
    return load(context)


def _introduce(newsroom: Newsroom) -> None:
    healthy, faulty = len(newsroom.healthy_feeds), len(newsroom.faulty_feeds)
    typer.echo(
        f"An invented newsroom is up at {newsroom.url}: {healthy} feeds that work and {faulty} "
        "that are broken on purpose.\nEvery article in it is a sample written for this "
        "demonstration; none of it is news.\n"
    )


def _feed_states(settings: Settings) -> list[dict[str, Any]]:
    from detente.cli.feeds import feed_statuses

    return [asdict(status) for status in feed_statuses(settings)]


def _summary(
    store: ArticleStore, feeds: list[dict[str, Any]], *, progress_polls: int
) -> dict[str, Any]:
    from detente.store.base import Query

    relevant = Query(terms={"relevance": ["core", "peripheral"]}, order="published", size=10_000)
    documents = store.search(relevant).documents
    counts = {bucket.key: bucket.count for bucket in store.count(Query(), by="relevance")}
    unscored = sum(bucket.count for bucket in store.count(Query(), by="abstained"))
    return {
        "feeds": feeds,
        "polls": progress_polls,
        "articles": store.count(Query())[0].count,
        "relevance": {**counts, "unscored": unscored},
        "dyads": _dyads_over_time(documents),
        "evidence": _strongest(documents),
    }


def _dyads_over_time(documents: Any) -> dict[str, list[tuple[str, float]]]:
    series: dict[str, list[tuple[str, float]]] = {}
    for document in documents:
        if "published" not in document:
            continue
        for dyad in document.get("dyads", []):
            name = f"{dyad['holder']} → {dyad['target']}"
            series.setdefault(name, []).append((document["published"], dyad["score"]))
    return dict(sorted(series.items(), reverse=True))


def _strongest(documents: Any) -> list[dict[str, Any]]:
    """The sentences with the strongest stances that the model is surest of, one an article."""
    best = []
    for document in documents:
        stances = [s for s in document.get("stances", []) if s["part"] == "body"]
        if stances:
            stance = max(stances, key=lambda s: abs(s["score"]) * s["confidence"])
            best.append({**stance, "outlet": document["outlet"], "title": document["title"]})
    best.sort(key=lambda s: -abs(s["score"]) * s["confidence"])
    signs: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for stance in best:
        signs[stance["score"] > 0].append(stance)
    half = _EVIDENCE_SHOWN // 2
    return signs[True][:half] + signs[False][:half]


def _print_summary(summary: Mapping[str, Any]) -> None:
    from rich.text import Text

    from detente.cli.plot import plot_scores

    out = console()
    out.print(Text("\nFeeds", style="bold"))
    print_table(
        ["feed", "state", ">articles"],
        [(f["feed"], f["state"], f["articles"]) for f in summary["feeds"]],
    )
    print_notes((f["feed"], f["message"]) for f in summary["feeds"])
    counts = summary["relevance"]
    out.print(Text("Articles", style="bold"))
    out.print(
        f"{summary['articles']} collected in {summary['polls']} polls: {counts.get('core', 0)} "
        f"core, {counts.get('peripheral', 0)} peripheral, {counts.get('none', 0)} not relevant, "
        f"{counts['unscored']} not judged (another language, or too short).\n"
    )
    out.print(Text("How each side stands toward the other", style="bold"))
    points = {
        name: [(datetime.fromisoformat(instant), score) for instant, score in series]
        for name, series in summary["dyads"].items()
    }
    out.print(plot_scores(points))
    out.print(Text("The strongest evidence", style="bold"))
    for stance in summary["evidence"]:
        line = Text(f"{stance['holder']} → {stance['target']} {signed(stance['score'])} ")
        line.stylize(tone(stance["score"]))
        line.append(printable(stance["text"]))
        line.append(f"  {printable(stance['outlet'])}", style="dim")
        out.print(line)
    out.print()
