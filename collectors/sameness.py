"""Whether a document says the same as the last one, before anything of it is parsed."""

from __future__ import annotations

import hashlib
import re

_FIRST = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_STAMP = re.compile(
    rb"<(?P<name>lastBuildDate|pubDate|(?:[\w.-]+:)?updated|dc:date)(?:\s[^<>]*)?>"
    rb"[^<>]{0,100}</(?P=name)\s*>"
)
_HEAD = 20_000
"""Bytes in which the first entry must begin, or nothing is left out."""


def digest(body: bytes) -> bytes:
    """A hash over the document, but for when it says that it was made: many servers give each
    answer a new `lastBuildDate`, whatever is in it. Only what stands before the first entry is left
    out, since below it a date is an article's own."""
    first = _FIRST.search(body, 0, _HEAD)
    head = body[: first.start()] if first else b""
    hashed = hashlib.blake2b(_STAMP.sub(b"", head), digest_size=16)
    hashed.update(memoryview(body)[len(head) :])
    return hashed.digest()
