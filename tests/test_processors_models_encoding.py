"""The encoder's input: segments, limits, what is cut, and who speaks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer, WhitespaceSplit

from detente.errors import ConfigError
from processors.models.base import Passage
from processors.models.encoding import (
    NEWS,
    RUSSIAN_GOVERNMENT,
    US_GOVERNMENT,
    Encoded,
    Encoder,
    voice_words,
)

STEADY = settings(derandomize=True, deadline=None)
"""The same examples on every run, however slow the machine."""

CLS, SEP = "[CLS]", "[SEP]"
WORDS = [*"abcdefghij", "news", "report:", "Russian", "United", "States", "government:"]


def tokenizer(marks: tuple[str, ...] = (CLS, SEP)) -> Tokenizer:
    """A tokenizer of whole words: a token can be told from its number."""
    vocabulary = {word: place for place, word in enumerate(["[UNK]", *marks, *WORDS])}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = WhitespaceSplit()
    made.add_special_tokens(list(marks))
    return made


def shown(passage: Passage, *, max_tokens: int = 12, max_context: int = 6) -> tuple[str, str, int]:
    """The first and the second segment in words, and how much of the text was cut."""
    made = tokenizer()
    encoder = Encoder(made, max_tokens=max_tokens, max_context=max_context)
    (encoded,) = encoder.encode([passage])
    words = [str(made.id_to_token(number)) for number in encoded.ids]
    first = encoded.segments.count(0)
    assert encoded.segments == [0] * first + [1] * (len(words) - first)
    return " ".join(words[:first]), " ".join(words[first:]), encoded.cut


@pytest.mark.parametrize(
    ("passage", "first", "second", "cut"),
    [
        (Passage("a b"), "[CLS] a b [SEP]", "", 0),
        (Passage(""), "[CLS] [SEP]", "", 0),
        (Passage("a b", context="c d"), "[CLS] a b [SEP]", "c d [SEP]", 0),
        (Passage("a", "c", "x.example"), "[CLS] a [SEP]", "news report: c [SEP]", 0),
        (Passage("a", "", "x.example"), "[CLS] a [SEP]", "news report: [SEP]", 0),
        # A long context is cut at its beginning: what stands next to the text counts.
        (Passage("a", "b c d e f g h i j"), "[CLS] a [SEP]", "e f g h i j [SEP]", 0),
        (
            Passage("a", "b c d e f g", "mid.ru"),
            "[CLS] a [SEP]",
            "Russian government: d e f g [SEP]",
            0,
        ),
        # A long text is cut at its end, and leaves no room for any context.
        (
            Passage("a b c d e f g h i j a b", "c", "x.example"),
            "[CLS] a b c d e f g h i j [SEP]",
            "",
            2,
        ),
        # One that nearly fills it leaves what is over.
        (Passage("a b c d e f g", "h i j"), "[CLS] a b c d e f g [SEP]", "i j [SEP]", 0),
    ],
)
def test_segments(passage: Passage, first: str, second: str, cut: int) -> None:
    assert shown(passage) == (first, second, cut)


@STEADY
@given(
    st.lists(st.sampled_from("abc"), max_size=30),
    st.lists(st.sampled_from("def"), max_size=30),
    st.sampled_from(["", "mid.ru", "x.example"]),
    st.integers(8, 20),
    st.integers(0, 7),
)
def test_limits_are_kept(
    text: list[str], context: list[str], voice: str, most: int, most_context: int
) -> None:
    encoder = Encoder(tokenizer(), max_tokens=most, max_context=most_context)
    (one,) = encoder.encode([Passage(" ".join(text), " ".join(context), voice)])
    assert len(one.ids) == len(one.segments) <= most
    assert one.segments.count(1) <= most_context + 1
    assert one.cut == max(0, len(text) - (most - 2))


def test_what_looks_like_a_mark_in_a_text_is_none() -> None:
    made = tokenizer()
    made.pre_tokenizer = BertPreTokenizer()
    encoder = Encoder(made, max_tokens=20, max_context=6)
    (one,) = encoder.encode([Passage("a [SEP] b", context="[CLS]")])
    words = " ".join(str(made.id_to_token(number)) for number in one.ids)
    assert words == "[CLS] a [UNK] [UNK] [UNK] b [SEP] [UNK] [UNK] [UNK] [SEP]"


def test_each_is_encoded_alone() -> None:
    encoder = Encoder(tokenizer(), max_tokens=12, max_context=6)
    passages = [Passage("a b c"), Passage(""), Passage("a", "b", "state.gov")]
    assert encoder.encode(passages) == [encoder.encode([one])[0] for one in passages]
    assert encoder.encode([]) == []
    assert isinstance(encoder.encode(passages)[0], Encoded)


@pytest.mark.parametrize("marks", [(CLS,), (SEP,), ()])
def test_a_tokenizer_without_the_marks_is_refused(marks: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="isn't the one"):
        Encoder(tokenizer(marks), max_tokens=12, max_context=6)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("", ""),
        ("  ", ""),
        ("state.gov", US_GOVERNMENT),
        ("WWW.State.GOV.", US_GOVERNMENT),
        ("navy.mil", US_GOVERNMENT),
        ("ru.usembassy.gov", US_GOVERNMENT),
        ("kremlin.ru", RUSSIAN_GOVERNMENT),
        ("en.kremlin.ru", RUSSIAN_GOVERNMENT),
        ("mil.ru", RUSSIAN_GOVERNMENT),
        ("notkremlin.ru", NEWS),
        ("kremlin.ru.example", NEWS),
        ("gov.example", NEWS),
        ("news.example", NEWS),
    ],
)
def test_who_speaks(host: str, words: str) -> None:
    assert voice_words(host) == words
