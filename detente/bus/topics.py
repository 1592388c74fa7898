"""The topics as they are declared for Kafka: `deploy/kafka/topics.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml

from detente.errors import ConfigError

MUST_HOLD = ("cleanup.policy", "message.timestamp.type")
"""Settings of a topic that the promises rest on; the rest is the operator's choice."""

AT_LEAST = ("max.message.bytes",)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; `config` are Kafka's own settings, as text."""

    name: str
    partitions: int
    config: Mapping[str, str]


def declared_topics(file: Path | None = None) -> tuple[Topic, ...]:
    """The topics of the file that ships with Détente, or of another one. Raises ConfigError."""
    text = file.read_text("utf-8") if file else _shipped()
    try:
        declared = yaml.safe_load(text)
        common = declared.get("common", {})
        return tuple(
            Topic(
                name,
                int(about["partitions"]),
                {key: str(value) for key, value in (common | about.get("config", {})).items()},
            )
            for name, about in declared["topics"].items()
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{file or 'topics.yaml'}: can't be read: {error!r}") from None


def problems(topic: Topic, found: Mapping[str, str]) -> list[str]:
    """What of a topic as it is on the cluster the promises can't rest on."""
    wrong = [
        f"{name} is {found.get(name)!r}, but must be {topic.config[name]!r}"
        for name in MUST_HOLD
        if name in topic.config and found.get(name) != topic.config[name]
    ]
    wrong += [
        f"{name} is {found.get(name)}, but must be {topic.config[name]} at least"
        for name in AT_LEAST
        if name in topic.config and int(found.get(name) or 0) < int(topic.config[name])
    ]
    return [f"the topic {topic.name!r}: {said}" for said in wrong]


def _shipped() -> str:
    """Beside this module in the wheel; in a checkout it is where operators look for it."""
    packaged = files("detente.bus") / "topics.yaml"
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return (Path(__file__).parents[2] / "deploy/kafka/topics.yaml").read_text("utf-8")
