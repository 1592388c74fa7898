"""TOML text changed line by line, as a person would change it.

A TOML library takes the comments between two tables for a part of the first; people write them
above the second. The functions know plain lines only, and are misled by a header within a text of
several lines: who uses them reads the outcome again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def table_spans(lines: Sequence[str], name: str) -> list[range]:
    """The lines of each `[[name]]` table, from its header to its last key."""
    header = re.compile(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]")
    other = re.compile(r"\s*\[")
    headers = [number for number, line in enumerate(lines) if header.match(line)]
    spans = []
    for start in headers:
        end = start + 1
        while end < len(lines) and not other.match(lines[end]):
            end += 1
        while end > start + 1 and (not (last := lines[end - 1].strip()) or last.startswith("#")):
            end -= 1
        spans.append(range(start, end))
    return spans


def without_table(lines: Sequence[str], span: range) -> list[str]:
    """The lines without a table, the comment right above it, and the empty lines below it."""
    start, stop = span.start, span.stop
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    while stop < len(lines) and not lines[stop].strip():
        stop += 1
    return [*lines[:start], *lines[stop:]]


def line_end(lines: Sequence[str]) -> str:
    """What the lines end with."""
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
