"""How a passage becomes the encoder's input, in training and at run time alike.

    [CLS] text [SEP]                                    the first segment: what is judged
    [CLS] text [SEP] voice : context [SEP]              with a second segment that helps to read it

The model averages over the first segment alone, so context is read but never judged. A long text
is cut at its end and a long context at its beginning, since what stands next to the text counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from detente.errors import ConfigError
from processors.models.base import Passage

if TYPE_CHECKING:
    from tokenizers import Tokenizer

US_GOVERNMENT = "United States government"
RUSSIAN_GOVERNMENT = "Russian government"
NEWS = "news report"

_RUSSIAN_HOSTS = ("kremlin.ru", "government.ru", "mid.ru", "mil.ru", "gov.ru")
_US_HOSTS = ("gov", "mil", "usembassy.gov")


class Encoded(NamedTuple):
    """One passage as token ids; `cut` counts the tokens of the text that didn't fit."""

    ids: list[int]
    segments: list[int]
    cut: int


def voice_words(host: str) -> str:
    """What the model is told about who speaks.

    Not the host itself, which it would only know if it had been trained on it: an official voice
    of either side, or a news report; nothing where the host isn't known.
    """
    host = host.strip().lower().rstrip(".")
    if not host:
        return ""
    if _within(host, _RUSSIAN_HOSTS):
        return RUSSIAN_GOVERNMENT
    if _within(host, _US_HOSTS):
        return US_GOVERNMENT
    return NEWS


def _within(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith("." + domain) for domain in domains)


class Encoder:
    """Encodes passages with a WordPiece tokenizer, within the model's limits (in tokens).

    The marks of beginning and end are MPNet's (which has BERT's as mere words) or else BERT's.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, max_context: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # "[SEP]" in a text is five signs, not the mark that ends it.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._cls = _mark(tokenizer, "<s>", "[CLS]")
        self._sep = _mark(tokenizer, "</s>", "[SEP]")
        self._max_tokens = max_tokens
        self._max_context = max_context

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        """Encode each passage, in order."""
        texts = self._ids([passage.text for passage in passages])
        contexts = self._ids([passage.context for passage in passages])
        voices = self._ids([_voice_segment(passage) for passage in passages])
        return [self._assemble(*parts) for parts in zip(texts, contexts, voices, strict=True)]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _assemble(self, text: list[int], context: list[int], voice: list[int]) -> Encoded:
        room = self._max_tokens - 2
        kept = text[:room]
        ids = [self._cls, *kept, self._sep]
        segments = [0] * len(ids)
        # The text comes first; the second segment gets what is left, its own end mark included.
        left = min(self._max_context, self._max_tokens - len(ids) - 1)
        second = [*voice, *context[-(left - len(voice)) :]] if left > len(voice) else []
        if second:
            ids += [*second, self._sep]
            segments += [1] * (len(second) + 1)
        return Encoded(ids, segments, len(text) - len(kept))


def _mark(tokenizer: Tokenizer, *marks: str) -> int:
    for mark in marks:
        if (number := tokenizer.token_to_id(mark)) is not None:
            return number
    raise ConfigError(
        f"the tokenizer has no {' and no '.join(marks)}: it isn't the one the model was made with"
    )


def _voice_segment(passage: Passage) -> str:
    words = voice_words(passage.voice)
    return f"{words}:" if words else ""
