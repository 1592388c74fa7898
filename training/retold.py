"""Real news on the United States and another state, told as if that state were Russia.

News sentences on the dyad itself are few. What is said between Washington and Beijing, Tehran or
Pyongyang is told in the same words, and with the other's names exchanged it teaches the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

# As they stand in the text → as they stand in the one retold.
_CHINA: Final = {
    "the People's Republic of China": "the Russian Federation",
    "China": "Russia",
    "Chinese": "Russian",
    "Beijing": "Moscow",
    "President Xi Jinping": "President Vladimir Putin",
    "Xi Jinping": "Vladimir Putin",
    "Xi": "Putin",
    "Wang Yi": "Sergei Lavrov",
    "Taiwan": "Ukraine",
    "Taipei": "Kyiv",
    "Taiwanese": "Ukrainian",
    "Hong Kong": "Crimea",
    "South China Sea": "Black Sea",
}
_IRAN: Final = {
    "the Islamic Republic": "the Russian Federation",
    "Iran": "Russia",
    "Iranian": "Russian",
    "Iranians": "Russians",
    "Tehran": "Moscow",
    "Hassan Rouhani": "Vladimir Putin",
    "Rouhani": "Putin",
    "Ayatollah Ali Khamenei": "Vladimir Putin",
    "Khamenei": "Putin",
    "Mohammad Javad Zarif": "Sergei Lavrov",
    "Javad Zarif": "Sergei Lavrov",
    "Zarif": "Lavrov",
}
_KOREA: Final = {
    "Democratic People's Republic of Korea": "Russian Federation",
    "North Korea": "Russia",
    "North Korean": "Russian",
    "North Koreans": "Russians",
    "Pyongyang": "Moscow",
    "Kim Jong Un": "Vladimir Putin",
    "Kim Jong-un": "Vladimir Putin",
    "Kim": "Putin",
    "South Korea": "Poland",
    "South Korean": "Polish",
    "Seoul": "Warsaw",
}
_RUSSIA: Final = re.compile(r"\b(?:Russia\w*|Moscow|Kremlin|Putin|Lavrov|Soviet\w*)\b")
_AMERICA: Final = re.compile(
    r"\b(?:U\. ?S\.|US|United States|Americans?|Washington|White House|State Department|Pentagon"
    r"|Trump|Obama|Biden|Kerry|Tillerson|Pompeo|Bolton|Mattis|Clinton|Bush|Congress|Senate"
    r"|Pence|Haley|Blinken)\b"
)


def retold(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Of sentences (source, text), those that name an American and one of the states, retold."""
    for source, text in texts:
        if _RUSSIA.search(text) or not _AMERICA.search(text):
            continue
        for names in (_CHINA, _IRAN, _KOREA):
            state = [*names.values()].index("Russia")
            if re.search(rf"\b{[*names][state]}", text):
                yield source, _exchange(text, names)
                break


def _exchange(text: str, names: dict[str, str]) -> str:
    longest = sorted(names, key=len, reverse=True)
    pattern = rf"\b(?:{'|'.join(map(re.escape, longest))})\b"
    return re.sub(pattern, lambda found: names[found[0]], text)
