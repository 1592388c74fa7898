"""The alerts copied to Elasticsearch, for Kibana: a mirror that may lag, and never holds them up.

The alerts' own file remains what counts. Copying has a thread of its own: an Elasticsearch that is
slow, away or full delays no alert, and what changed meanwhile is copied once it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from detente.alerts.alertindex import AlertIndex
from detente.alerts.mirrored import alert_document
from detente.alerts.uncopied import Changed, Uncopied
from detente.errors import ConfigError, RetryLater
from detente.settings import ElasticsearchSettings

AT_ONCE = 500
"""Alerts that are copied together."""

LONGEST_PAUSE = 60.0
"""Seconds between two attempts at most, while Elasticsearch takes nothing."""


class Mirror:
    """Copies what changed since it last did, each time that `look` is called.

    `sides` are the watch's two sides. Raises ConfigError for an address or a login that can't be
    right; that Elasticsearch isn't there is no error here.
    """

    def __init__(
        self,
        alerts: str,
        store: str,
        settings: ElasticsearchSettings,
        sides: tuple[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = AlertIndex(store, settings)
        self._uncopied = Uncopied(alerts)
        self._sides = sides
        self._clock = clock
        self._aimed = False
        self._failures = 0
        self._not_before = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts-mirror", daemon=True)
        self._log = structlog.get_logger("detente.alerts.mirror")

    def start(self) -> None:
        """Begin to copy when `look` is called."""
        self._thread.start()

    def look(self) -> None:
        """There may be something to copy; returns at once."""
        self._wake.set()

    def close(self, patience: float = 1.0) -> None:
        """Copy what is left, if that takes no longer than so many seconds; then no more."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(patience)
        self._uncopied.close()
        self._index.close()

    def turn(self) -> int:
        """Copy all that is to be copied; gives how many alerts that were.

        Raises RetryLater and ConfigError.
        """
        if self._aimed and self._uncopied.is_empty():
            return 0
        self._uncopied.aim(self._index.ready())
        self._aimed = True
        copied = 0
        while changed := self._uncopied.some(AT_ONCE):
            copied += self._copy([one for one in changed if one.alert is not None])
            self._uncopied.done(changed)
            if self._stop.is_set():
                break
        return copied

    def _copy(self, changed: list[Changed]) -> int:
        documents = [alert_document(one, self._sides) for one in changed]
        outcomes = self._index.write(documents) if documents else []
        for outcome in outcomes:
            if outcome.result == "rejected":
                # It would be refused the next time, too.
                self._log.error("an alert isn't shown", alert=outcome.id, reason=outcome.reason)
        return sum(outcome.result == "written" for outcome in outcomes)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._clock() >= self._not_before:
                self._guarded_turn()

    def _guarded_turn(self) -> None:
        try:
            copied = self.turn()
        except (RetryLater, ConfigError) as error:
            # Said once for an outage, however long that is.
            log = self._log.debug if self._failures else self._log.warning
            log("alerts are not shown in Kibana for now", reason=str(error))
            self._pause(error.after if isinstance(error, RetryLater) else LONGEST_PAUSE)
        except Exception:
            self._log.exception("alerts can't be shown in Kibana")
            self._pause(LONGEST_PAUSE)
        else:
            if copied:
                self._log.info("alerts copied", number=copied)
            self._failures = 0

    def _pause(self, first: float) -> None:
        # An outage of a day has more failures than a float has doublings.
        pause = min(LONGEST_PAUSE, first * 2.0 ** min(self._failures, 30))
        self._not_before = self._clock() + pause
        self._failures += 1
