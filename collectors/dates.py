"""Publishers' dates: what they claim, and whether to believe it. Never replaced by "now"."""

from __future__ import annotations

import calendar
import email.utils
import re
import time
from datetime import UTC, datetime, timedelta

from collectors.entry import ClaimedDate

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FUTURE = timedelta(hours=24)
"""Ahead of our clock by more than any time zone and a little clock skew explain."""

_MAX_CLAIM = 200
# feedparser reads these as another date than a person would: 2016/6/29 as the 1st of June,
# seconds since 1970 as a year and a day, 10:00 PM as the morning. Better unparsable than wrong.
_MISREAD = re.compile(r"\d{4}/|\d+(\.\d+)?$|.*\d\s*[ap]\.?m\b", re.IGNORECASE)
# Zones that the parsers take for UTC.
_ZONES = {
    "MSK": "+0300", "MSD": "+0400", "CET": "+0100", "CEST": "+0200", "EET": "+0200",
    "EEST": "+0300", "BST": "+0100",
}  # fmt: skip
_ZONE = re.compile(rf"\s*\b(?:({'|'.join(_ZONES)})|(?:GMT|UTC)([+-])(\d{{1,2}}):?(\d\d)?)$")
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d(T|\s|$)")


def feed_date(claim: str | None, parsed: time.struct_time | None, now: datetime) -> ClaimedDate:
    """The date of an RSS or Atom entry; `parsed` is feedparser's reading of it, in UTC."""
    if not (claim := _clean(claim)):
        return ClaimedDate()
    if _MISREAD.match(claim):
        return ClaimedDate(claim, None, "unparsable")
    plain = _ZONE.sub(_offset, claim)
    # feedparser drops the time of some ISO dates.
    if _ISO.match(plain) and (instant := _iso(plain)):
        return judge(claim, instant, now)
    if plain != claim or parsed is None:
        return judge(claim, rfc822_date(plain), now)
    try:
        instant = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return ClaimedDate(claim, None, "unparsable")
    return judge(claim, instant, now)


def iso_date(claim: str | None, now: datetime) -> ClaimedDate:
    """The date of a JSON Feed item (RFC 3339); without a zone it is taken as UTC."""
    if not (claim := _clean(claim)):
        return ClaimedDate()
    return judge(claim, _iso(claim), now)


def judge(claim: str, instant: datetime | None, now: datetime) -> ClaimedDate:
    """Believe an instant only between 1990 and a day from `now`; a naive one is in UTC."""
    if instant is None:
        return ClaimedDate(claim, None, "unparsable")
    try:
        instant = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return ClaimedDate(claim, None, "implausible")
    if instant < EARLIEST:
        return ClaimedDate(claim, None, "implausible")
    if instant > now + FUTURE:
        return ClaimedDate(claim, None, "future")
    return ClaimedDate(claim, instant, "claimed")


def _clean(claim: str | None) -> str:
    return (claim or "").strip()[:_MAX_CLAIM]


def rfc822_date(text: str) -> datetime | None:
    """The instant that a mail or HTTP header's date names, perhaps naive; None if it is none."""
    try:
        return email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _offset(zone: re.Match[str]) -> str:
    """A zone's name as the offset that every parser understands."""
    name, sign, hours, minutes = zone.groups()
    return _ZONES[name] if name else f"{sign}{int(hours):02}{minutes or '00'}"
