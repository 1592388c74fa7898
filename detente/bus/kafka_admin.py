"""What is asked of a Kafka cluster about itself: topics made and checked, lag."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

from kafka import KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetTimestamp
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    KafkaTimeoutError,
    RetriableError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
)

from detente.bus.kafka_client import Cluster, ConnectionTroubles, said
from detente.bus.topics import Topic, declared_topics, problems
from detente.errors import BusUnavailable, ConfigError

T = TypeVar("T")

OLDEST = (2, 4)
"""Brokers before that know neither cooperative rebalancing nor a default number of copies."""


@contextmanager
def _explained(cluster: Cluster) -> Iterator[None]:
    """At the start a cluster that can't be worked with is for the operator to mend."""
    where = f"bus = {cluster.url!r}"
    troubles = ConnectionTroubles()
    try:
        with troubles:
            yield
    except (AuthorizationError, SaslAuthenticationFailedError) as error:
        raise ConfigError(
            f"{where}: the brokers refuse us: {said(error)}; see the settings under [kafka]"
        ) from None
    except KafkaTimeoutError as error:
        raise ConfigError(
            f"{where}: no broker can be reached: {troubles.explained(cluster.settings)}"
        ) from error
    except (KafkaError, OSError) as error:
        raise ConfigError(f"{where}: {said(error)}") from None


class KafkaAdmin:
    """Used from any thread; connects when it is first asked something."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._client: KafkaAdminClient | None = None
        self._partitions: dict[str, int] = {}

    def prepare(self) -> list[str]:
        """Create the declared topics that aren't there; check the others. Says what it did."""
        declared = declared_topics()
        told = []
        with _explained(self._cluster):
            self._check_version()
            found = self._described(declared)
            self._check_config([topic for topic in declared if topic.name in found])
            for topic in declared:
                name = self._cluster.name(topic.name)
                if topic.name in found:
                    told.append(f"topic {name}: is there, {found[topic.name]} partitions")
                else:
                    self._create(name, topic)
                    told.append(f"topic {name}: created, {topic.partitions} partitions")
        return told

    def check(self) -> None:
        declared = declared_topics()
        with _explained(self._cluster):
            self._check_version()
            found = self._described(declared)
            missing = [self._cluster.name(t.name) for t in declared if t.name not in found]
            if missing:
                raise ConfigError(
                    f"bus = {self._cluster.url!r}: there is no topic {', '.join(missing)}; run "
                    "`detente prepare` once"
                )
            self._check_config(declared)

    def lag(self, topic: str, group: str) -> int:
        """Records that the group hasn't committed, as far as they are still kept."""
        partitions = self._topic_partitions(topic)
        begin = self._ask(
            lambda c: c.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        )
        end = self._ask(
            lambda c: c.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        )
        name = self._cluster.name(group)
        committed = self._ask(lambda c: c.list_group_offsets({name: partitions}))[name]
        lag = 0
        for partition in partitions:
            done = committed.get(partition)
            start = max(begin[partition].offset, done.offset if done is not None else 0)
            lag += max(0, end[partition].offset - start)
        return lag

    def reset(self, topic: str, group: str, since: datetime | None) -> None:
        """See `detente.bus.base.Bus.reset`."""
        name = self._cluster.name(group)
        said_of_group = self._ask(lambda c: c.delete_groups([name]))[name]
        if said_of_group not in ("OK", "GroupIdNotFoundError"):
            raise ConfigError(
                f"bus = {self._cluster.url!r}: the consumer group {name!r} is at work "
                f"({said_of_group}); stop it first"
            )
        if since is None:
            return
        moment = OffsetTimestamp(round(since.timestamp() * 1_000))
        places = dict.fromkeys(self._topic_partitions(topic), moment)
        self._ask(lambda c: c.reset_group_offsets(name, places))

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises BusUnavailable where it isn't there."""
        if topic not in self._partitions:
            name = self._cluster.name(topic)
            (about,) = self._ask(lambda c: c.describe_topics([name]))
            if about["error_code"]:
                raise BusUnavailable(
                    f"{self._cluster.url}: there is no topic {name}; run `detente prepare`"
                )
            self._partitions[topic] = len(about["partitions"])
        return self._partitions[topic]

    def _topic_partitions(self, topic: str) -> list[TopicPartition]:
        name = self._cluster.name(topic)
        return [TopicPartition(name, number) for number in range(self.partitions(topic))]

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, question: Callable[[KafkaAdminClient], T]) -> T:
        with self._cluster.reaching():
            for pause in (0.1, 0.2, 0.4, 0.8, 1.6):
                try:
                    return question(self._connected())
                except RetriableError:  # a leader or coordinator that is just being chosen
                    time.sleep(pause)
            return question(self._connected())

    def _connected(self) -> KafkaAdminClient:
        with self._lock:
            if self._client is None:
                self._client = self._cluster.client(
                    KafkaAdminClient, "admin", request_timeout_ms=10_000
                )
            return self._client

    def _check_version(self) -> None:
        version = self._connected()._manager.broker_version
        if version < OLDEST:
            raise ConfigError(
                f"bus = {self._cluster.url!r}: the brokers are of version "
                f"{'.'.join(map(str, version))}; at least {'.'.join(map(str, OLDEST))} is needed"
            )

    def _described(self, declared: Sequence[Topic]) -> dict[str, int]:
        """How many partitions each declared topic has, of those that are there."""
        ours = {self._cluster.name(topic.name): topic.name for topic in declared}
        return {
            ours[about["name"]]: len(about["partitions"])
            for about in self._connected().describe_topics(list(ours))
            if not about["error_code"]
        }

    def _check_config(self, topics: Sequence[Topic]) -> None:
        """Raises ConfigError with all that is wrong with these topics, which are there."""
        if not topics:
            return
        names = {self._cluster.name(topic.name): topic for topic in topics}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answer: Any = self._connected().describe_configs(asked, config_filter="all")
        wrong = [
            f"bus = {self._cluster.url!r}: {problem}"
            for name, topic in names.items()
            for problem in problems(
                topic, {key: about["value"] for key, about in answer["topic"][name].items()}
            )
        ]
        if wrong:
            raise ConfigError(wrong)

    def _create(self, name: str, topic: Topic) -> None:
        options: dict[str, Any] = {
            "num_partitions": topic.partitions,
            "replication_factor": self._cluster.settings.replication or -1,
            "configs": dict(topic.config),
        }
        with suppress(TopicAlreadyExistsError):  # another one was faster
            self._connected().create_topics({name: options}, wait_for_metadata=True)
