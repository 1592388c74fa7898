"""Real news on the United States and another state, told as if that state were Russia.

News sentences on the dyad itself are few. What is said between Washington and Beijing, Tehran or
Pyongyang is told in the same words, and with the other's names exchanged it teaches the same.
"""

from __future__ import annotations

import re
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


def retold(text: str) -> str | None:
    """A sentence with the first of the states that it names become Russia; None where it names
    none, no American or Russia itself."""
    if _RUSSIA.search(text) or not _AMERICA.search(text):
        return None
    for names in (_CHINA, _IRAN, _KOREA):
        state = "|".join(name for name, told in names.items() if told.startswith("Russia"))
        if re.search(rf"\b(?:{state})s?\b", text):
            return _exchanged(text, names)
    return None


def _exchanged(text: str, names: dict[str, str]) -> str:
    longest = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    # One of the sets has lost its apostrophes: "Irans".
    pattern = rf"\b(?P<name>{longest})(?P<lost>s?)\b"

    def told(found: re.Match[str]) -> str:
        return names[found["name"]] + ("'s" if found["lost"] else "")

    return re.sub(pattern, told, text)
