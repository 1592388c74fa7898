"""Every error that Détente raises on purpose, each with a disposition.

    DetenteError
    ├── ConfigError            the operator must act: the CLI lists every problem and exits with 2
    ├── RejectArticle          this article can't be handled, ever: dead letter, then commit
    │   ├── DecodeError        (in `wire`) the bytes are not the message they should be
    │   └── OversizedRecord    larger than the bus carries
    ├── RetryLater             nothing wrong with the article: rewind, wait `after` s, try again
    │   ├── BusUnavailable
    │   └── StoreUnavailable
    └── PartitionLost          another process has taken this work over: stop, it goes on there

Anything else that escapes a stage is a bug: the runner tries it a bounded number of times, then
parks the article as a dead letter with the traceback. Nothing is skipped silently.
"""

from __future__ import annotations

from collections.abc import Sequence


class DetenteError(Exception):
    """The base of every error raised on purpose."""


class ConfigError(DetenteError):
    """Settings, files or an installation that can't work as they are; lists every problem."""

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class RejectArticle(DetenteError):
    """One article can't be handled, however often it is tried; `reason` is for a person."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class OversizedRecord(RejectArticle):
    """A record larger than the bus carries, refused before anything of its batch is published."""


class RetryLater(DetenteError):
    """The outside isn't ready; `after` is the wait in seconds that it asked for, or a guess."""

    def __init__(self, reason: str, after: float = 1.0) -> None:
        self.reason = reason
        self.after = after
        super().__init__(reason)

    def backoff(self, failures: int, longest: float) -> float:
        """Seconds to wait after so many failures in a row (one or more): doubling, to `longest`."""
        # An outage of a day has more failures than a float has doublings.
        return min(self.after * 2.0 ** min(failures - 1, 30), longest)


class BusUnavailable(RetryLater):
    """The bus didn't take or give records; what was not acknowledged may or may not be there."""


class StoreUnavailable(RetryLater):
    """The article store can't be reached or refuses work for now."""


class PartitionLost(DetenteError):
    """A partition of a shared state belongs to another process now; what this one wanted to write
    was not written."""
