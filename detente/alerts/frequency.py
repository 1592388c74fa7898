"""How rare a word is, in the language of diplomacy: what makes two articles alike, and a
subscription cheap."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

RAREST = 0.001
"""The share of articles of a term that the table doesn't have."""


@cache
def _table() -> Mapping[str, int]:
    text = (files("detente.alerts") / "frequencies.json").read_text("utf-8")
    found: Mapping[str, int] = json.loads(text)
    return found


def share(term: str) -> float:
    """The share of articles in which a term (of `detente.store.analysis`) stands, in 0…1."""
    return max(RAREST, _table().get(term, 0) / 1_000)


def weight(term: str) -> float:
    """How much it says that a text has this term: the inverse document frequency, at least 0."""
    return -math.log(min(1.0, share(term)))
