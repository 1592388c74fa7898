"""Documents into Elasticsearch in bulk: each one's outcome, whatever a request as a whole says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from elasticsearch import ApiError, Elasticsearch

from detente.errors import StoreUnavailable
from detente.settings import redact
from detente.slices import slices
from detente.store.analysis import term_text
from detente.store.base import Document, WriteOutcome
from detente.store.fields import TEXT_FIELDS, encoded
from detente.store.mapping import WORDS

REQUEST_BYTES = 5_000_000
"""Of one bulk request; proxies in front of a cluster often end at ten million."""

_TRIES = 4
"""For documents that a bulk request left undone, with growing pauses, before the runner waits."""

_NOT_THE_DOCUMENT = ("index_closed_exception", "validation_exception", "cluster_block_exception")
"""Answers of status 400 that speak of the index or the cluster."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be sent, and its place among those given."""

    place: int
    id: str
    revision: int
    first_seen: str
    source: bytes

    def action(self, index: str, versions: str) -> bytes:
        meta = {
            "_index": index,
            "_id": self.id,
            "version": self.revision,
            "version_type": versions,
        }
        return _encode({"index": meta}) + b"\n" + self.source + b"\n"


Line = tuple[Prepared, bytes]
Answered = tuple[Line, WriteOutcome | None, str]


def prepared(place: int, document: Document) -> Prepared:
    """Raises UnfitDocument."""
    clean, source = encoded(document)
    words = [term_text(clean[name]) for name in TEXT_FIELDS]
    # The JSON of the document, with one more member at its end.
    source = b"%s,%s:%s}" % (source[:-1], _encode(WORDS), _encode(words))
    return Prepared(place, clean["id"], clean["revision"], clean["first_seen"], source)


def send(client: Elasticsearch, url: str, lines: Sequence[Line]) -> dict[int, WriteOutcome]:
    """Write them all; gives each one's outcome by its place.

    Raises StoreUnavailable when some aren't taken after a few tries (those that were, stay), and
    whatever the client raises when a request as a whole fails.
    """
    outcomes: dict[int, WriteOutcome] = {}
    left = list(lines)
    pause = 0.25
    for attempt in range(1, _TRIES + 1):
        trouble = ""
        undone = []
        for request in slices(left, lambda line: len(line[1]), REQUEST_BYTES):
            for line, outcome, said in _bulk(client, request):
                if outcome is not None:
                    outcomes[line[0].place] = outcome
                else:
                    undone.append(line)
                    trouble = said
        if not undone:
            return outcomes
        left = undone
        if attempt < _TRIES:
            time.sleep(pause)
            pause *= 2
    raise StoreUnavailable(
        f"{redact(url)}: {len(left)} of {len(lines)} documents weren't taken: {trouble}"
    )


def _outcome(one: Prepared, item: Mapping[str, Any]) -> tuple[WriteOutcome | None, str]:
    status, error = item["status"], item.get("error") or {}
    said = f"{error.get('type')}: {error.get('reason')}"
    if cause := error.get("caused_by"):
        said += f" ({cause.get('reason')})"
    if status in (200, 201):
        return WriteOutcome(one.id, "written"), ""
    if status == 409:
        return WriteOutcome(one.id, "stale"), said
    if status == 400 and error.get("type") not in _NOT_THE_DOCUMENT:
        return WriteOutcome(one.id, "rejected", said[:2_000]), said
    # Also what only an operator can end, such as a blocked index or a key without the right: a
    # whole backlog mustn't become dead letters for it.
    return None, said


def _bulk(client: Elasticsearch, lines: Sequence[Line]) -> Iterator[Answered]:
    """Each line with what became of it; None for what is to be tried again, and why."""
    body = b"".join(line for _, line in lines)
    try:
        answer = client.bulk(
            operations=body,  # type: ignore[arg-type]  # bytes go as they are
            filter_path="items.*.status,items.*.error",
        )
    except ApiError as error:
        if error.status_code != 413:
            raise
        yield from _in_parts(client, lines)
        return
    for line, item in zip(lines, answer["items"], strict=True):
        yield line, *_outcome(line[0], item["index"])


def _in_parts(client: Elasticsearch, lines: Sequence[Line]) -> Iterator[Answered]:
    if len(lines) == 1:
        ((one, line),) = lines
        reason = f"{len(line):,} bytes are more than the server takes in one request"
        yield lines[0], WriteOutcome(one.id, "rejected", reason), reason
        return
    half = len(lines) // 2
    yield from _bulk(client, lines[:half])
    yield from _bulk(client, lines[half:])
