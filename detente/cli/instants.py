"""Instants as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant(text: str | None, now: datetime) -> datetime | None:
    """`2026-11-24`, a full ISO instant, or `36h` and `7d` before now."""
    from detente.errors import ConfigError

    if text is None:
        return None
    units = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    if text[:-1].isdecimal() and text[-1] in units:
        return now - int(text[:-1]) * units[text[-1]]
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no instant: write 2026-11-24, 2026-11-24T04:34+03:00, 36h, 7d or 2w"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
