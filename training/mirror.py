"""Sentences with the two sides exchanged: twice the rare labels, no side's manner learnt by heart.

"Washington accused Moscow" (A>B -1) becomes "Moscow accused Washington" (B>A -1). The result is
grammatical more often than true, which is all that a directed label needs.
"""

from __future__ import annotations

import re

from training.labelled import HOSTS, Sentence

_PAIRS = (
    ("the United States of America", "the Russian Federation"),
    ("the United States", "Russia"),
    ("United States", "Russia"),
    ("the U.S.", "Russia"),
    ("U.S.", "Russian"),
    ("the US", "Russia"),
    ("US", "Russian"),
    ("USA", "Russia"),
    ("America", "Russia"),
    ("American", "Russian"),
    ("Americans", "Russians"),
    ("Washington", "Moscow"),
    ("White House", "Kremlin"),
    ("State Department", "Foreign Ministry"),
    ("Department of State", "Ministry of Foreign Affairs"),
    ("Secretary of State", "Foreign Minister"),
    ("Pentagon", "Defence Ministry"),
    ("Congress", "State Duma"),
    ("Senate", "Federation Council"),
    ("Donald Trump", "Vladimir Putin"),
    ("Barack Obama", "Vladimir Putin"),
    ("George Bush", "Vladimir Putin"),
    ("George W. Bush", "Vladimir Putin"),
    ("Joe Biden", "Vladimir Putin"),
    ("Trump", "Putin"),
    ("Biden", "Putin"),
    ("Obama", "Putin"),
    ("Bush", "Putin"),
    ("Clinton", "Medvedev"),
    ("Blinken", "Lavrov"),
    ("Rubio", "Lavrov"),
    ("Pompeo", "Lavrov"),
    ("Tillerson", "Lavrov"),
    ("Kerry", "Lavrov"),
    ("Marco Rubio", "Sergei Lavrov"),
    ("Antony Blinken", "Sergei Lavrov"),
    ("Witkoff", "Ushakov"),
    ("Leavitt", "Peskov"),
)

# Where several words of one side answer to one of the other, the first pair above wins going back.
_BACK_FIRST = {"Russia": "the United States", "Russian": "American", "Putin": "Trump"}
_TO = dict(_PAIRS)
_BACK: dict[str, str] = {}
for _left, _right in _PAIRS:
    _BACK.setdefault(_right, _left)
_SWAP = {**_BACK, **_BACK_FIRST, **_TO}
_WORDS = re.compile(
    r"(?<![\w-])(?:" + "|".join(map(re.escape, sorted(_SWAP, key=len, reverse=True))) + r")(?!\w)",
)
_OTHER_HOST = {
    HOSTS["state"]: HOSTS["kremlin"],
    HOSTS["whitehouse"]: HOSTS["kremlin"],
    HOSTS["kremlin"]: HOSTS["state"],
}


def mirrored(sentence: Sentence) -> Sentence:
    """The same sentence with the sides exchanged, in its labels too."""
    ab, ba = sentence.labels
    return sentence._replace(
        text=_swap(sentence.text),
        previous=_swap(sentence.previous),
        title=_swap(sentence.title),
        voice=_OTHER_HOST.get(sentence.voice, sentence.voice),
        labels=(ba, ab),
    )


def _swap(text: str) -> str:
    swapped = _WORDS.sub(lambda match: _SWAP[match.group()], text)
    return swapped[:1].upper() + swapped[1:]
