"""What readers say is wrong, a JSON line each, for whoever labels the next training text."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from detente.errors import ConfigError
from detente.store.base import Document

RELEVANCE = ("core", "peripheral", "none")
GRADES = ("2", "1", "0", "-1", "-2", "none")
"""The labelling guide's grades of a stance, and that there is none."""

MOST_WORDS = 1_000
_lock = threading.Lock()


def correction(
    document: Document, *, about: str, right: str, note: str, by: str, at: datetime
) -> dict[str, Any]:
    """What is written down; `about` is `relevance`, or the number of a stance from 1.

    Raises ConfigError where there is no such thing, or no such label.
    """
    given: dict[str, Any] = {
        "at": at.isoformat(timespec="seconds"),
        "by": by,
        "id": document["id"],
        "revision": document["revision"],
        "url": document["url"],
        "model": document["model"],
        "model_revision": document["model_revision"],
        "right": right,
        "note": note[:MOST_WORDS],
    }
    if about == "relevance":
        if right not in RELEVANCE:
            raise ConfigError(f"correction: {right!r} is none of {', '.join(RELEVANCE)}")
        return {**given, "about": "relevance", "said": document.get("relevance")}
    stances = document.get("stances") or ()
    if not about.isascii() or not about.isdigit() or not 1 <= int(about) <= len(stances):
        raise ConfigError(f"correction: the article has no stance {about!r}")
    if right not in GRADES:
        raise ConfigError(f"correction: {right!r} is none of {', '.join(GRADES)}")
    stance = stances[int(about) - 1]
    kept = ("holder", "target", "part", "start", "end", "text")
    return {
        **given,
        "about": "stance",
        "said": stance["grade"],
        **{name: stance[name] for name in kept},
    }


def record(file: Path, given: Mapping[str, Any]) -> None:
    """Add a line, on the disk when this returns. Raises ConfigError where it can't be written."""
    line = json.dumps(given, ensure_ascii=False) + "\n"
    try:
        with _lock:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as written:
                written.write(line)
                written.flush()
                os.fsync(written.fileno())
    except OSError as error:
        raise ConfigError(f"{file}: can't be written: {error.strerror}") from None
