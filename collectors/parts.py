"""A document's entries, cut into parts that are taken in one after the other.

One feed is taken in at a time, and a document may list ten thousand articles: between two parts of
it the others have their turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from collectors.identity import Identified
from collectors.plan import Known

MOST = 500
"""Entries of a part: about a tenth of a second."""


def parts(
    identified: Sequence[Identified], known: Known, most: int = MOST
) -> list[Sequence[Identified]]:
    """The entries in parts of about `most`, the oldest (listed last) first, each in the document's
    order. Entries that may lead to one article stay together, since the uppermost decides."""
    if len(identified) <= most:
        return [identified]
    found: list[Sequence[Identified]] = []
    part: list[int] = []
    for group in _groups(identified, known):
        part += group
        if len(part) >= most:
            found.append([identified[place] for place in sorted(part)])
            part = []
    if part:
        found.append([identified[place] for place in sorted(part)])
    return found


def _groups(identified: Sequence[Identified], known: Known) -> list[list[int]]:
    """The places of entries that share a key, or whose keys lead to one known article; from the
    group with the last listed entry on."""
    above = list(range(len(identified)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    first: dict[str, int] = {}
    for place, item in enumerate(identified):
        for key in item.all_keys:
            for shared in (key, known.ids.get(key)):
                if shared is not None:
                    above[top(place)] = top(first.setdefault(shared, place))
    groups: dict[int, list[int]] = {}
    for place in reversed(range(len(identified))):
        groups.setdefault(top(place), []).append(place)
    return list(groups.values())
