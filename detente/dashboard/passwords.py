"""Passwords as they are kept in the settings: `scrypt$N$r$p$salt$hash`, in base64."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from functools import lru_cache

from detente.errors import ConfigError

_N, _R, _P = 2**15, 8, 3
"""OWASP's recommendation of 2024 for scrypt: 32 MB, three times."""

_MEMORY = 128 * 1024 * 1024
SHORTEST = 10


def hashed(password: str) -> str:
    """Raises ConfigError for one that is too short."""
    if len(password) < SHORTEST:
        raise ConfigError(f"password: at least {SHORTEST} characters")
    salt = os.urandom(16)
    found = _scrypt(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(found).decode()}"


def is_right(password: str, kept: str) -> bool:
    """Raises ValueError where what is kept is no hash of ours."""
    kind, n, r, p, salt, found = kept.split("$")
    if kind != "scrypt":
        raise ValueError(kind)
    again = _scrypt(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(again, b64decode(found))


@lru_cache(maxsize=1)
def nobodys() -> str:
    """A hash to check against for a name that nobody has, so that the time tells nothing."""
    return hashed(b64encode(os.urandom(16)).decode())


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
