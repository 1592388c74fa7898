"""From text to the terms that are searched, the same for documents and queries, on every store.

Words are cut as Unicode's annex 29 (and so Lucene's standard tokenizer) cuts them, English
possessives are dropped, case, apostrophes and ё are folded, then each word is stemmed by the script
it is written in: Porter's stemmer leaves Cyrillic alone and Snowball's Russian one leaves Latin
alone.
"""

from __future__ import annotations

from functools import lru_cache
from threading import local

import regex
import Stemmer

_WORD = regex.compile(
    r"\w+(?:(?:(?<=[\p{L}\p{M}])['’.:·](?=\p{L})|(?<=\p{Nd})[.,;'’](?=\p{Nd}))\w+)*"
)
_POSSESSIVE = regex.compile(r"['’][sS]$")
_CYRILLIC = regex.compile(r"\p{Cyrillic}")
_SAME = str.maketrans("’ё", "'е")
_per_thread = local()


def words(text: str) -> list[str]:
    """The words of a text, in order, folded and without possessives, not stemmed."""
    return [_fold(word) for word in _WORD.findall(text)]


def terms(text: str) -> list[str]:
    """The terms of a text, in order: its words, stemmed."""
    return term_text(text).split()


def term_text(text: str) -> str:
    """The terms of a text with spaces between them, for an engine that cuts at these."""
    # No word goes over a space, and what stands between spaces comes again and again.
    return " ".join(map(_between_spaces, text.split()))


@lru_cache(maxsize=131_072)
def _between_spaces(text: str) -> str:
    return " ".join(_stem(word) for word in words(text))


def _fold(word: str) -> str:
    plain: str = _POSSESSIVE.sub("", word)
    return plain.lower().translate(_SAME)


def _stem(word: str) -> str:
    stem: str = _stemmers()[bool(_CYRILLIC.search(word))].stemWord(word)
    return stem or word  # Porter leaves nothing of "s", and "S-400" isn't "400"


def _stemmers() -> tuple[Stemmer.Stemmer, Stemmer.Stemmer]:
    """PyStemmer's objects mustn't be shared between threads."""
    if not hasattr(_per_thread, "stemmers"):
        _per_thread.stemmers = (Stemmer.Stemmer("porter"), Stemmer.Stemmer("russian"))
    pair: tuple[Stemmer.Stemmer, Stemmer.Stemmer] = _per_thread.stemmers
    return pair
