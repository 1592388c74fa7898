"""The Elasticsearch side of the field table: mapping, analysis, index template, names of indices.

An article lives in the index of the month in which it was first seen, for good. The months of one
*generation* share a layout; a new generation is what `detente reindex` makes. Readers go through
the alias, which names one generation at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detente import __version__
from detente.settings import ElasticsearchSettings
from detente.store.fields import FIELDS, MAX_OBJECTS, Field, Kind

WORDS = "words"
"""Title and body as the terms of `store.analysis`: what our own search looks in, so that it finds
alike on every store. Not kept in `_source`. What someone types there in Kibana is stemmed as
Russian, as the terms of Russian words are."""

PRIORITY = 501
"""Above the templates that Elasticsearch brings for patterns that might overlap."""

_ANALYSIS = {
    "analyzer": {
        "news_english": {"type": "english", "stopwords": "_none_"},
        "news_russian": {"type": "russian", "stopwords": "_none_"},
    }
}
_SIMPLE: Mapping[Kind, Mapping[str, Any]] = {
    Kind.KEYWORD: {"type": "keyword"},
    Kind.KEYWORDS: {"type": "keyword"},
    Kind.DATE: {"type": "date"},
    Kind.LONG: {"type": "long"},
    Kind.DOUBLE: {"type": "double"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.STORED: {"type": "keyword", "index": False, "doc_values": False},
    # For people who search in Kibana; what is Russian they find through WORDS.
    Kind.TEXT: {"type": "text", "analyzer": "news_english"},
}


def mappings() -> dict[str, Any]:
    """The mapping: strict, made from the field table, with the number of its layout."""
    return {
        **_layout_of(FIELDS),
        "_meta": {"product": "detente", "layout": LAYOUT, "version": __version__},
    }


def index_settings(settings: ElasticsearchSettings, alias: str) -> dict[str, Any]:
    """The settings of a month's index."""
    copies: dict[str, Any] = (
        {"auto_expand_replicas": "0-1"}
        if settings.replicas is None
        else {"number_of_replicas": settings.replicas}
    )
    if settings.retention_days is not None:
        copies["lifecycle"] = {"name": retention_policy_name(alias)}
    return {
        "index": {
            "number_of_shards": settings.shards,
            "refresh_interval": "1s",
            "mapping": {"nested_objects": {"limit": MAX_OBJECTS}},
            **copies,
        },
        "analysis": _ANALYSIS,
    }


def template(settings: ElasticsearchSettings, generation: Generation, alias: str) -> dict[str, Any]:
    """The index template of a generation, whose months come into being under `alias`."""
    return {
        "index_patterns": [f"{generation}-*"],
        "priority": PRIORITY,
        "template": {
            "settings": index_settings(settings, generation.alias),
            "mappings": mappings(),
            "aliases": {alias: {}},
        },
        "_meta": {"product": "detente", "layout": LAYOUT, "version": __version__},
    }


def retention_policy_name(alias: str) -> str:
    return f"{alias}-retention"


def retention_policy(days: float) -> dict[str, Any]:
    """The ILM policy: nothing but deletion. Without rollover the age counts from the creation of
    the index, so a month's articles are kept for `days` after their month at least."""
    return {
        "phases": {
            "hot": {"actions": {}},
            "delete": {"min_age": f"{round(days + 31)}d", "actions": {"delete": {}}},
        },
        "_meta": {"product": "detente"},
    }


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """The indices `<alias>-g<number>-<year>.<month>`."""

    alias: str
    number: int

    def __str__(self) -> str:
        return f"{self.alias}-g{self.number}"

    @property
    def next(self) -> Generation:
        return Generation(self.alias, self.number + 1)

    def month(self, first_seen: str) -> str:
        """The index of what was first seen at this instant (`2026-11-24T…`)."""
        return f"{self}-{first_seen[:4]}.{first_seen[5:7]}"


def generations(alias: str, indices: Sequence[str]) -> list[Generation]:
    """The generations that these indices are of, oldest first; other indices are passed over."""
    form = re.compile(re.escape(alias) + r"-g(\d+)-\d{4}\.\d{2}$")
    found = {int(match[1]) for index in indices if (match := form.match(index))}
    return [Generation(alias, number) for number in sorted(found)]


def _properties(fields: Sequence[Field]) -> dict[str, Any]:
    return {
        field.name: (
            {"type": "nested", "dynamic": "strict", "properties": _properties(field.fields)}
            if field.kind is Kind.NESTED
            else dict(_SIMPLE[field.kind])
        )
        for field in fields
    }


def strict_mapping(fields: Sequence[Field]) -> dict[str, Any]:
    """A mapping of these fields and no others."""
    return {"dynamic": "strict", "properties": _properties(fields)}


def layout_name(mapping: Mapping[str, Any]) -> str:
    """Names what is written: it changes with the fields, their mapping and the analysis."""
    return hashlib.sha256(json.dumps([mapping, _ANALYSIS], sort_keys=True).encode()).hexdigest()[
        :12
    ]


def _layout_of(fields: Sequence[Field]) -> dict[str, Any]:
    words = {
        "type": "text",
        "analyzer": "whitespace",
        "search_analyzer": "news_russian",
        "norms": False,
    }
    mapping = strict_mapping(fields)
    return {
        **mapping,
        "_source": {"excludes": [WORDS]},
        "properties": {**mapping["properties"], WORDS: words},
    }


LAYOUT = layout_name(_layout_of(FIELDS))
"""The layout of the articles' indices."""
