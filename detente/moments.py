"""Instants as they come, and as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_of(value: datetime | float | str) -> datetime:
    """From an instant, an epoch, or ISO 8601."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)


def moment(value: datetime | float | str | None) -> str:
    """An instant as `2026-11-24 04:34` in UTC; empty for none."""
    return "" if value is None else instant_of(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M")
