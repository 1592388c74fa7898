"""`make replay`: every recorded poll of a real feed through the whole pipeline, counted.

Serves the 1,849 polls in order over HTTP to `detente run`, and compares what ends in the store with
what a reading of the polls by itself says should be there. Exits with 1 where they differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detente.bus import open_bus
from detente.deadletters import list_dead_letters
from tests.replay import Replay, read_polls
from tests.whole import ALL_POLLS, Deployment, Shown, entries_of, republished, until

RELEASES = 1_584
"""What the README of the recorded polls counts, by another program: each guid as one."""


def expected_revisions(polls: Sequence[bytes]) -> dict[str, int]:
    """By guid, how often a reader of every poll sees other content than the time before.

    What is published again under another guid counts as one, by its uppermost entry; while the
    first one is still shown, the other is known from the poll on that follows.
    """
    shown = list(entries_of(polls))
    same = republished(shown)
    last: dict[str, tuple[Any, ...]] = {}
    revisions: dict[str, int] = {}
    known: set[str] = set()
    for entries in shown:
        here = {entry.guid for entry in entries}
        first_of: dict[str, Shown] = {}
        for entry in entries:
            if entry.guid in known or same.get(entry.guid) not in here:
                first_of.setdefault(same.get(entry.guid, entry.guid), entry)
        known |= here
        for guid, entry in first_of.items():
            if last.get(guid) != entry[1:]:
                last[guid] = entry[1:]
                revisions[guid] = revisions.get(guid, 0) + 1
    return revisions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=Path, default=ALL_POLLS, help="a tar.xz of feed bodies")
    parser.add_argument("--keep", type=Path, help="keep the log and the store in this folder")
    parser.add_argument("--bus", default="", help="a bus elsewhere (prepared, and empty)")
    parser.add_argument("--store", default="", help="a store elsewhere (prepared, and empty)")
    parser.add_argument("--model", default="shipped", help="the classifier (default: shipped)")
    options = parser.parse_args()
    if not options.polls.exists():
        sys.stderr.write(f"{options.polls}: the recorded polls are not here; give --polls\n")
        return 2
    polls = read_polls(options.polls)
    with tempfile.TemporaryDirectory() as scratch, Replay(polls) as replay:
        deployment = Deployment(
            options.keep or Path(scratch),
            replay.url,
            model=options.model,
            bus=options.bus,
            store=options.store,
        )
        began = time.monotonic()
        process = deployment.start("all")
        try:
            until(lambda: _said(replay, process), 3_600, "all polls consumed")
            polled = time.monotonic() - began
            until(lambda: deployment.waiting() == 0, 3_600, "everything handled")
            whole = time.monotonic() - began
        finally:
            process.terminate()
            code = process.wait()
        articles = deployment.judgements()
        bus = open_bus(deployment.bus_url)
        dead = len(list_dead_letters(bus))
        bus.close()
    expected = expected_revisions(polls)
    guids = len({entry.guid for entries in entries_of(polls) for entry in entries})
    published = sum(article["revision"] for article in articles.values())
    found = {
        "polls": len(polls),
        "guids in the polls": guids,
        "articles in the polls": len(expected),
        "articles in the store": len(articles),
        "revisions in the polls": sum(expected.values()),
        "revisions in the store": published,
        "articles with more than one revision": sum(a["revision"] > 1 for a in articles.values()),
        "core": sum(a["relevance"] == "core" for a in articles.values()),
        "peripheral": sum(a["relevance"] == "peripheral" for a in articles.values()),
        "not judged": sum(a["abstained"] is not None for a in articles.values()),
        "dead letters": dead,
        "exit code after SIGTERM": code,
        "seconds until all was polled": round(polled, 1),
        "seconds until all was stored": round(whole, 1),
        "revisions a second, all stages": round(published / whole, 1),
    }
    for name, value in found.items():
        sys.stdout.write(f"{name:>38}  {value:,}\n")
    wrong = len(articles) != len(expected) or published != sum(expected.values()) or dead or code
    if options.polls == ALL_POLLS:
        wrong = wrong or guids != RELEASES
    sys.stdout.write("NOT as it should be\n" if wrong else "as it should be\n")
    return 1 if wrong else 0


def _said(replay: Replay, process: Any) -> bool:
    if process.poll() is not None:
        raise SystemExit(f"detente run ended with {process.returncode}")
    return replay.finished.wait(0.1)


if __name__ == "__main__":
    sys.exit(main())
