"""A deterministic classifier by cue words: a double for tests, and the evaluation's baseline.

The rules, in full:

- A side is named by a word of `SIDES`; an official voice ("state.gov") names its side too.
- Relevance: both sides and a cue word: core; both sides: peripheral; else none.
- Stance: the first cue word in the text gives the grade. Where its word is mutual ("talks"), both
  directions get the grade. Else the holder is the side named last before the cue (or the voice,
  where none is), and its direction alone gets the grade. No cue: `0` for the direction of the
  side named first. One side missing: `n` for both.

What a rule decides gets `CONFIDENCE`; the other labels share the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from processors.models.base import (
    HEADS,
    RELEVANCE,
    STANCE_HEADS,
    ModelIdentity,
    Passage,
    Scores,
)
from processors.models.encoding import RUSSIAN_GOVERNMENT, US_GOVERNMENT, voice_words

CONFIDENCE: Final = 0.9

SIDES: Final = (
    re.compile(
        r"\b(?:U\.S\.|US|USA|United States|Americans?|Washington|White House|State Department"
        r"|Pentagon|Trump|Biden|Obama|Blinken|Rubio)(?!\w)"
    ),
    re.compile(r"\b(?:Russian?s?|Moscow|Kremlin|Putin|Medvedev|Lavrov|Peskov|Zakharova)(?!\w)"),
)

# Grade, whether it is mutual, and the word's beginning.
CUES: Final[tuple[tuple[str, bool, str], ...]] = (
    ("2", True, "sign|exchang|swap|joint(?:ly)? (?:work|mission|patrol)"),
    ("2", False, "releas|freed|lift|restor|returned|reopen"),
    ("1", True, "meet|met|talk|call|discuss|agree|consult|summit|negotiat|dialogue"),
    ("1", False, "thank|welcom|prais|invit|congratulat|hope|ready|offer|propos"),
    ("-2", False, "sanction|expel|arrest|detain|suspend|ban|seiz|clos|withdr|cyber ?attack|attack"),
    (
        "-1",
        False,
        "accus|condemn|criticiz|criticis|blam|reject|den(?:y|ie)|warn|threat|protest|demand"
        "|denounc|slam|dismiss|refus|violat|unacceptable|call(?:ed)? on",
    ),
)

_CUE: Final = re.compile(
    "|".join(f"(?P<cue{place}>\\b(?:{words})\\w*)" for place, (_, _, words) in enumerate(CUES)),
    re.IGNORECASE,
)


class KeywordClassifier:
    """Judges by the rules in this module's docstring. Loads nothing; the same input, the same
    output, on every machine."""

    heads: Mapping[str, tuple[str, ...]] = HEADS

    @property
    def identity(self) -> ModelIdentity:
        """Its revision is of this file, which is the whole model."""
        source = Path(__file__).read_bytes()
        return ModelIdentity("keyword", hashlib.sha256(source).hexdigest()[:12])

    weights = None

    def warm_up(self) -> None:
        """Nothing to load."""

    def classify(self, passages: Sequence[Passage]) -> Sequence[Scores]:
        """Judge each passage, in order."""
        return [_judge(passage) for passage in passages]


def _judge(passage: Passage) -> Scores:
    cue = _CUE.search(passage.text)
    voice = _voice_side(passage.voice)
    named = {side for side, words in enumerate(SIDES) if words.search(passage.text)}
    if voice is not None:
        named.add(voice)
    if len(named) < len(SIDES):
        relevance, stances = "none", ("n", "n")
    else:
        relevance = "core" if cue else "peripheral"
        stances = _stances(passage.text, cue, voice)
    return {
        RELEVANCE: _spread(RELEVANCE, relevance),
        **{head: _spread(head, label) for head, label in zip(STANCE_HEADS, stances, strict=True)},
    }


def _stances(text: str, cue: re.Match[str] | None, voice: int | None) -> tuple[str, str]:
    if cue is None:
        return _of(_first_named(text), "0")
    grade, mutual, _ = CUES[int(str(cue.lastgroup).removeprefix("cue"))]
    if mutual:
        return grade, grade
    holder = _last_named(text[: cue.start()])
    if holder is None:
        holder = voice if voice is not None else _first_named(text)
    return _of(holder, grade)


def _of(holder: int, grade: str) -> tuple[str, str]:
    return (grade, "n") if holder == 0 else ("n", grade)


def _first_named(text: str) -> int:
    starts = [
        (match.start(), side) for side, words in enumerate(SIDES) if (match := words.search(text))
    ]
    return min(starts)[1] if starts else 0


def _last_named(text: str) -> int | None:
    starts = [
        (match.start(), side) for side, words in enumerate(SIDES) for match in words.finditer(text)
    ]
    return max(starts)[1] if starts else None


def _voice_side(host: str) -> int | None:
    return {US_GOVERNMENT: 0, RUSSIAN_GOVERNMENT: 1}.get(voice_words(host))


def _spread(head: str, label: str) -> dict[str, float]:
    others = (1 - CONFIDENCE) / (len(HEADS[head]) - 1)
    return {known: CONFIDENCE if known == label else others for known in HEADS[head]}
