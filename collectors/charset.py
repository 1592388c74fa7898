"""Documents that aren't in the encoding that they declare: which one they are in, found out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]+)")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_LATIN = ("cp1252", "latin_1", "iso8859_15", "cp1250", "iso8859_2")
_OTHERS = ("cp1251", "koi8_r", "iso8859_5", "gb18030", "shift_jis", "euc_kr")
"""What to guess, the likely ones first: between equally good readings the order decides."""
_SAMPLE = 50_000
_GAPS = 0.05
"""The part of its characters beyond ASCII that a document may have damaged in its own encoding."""


def mended(body: bytes, content_type: str) -> tuple[str, str] | None:
    """The text of an XML document that isn't in what it declares, with what was done about it.

    None where what is declared (or UTF-8, where nothing is) holds, and for what nobody can read.
    Left to itself, feedparser falls back on Western encodings: Russian comes out as "Ïîñëû".
    """
    if body.isascii() or b"\0" in body[:4] or body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None  # nothing to mistake; UTF-16 and UTF-32 are known by their first bytes
    text = _read(body, "utf-8")
    for name in _declared(body, content_type):
        if _read(body, name) is None:
            continue
        # By chance no other encoding's text is whole UTF-8, but many encodings can "read" UTF-8.
        if text is None or codecs.lookup(name).name == "utf-8":
            return None
        return text, "read as utf-8, which isn't what it declares"
    if text is not None:
        return None
    return _with_gaps(body, content_type) or _guessed(body)


def _declared(body: bytes, content_type: str) -> Iterator[str]:
    if named := _CHARSET.search(content_type):
        yield named[1]
    if named_inside := _DECLARED.match(body):
        yield named_inside[1].decode()


def _read(body: bytes, name: str, errors: str = "strict") -> str | None:
    try:
        return body.decode(name, errors)
    except (ValueError, LookupError):  # UnicodeError is a ValueError, and not always a subclass
        return None


def _with_gaps(body: bytes, content_type: str) -> tuple[str, str] | None:
    """The document in its own encoding but for a few places, as where a text was cut by bytes."""
    for name in (*_declared(body, content_type), "utf-8"):
        text = _read(body, name, "replace")
        if text is None:
            continue
        lost = text.count("\ufffd")
        sound = sum(map(len, re.findall(r"[^\x00-\x7f]+", text))) - lost
        # A character of several bytes hardly comes about by chance; one of a single byte does.
        if lost <= sound * (1 if codecs.lookup(name).name == "utf-8" else _GAPS):
            return text, "broken characters"
    return None


def _guessed(body: bytes) -> tuple[str, str] | None:
    import charset_normalizer  # with its tables it takes a while that few feeds need

    sample = bytearray()
    for run in re.finditer(rb"[^<>\n]+", body):
        if len(sample) < _SAMPLE and not run[0].isascii():
            sample += run[0][:_SAMPLE] + b" "
    # In a Latin script such bytes are sprinkled over the words; in others they are the words.
    words = [word for word in re.findall(rb"[A-Za-z\x80-\xff]{2,}", sample) if not word.isascii()]
    beyond = sum(len(re.findall(rb"[\x80-\xff]", word)) for word in words)
    guesses = _LATIN if beyond <= sum(map(len, words)) / 2 else _OTHERS
    found = [
        (round(match.chaos, 2), -round(match.coherence, 2), guesses.index(name), name)
        for match in charset_normalizer.from_bytes(sample, cp_isolation=list(guesses))
        for name in (match.encoding, *match.could_be_from_charset)
        if name in guesses
    ]
    if not found:
        return None
    name = min(found)[-1]
    return body.decode(name, "replace"), f"read as {name}, which isn't what it declares"
