"""Recognises what a site shows in an article's place: a consent form, a pay wall, a human check.

Such a text says nothing of the article, and must not count as one that has no stance.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 60
"""Words; a longer text has an article in it, whatever else is there."""

_SIGNS: Final = re.compile(
    r"enable javascript|javascript is (?:disabled|required)|enable cookies"
    r"|(?:we|site) uses? cookies|(?:accept all|manage) cookies|cookie (?:policy|settings)"
    r"|privacy (?:policy|settings)"
    r"|subscribe (?:now|today|to (?:continue|read|unlock))|already a subscriber|subscribers? only"
    r"|(?:sign|log) in to (?:continue|read)|create (?:a free|an) account|start your free trial"
    r"|remaining free articles|verify (?:that )?you are (?:a )?human|are you a robot"
    r"|checking your browser|access (?:to this page )?(?:has been )?denied|ad blocker"
    r"|not available in your (?:country|region)|page (?:not found|can(?:no|')t be found)",
    re.IGNORECASE,
)
_ENOUGH: Final = 2
"""So many different signs tell; one alone does where there is little else."""

_LITTLE: Final = 25
"""Words."""


def is_boilerplate(body: str) -> bool:
    """Whether a body is a site's own words in the place of an article."""
    words = len(body.split())
    if words > LONGEST:
        return False
    signs = {sign.lower() for sign in _SIGNS.findall(body)}
    return len(signs) >= _ENOUGH or (bool(signs) and words <= _LITTLE)
