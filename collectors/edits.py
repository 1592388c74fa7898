"""What changed in an article between two revisions, from a few bytes kept of the earlier one."""

from __future__ import annotations

import hashlib
import re
from difflib import SequenceMatcher
from typing import Final

import numpy as np

from collectors.plaintext import collapse
from collectors.plan import KnownArticle
from detente.article import Change, TextOrigin

_BITS: Final = 64
_NEAR_BITS: Final = 3
"""Texts whose fingerprints differ in so few of 64 bits are almost the same (Manku, Jain and
Das Sarma 2007 take 3 for near-duplicate web pages)."""

_NEAR_LENGTH: Final = 0.01
"""The part of its length by which a text may differ and be almost the same."""

_NEAR_TITLE: Final = 0.9
"""Titles that share so much (Ratcliff and Obershelp's measure) differ in spelling."""

_WORDS = re.compile(r"\w+")
_SHINGLE: Final = 3
"""Words that make one feature of a text."""


def fingerprint(body: str) -> bytes:
    """What is kept of a text: a simhash over its words, its length, and a digest; 20 bytes."""
    text = collapse(body)
    return b"".join(
        (
            _simhash(text),
            len(text).to_bytes(4, "big"),
            hashlib.blake2b(text.encode(), digest_size=8).digest(),
        )
    )


def change_of(before: KnownArticle, title: str, body: str, origin: TextOrigin) -> Change:
    """What kind of change made this revision of an article that was known before."""
    if before.text_origin != origin:
        return "text"
    now = fingerprint(body)
    headline = _titles_differ(before.title, title)
    text = _texts_differ(before.fingerprint, now)
    if headline and text:
        return "rewrite"
    if headline or text:
        return "headline" if headline else "body"
    same = before.fingerprint == now and collapse(before.title) == collapse(title)
    return "date" if same else "typo"


def is_alike(before: KnownArticle, body: str, origin: TextOrigin) -> bool:
    """Whether a text is nearly that of an article's last revision, as far as that can be known."""
    same = before.text_origin == origin and bool(body)
    return same and not _texts_differ(before.fingerprint, fingerprint(body))


def _titles_differ(one: str, other: str) -> bool:
    one, other = collapse(one).casefold(), collapse(other).casefold()
    return one != other and SequenceMatcher(None, one, other).ratio() < _NEAR_TITLE


def _texts_differ(one: bytes, other: bytes) -> bool:
    if len(one) != len(other):
        return True  # nothing is known of the earlier one
    bits = int.from_bytes(one[:8], "big") ^ int.from_bytes(other[:8], "big")
    lengths = int.from_bytes(one[8:12], "big"), int.from_bytes(other[8:12], "big")
    return bits.bit_count() > _NEAR_BITS or abs(lengths[0] - lengths[1]) > _NEAR_LENGTH * max(
        lengths
    )


def _simhash(text: str) -> bytes:
    """Each bit is what most of the shingles' digests have there."""
    words = _WORDS.findall(text.casefold())
    digests = b"".join(
        hashlib.blake2b(" ".join(words[place : place + _SHINGLE]).encode(), digest_size=8).digest()
        for place in range(max(1, len(words) - _SHINGLE + 1))
    )
    bits = np.unpackbits(np.frombuffer(digests, np.uint8).reshape(-1, _BITS // 8), axis=1)
    return np.packbits(2 * bits.sum(axis=0, dtype=np.int64) > len(bits)).tobytes()
