"""Drives a stage: poll, decode, handle, publish, commit.

The order is the delivery promise. A stage's outputs and dead letters are durable on the bus (or
in the store, inside `handle`) before its offsets are committed:

1. poll a batch and decode each record; what can't be decoded becomes a dead letter;
2. `handle` the articles: one outcome each, in order;
3. publish the outputs, then the dead letters;
4. commit the batch.

A kill between any two steps delivers the batch again, and since every output is idempotent by
article id and revision, nothing changes in the end state.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Generic, TypeVar

import structlog

from detente.article import AssessedArticle, CollectedArticle
from detente.bus.base import Bus, Delivery, Record, Subscription
from detente.deadletters import park
from detente.errors import OversizedRecord, RejectArticle, RetryLater
from detente.flow import Route
from detente.settings import RunnerSettings
from detente.slices import slices
from detente.telemetry import Dispositions
from detente.wire import decode

M = TypeVar("M", CollectedArticle, AssessedArticle)


@dataclass(frozen=True, slots=True)
class Publish:
    """The article goes on as these records (none where `handle` itself has stored it)."""

    records: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """The article ends here, for a reason that is no fault; `reason` is one of few words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """The article can't be handled, ever: it becomes a dead letter with this reason."""

    reason: str
    error: BaseException | None = None


Outcome = Publish | Drop | Reject


@dataclass(frozen=True, slots=True)
class Stage(Generic[M]):
    """What the runner drives.

    `handle` takes decoded articles and gives one outcome each, in order. It may raise
    RejectArticle or any other exception (the runner then finds the article at fault by handling
    them one by one) or RetryLater (the whole batch is tried again after its wait).
    """

    route: Route
    reads: type[M]
    handle: Callable[[Sequence[M]], Sequence[Outcome]]


def run_stage(
    stage: Stage[M],
    bus: Bus,
    settings: RunnerSettings,
    stop: Event,
    dispositions: Dispositions | None = None,
    *,
    done: Callable[[], bool] | None = None,
) -> None:
    """Drive the stage until `stop` is set; the batch in hand is finished and committed.

    With `done`, return when a poll gives nothing and that says so.
    """
    topic, group = stage.route.topic_in, stage.route.group
    if topic is None or group is None:
        raise ValueError(f"the stage {stage.route.stage!r} reads no topic")
    driver = _Driver(stage, bus, settings, dispositions or Dispositions(stage.route.stage), stop)
    subscription: Subscription | None = None
    failures = 0
    try:
        while not stop.is_set():
            try:
                if subscription is None:
                    subscription = bus.subscribe(topic, group)
                deliveries = subscription.poll(settings.batch, settings.poll_timeout)
                if done is not None and not deliveries and done():
                    return
                for batch in slices(deliveries, lambda one: len(one.value), settings.batch_bytes):
                    if stop.is_set():
                        return
                    driver.run_batch(subscription, batch)
                    failures = 0
            except RetryLater as error:
                failures += 1
                driver.wait(error, failures)
                if subscription is not None:
                    _rewind(subscription)
    finally:
        if subscription is not None:
            _close(subscription)


def _rewind(subscription: Subscription) -> None:
    try:
        subscription.rewind()
    except RetryLater:
        # The next poll meets the same trouble, and is counted there.
        structlog.get_logger("detente.runner").debug("rewind failed")


def _close(subscription: Subscription) -> None:
    try:
        subscription.close()
    except RetryLater:
        # All that was done is committed; the bus finds out by itself that we are gone.
        structlog.get_logger("detente.runner").debug("close failed")


class _Driver(Generic[M]):
    """The steps of one batch, and what they share."""

    def __init__(
        self,
        stage: Stage[M],
        bus: Bus,
        settings: RunnerSettings,
        dispositions: Dispositions,
        stop: Event,
    ) -> None:
        self._stage: Stage[M] = stage
        self._bus = bus
        self._settings = settings
        self._dispositions = dispositions
        self._stop = stop
        self._log = structlog.get_logger(f"detente.{stage.route.stage}")

    def run_batch(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Steps 1 to 4. Raises RetryLater, with nothing committed."""
        outcomes: list[Outcome | None] = [None] * len(deliveries)
        articles: list[M] = []
        places: list[int] = []
        for place, delivery in enumerate(deliveries):
            try:
                articles.append(decode(delivery.value, self._stage.reads))
                places.append(place)
            except RejectArticle as error:
                outcomes[place] = Reject(error.reason)
        try:
            for place, outcome in zip(places, self._handle(articles), strict=True):
                outcomes[place] = outcome
        except RetryLater:
            for delivery in deliveries:
                self._dispositions.note("retried", delivery.key)
            raise
        settled = [outcome for outcome in outcomes if outcome is not None]
        self._publish(deliveries, settled)
        subscription.commit(deliveries)
        self._note(deliveries, settled)

    def wait(self, error: RetryLater, failures: int) -> None:
        """Back off: at least what the error asks for, doubling, with jitter, and stoppable."""
        seconds = error.backoff(failures, self._settings.max_backoff)
        seconds = max(seconds * random.uniform(0.8, 1.2), min(error.after, 3_600.0))
        self._log.warning("waiting", reason=error.reason, seconds=round(seconds, 2))
        self._stop.wait(seconds)

    def _handle(self, articles: Sequence[M]) -> Sequence[Outcome]:
        if not articles:
            return []
        try:
            return self._checked(articles)
        except RetryLater:
            raise
        except Exception as error:
            if len(articles) == 1:
                return [self._retry_one(articles[0], error)]
            self._log.debug("batch failed, handling one by one", error=repr(error))
            return [self._handle([article])[0] for article in articles]

    def _retry_one(self, article: M, error: Exception) -> Outcome:
        """A fault that the article itself brings: bounded attempts, then a dead letter."""
        for attempt in range(2, self._settings.attempts + 1):
            if isinstance(error, RejectArticle):
                break
            self._stop.wait(min(0.05 * attempt, 1.0))
            try:
                return self._checked([article])[0]
            except RetryLater:
                raise
            except Exception as again:
                error = again
        if isinstance(error, RejectArticle):
            return Reject(error.reason)
        tries = self._settings.attempts
        return Reject(f"{type(error).__name__}: {error} (after {tries} attempts)", error)

    def _checked(self, articles: Sequence[M]) -> Sequence[Outcome]:
        outcomes: Sequence[Outcome] = self._stage.handle(articles)
        if len(outcomes) != len(articles):
            raise RuntimeError(
                f"the stage gave {len(outcomes)} outcomes for {len(articles)} articles"
            )
        return outcomes

    def _publish(self, deliveries: Sequence[Delivery], outcomes: list[Outcome]) -> None:
        """Outputs first, dead letters after; an output too large turns into a dead letter."""
        topic = self._stage.route.topic_out
        if topic is not None:
            outputs = [outcome for outcome in outcomes if isinstance(outcome, Publish)]
            records = [record for outcome in outputs for record in outcome.records]
            try:
                self._publish_records(topic, records)
            except OversizedRecord:
                for place, outcome in enumerate(outcomes):
                    if isinstance(outcome, Publish):
                        outcomes[place] = self._publish_alone(topic, outcome)
        for delivery, outcome in zip(deliveries, outcomes, strict=True):
            if isinstance(outcome, Reject):
                self._park(delivery, outcome)

    def _publish_alone(self, topic: str, outcome: Publish) -> Outcome:
        try:
            self._publish_records(topic, outcome.records)
        except OversizedRecord as error:
            return Reject(error.reason)
        return outcome

    def _publish_records(self, topic: str, records: Sequence[Record]) -> None:
        if records:
            self._bus.publish(topic, records)

    def _park(self, delivery: Delivery, outcome: Reject) -> None:
        park(
            self._bus,
            delivery,
            topic=delivery.topic,
            stage=self._stage.route.stage,
            reason=outcome.reason,
            now=datetime.fromtimestamp(time.time(), UTC),
            error=outcome.error,
        )

    def _note(self, deliveries: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
        for delivery, outcome in zip(deliveries, outcomes, strict=True):
            match outcome:
                case Publish():
                    self._dispositions.note("published", delivery.key)
                case Drop(reason):
                    self._dispositions.note("dropped", delivery.key, reason=reason, label=reason)
                case Reject(reason):
                    self._dispositions.note("dead", delivery.key, reason=reason)
