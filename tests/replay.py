"""Replay recorded polls of a feed over real HTTP, in order.

The server hands out poll 0 to a client without a validator and poll k + 1 to a client that shows
ETag "k", so it moves on only once the client has durably consumed a poll; after the last it
answers 304. Runnable: `python -m tests.replay --polls ARCHIVE.tar.xz --port 8000`.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.serving import Serving, reply


def read_polls(archive: Path, limit: int | None = None) -> list[bytes]:
    """The members of a `tar.xz` of feed bodies in the order of their names."""
    bodies: dict[str, bytes] = {}
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                bodies[Path(member.name).name] = file.read()
    return [bodies[name] for name in sorted(bodies)][:limit]


class Replay(Serving):
    """Serve `bodies` at `url` until the context ends; `served` counts the answers by status."""

    def __init__(self, bodies: Sequence[bytes], port: int = 0) -> None:
        self.bodies = bodies
        self.served: dict[int, int] = {}
        self.at = -1
        """The number of the poll handed out last."""
        self.allowed: int | None = None
        """Poll numbers from this one on are kept back for now; None keeps nothing back."""
        self.finished = threading.Event()
        """Set once a client that had consumed the last poll was told that nothing is new."""
        super().__init__(port=port)
        self.url = f"{self.address}/feed.xml"

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        shown = (request.headers.get("If-None-Match") or "").removeprefix("W/").strip('"')
        number = int(shown) + 1 if shown.isdigit() else 0
        kept_back = self.allowed is not None and number >= self.allowed
        if number >= len(self.bodies) or kept_back:
            status, body = 304, b""
        else:
            status, body = 200, self.bodies[number]
            self.at = number
        self.served[status] = self.served.get(status, 0) + 1
        latest = number - 1 if status == 304 else number
        kind = "application/rss+xml; charset=UTF-8"
        reply(request, status, body, etag=f'"{latest}"', content_type=kind)
        if status == 304 and not kept_back:
            self.finished.set()


def main() -> None:
    """Serve an archive until interrupted; prints the URL, then `finished` after the last poll."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=Path, required=True, help="a tar.xz of feed bodies")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--limit", type=int, help="serve only the first so many")
    options = parser.parse_args()
    with Replay(read_polls(options.polls, options.limit), options.port) as replay:
        sys.stdout.write(f"{replay.url}\n")
        sys.stdout.flush()
        try:
            replay.finished.wait()
            sys.stdout.write("finished\n")
            sys.stdout.flush()
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
