"""`python -m detente.newsroom`: the sample newsroom until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from queue import SimpleQueue

from detente.newsroom.content import ContentError
from detente.newsroom.server import Newsroom


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m detente.newsroom",
        description="Serves feeds of invented publishers on loopback.",
    )
    parser.add_argument(
        "--port", type=_port, default=8765, help="0 takes a free one (default: 8765)"
    )
    parser.add_argument(
        "--live",
        type=_seconds,
        metavar="SECONDS",
        help="publish a held-back article every so many seconds",
    )
    parser.add_argument("--catalogue", type=Path, help="write the feed catalogue (TOML) here")
    options = parser.parse_args(arguments)

    try:
        newsroom = Newsroom(options.port, live_interval=options.live)
    except OSError as error:
        sys.stderr.write(f"port {options.port} on 127.0.0.1: {error.strerror}; try --port 0\n")
        return 2
    except ContentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with newsroom:
        if options.catalogue is not None:
            try:
                options.catalogue.write_text(newsroom.catalogue_toml(), encoding="utf-8")
            except OSError as error:
                sys.stderr.write(
                    f"{options.catalogue}: {error.strerror}; --catalogue can't go there\n"
                )
                return 2
        # An Event may deadlock when a handler sets it; a SimpleQueue takes a put at any instant.
        ended: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: ended.put(number))
        sys.stdout.write(f"The sample newsroom is at {newsroom.url} (Ctrl-C ends it)\n")
        sys.stdout.flush()
        ended.get()
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port; give 0 to 65535")
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no interval; give seconds above 0")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
