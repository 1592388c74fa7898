"""What stands on a page where the article should be: paywalls, consent walls, and boilerplate.

A publisher says of a page that it isn't free in its structured data (schema.org's
`isAccessibleForFree`, as search engines ask for it); the rest is told by sentences that say
nothing else. A sentence counts only in a short line: an article about cookies or subscriptions has
longer ones.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from detente.article import Wall

LONGEST_NOTICE = 240
"""Characters of a line that can be a notice."""

_HEAD = 600_000
"""Bytes of a page in which its structured data is looked for."""

_NOT_FREE = re.compile(
    rb"\"isAccessibleForFree\"\s*:\s*\"?(?:false|https?://schema\.org/False)", re.IGNORECASE
)
_TIER = re.compile(
    rb"<meta\b[^<>]{0,200}article:content_tier[^<>]{0,200}\b(?:locked|metered)\b", re.IGNORECASE
)

_PAYWALL = re.compile(
    r"\b(?:subscribe|sign up|log in|sign in|register)\b.{0,40}"
    r"\bto (?:(?:continue|keep) reading"
    r"|(?:read|unlock|access) (?:the|this) (?:full|rest|article))\b"
    r"|\bto (?:continue|keep) reading\b.{0,60}\b(?:subscribe|subscription|account|sign in|log in)\b"
    r"|\b(?:this|the full) (?:article|story|content) is (?:available |reserved )?"
    r"(?:only |exclusively )?(?:available )?(?:for|to) (?:our )?(?:paying )?"
    r"(?:subscribers|members)\b"
    r"|\balready (?:a subscriber|a member|subscribed)\?"
    r"|\byou(?:'|’)?(?:ve| have) (?:reached|used|read)\b.{0,30}\bfree articles?\b"
    r"|\b(?:get|enjoy) (?:unlimited|full) (?:digital )?access to\b.{0,60}\b(?:month|week|year)\b"
    r"|\bоформите подписку\b|\bдоступ(?:но|ен) только подписчикам\b",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"\bwe (?:and our (?:\d+ )?partners )?(?:use|store|value)\b.{0,60}"
    r"\b(?:cookies|your (?:privacy|device))\b"
    r"|\b(?:this|our) (?:web ?)?site uses cookies\b"
    r"|\b(?:accept|reject|manage)\b.{0,12}\bcookies?\b"
    r"|^before you continue to\b"
    r"|\byour (?:privacy|cookie) (?:choices|preferences|settings)\b"
    r"|\bclick(?:ing)?\b.{0,20}\b(?:accept|agree)\b.{0,80}\b(?:cookies|terms|personal data)\b"
    r"|\bмы используем (?:файлы )?cookie",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"^(?:share (?:this (?:article|story|page)"
    r"|on (?:facebook|twitter|x|linkedin|telegram))\b.{0,40}"
    r"|follow us on\b.{0,80}"
    r"|sign up (?:for|to) (?:our|the)\b.{0,60}\b(?:newsletters?|e-?mails?|alerts?)\b.{0,20}"
    r"|read (?:more|also|next)\s*:.{0,160}|related (?:articles|stories|topics)"
    r"|(?:copyright )?(?:©|\(c\)).{0,160}|all rights reserved\b.{0,60}|advertisement"
    r"|download (?:our|the) app\b.{0,60}|click here to\b.{0,80}|comments? \(\d+\))$",
    re.IGNORECASE,
)


class Cleaned(NamedTuple):
    """A text without its notices, and what wall these were of."""

    text: str
    wall: Wall | None


def cleaned(text: str) -> Cleaned:
    """A page's extract without the lines that are no part of the article."""
    kept: list[str] = []
    wall: Wall | None = None
    for line in text.split("\n"):
        kind = _notice(line)
        if kind is None:
            kept.append(line)
        elif kind != "boilerplate":
            wall = "paywall" if "paywall" in (kind, wall) else "consent"
    return Cleaned("\n".join(kept).strip(), wall)


def _notice(line: str) -> str | None:
    if len(line) > LONGEST_NOTICE:
        return None
    if _PAYWALL.search(line):
        return "paywall"
    if _CONSENT.search(line):
        return "consent"
    return "boilerplate" if _BOILERPLATE.match(line.strip()) else None


def wall_in(text: str) -> Wall | None:
    """What wall a text is of that is known to be no article, whatever its lines are like."""
    if _PAYWALL.search(text):
        return "paywall"
    return "consent" if _CONSENT.search(text) else None


def is_paid_for(page: bytes) -> bool:
    """Whether the publisher says of the page that it isn't free to read."""
    head = page[:_HEAD]
    return bool(_NOT_FREE.search(head) or _TIER.search(head))
