"""What Kibana asks Elasticsearch for a Lens chart, and what our own stores say to the same.

Kibana isn't here, so `asked` does what its Lens does with a saved chart: one request with the
nested aggregations of the layer's columns, and a second one for the bucket of what is left over.
`counted` gets the same rows by the seams of the article store alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from elasticsearch import Elasticsearch

from detente.store.base import Bucket, Measure, Page, Query, Range
from detente.store.fields import date_text

MISSING, OTHER = "__missing__", "__other__"
"""The keys that Kibana gives to documents without a value, and to those beyond the leading ones."""

Row = tuple[str, ...]
OneRow = tuple[Row, tuple[Any, ...]]
Rows = dict[Row, tuple[Any, ...]]
"""By the keys of the nested buckets, the metrics."""

_METRICS = {"average": "avg", "max": "max", "unique_count": "cardinality"}


@dataclass(frozen=True)
class Window:
    """The time picker."""

    start: datetime
    end: datetime


class Counts(Protocol):
    """The part of the article store that charts are compared with."""

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]: ...
    def measure(self, query: Query, field: str, by: str) -> Sequence[Measure]: ...
    def search(self, query: Query) -> Page: ...


@dataclass(frozen=True)
class Layer:
    """A chart's one layer, as it is read from its saved object."""

    index: str
    time: str
    conditions: Mapping[str, Sequence[str]]
    columns: Mapping[str, Mapping[str, Any]]

    @property
    def buckets(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(id, column) for id, column in self.columns.items() if column["isBucketed"]]

    @property
    def metrics(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(id, column) for id, column in self.columns.items() if not column["isBucketed"]]


def read_layer(lens: Mapping[str, Any], views: Mapping[str, Mapping[str, Any]]) -> Layer:
    """The layer of a saved Lens chart; `views` are the data views by id."""
    ((name, layer),) = lens["attributes"]["state"]["datasourceStates"]["formBased"][
        "layers"
    ].items()
    (view,) = (
        views[one["id"]]
        for one in lens["references"]
        if one["name"] == f"indexpattern-datasource-layer-{name}"
    )
    assert set(layer["columnOrder"]) == set(layer["columns"])
    return Layer(
        index=view["attributes"]["title"],
        time=view["attributes"]["timeFieldName"],
        conditions=read_kuery(lens["attributes"]["state"]["query"]),
        columns={id: layer["columns"][id] for id in layer["columnOrder"]},
    )


def read_kuery(query: Mapping[str, str]) -> dict[str, list[str]]:
    """The conditions of a query of the form `field : "a" and other : ("b" or "c")`."""
    assert query["language"] == "kuery"
    found: dict[str, list[str]] = {}
    for part in filter(None, query["query"].split(" and ")):
        name, colon, values = part.partition(" : ")
        assert colon
        assert re.fullmatch(r'"[^"]+"|\("[^"]+"( or "[^"]+")+\)', values), values
        found[name] = re.findall(r'"([^"]+)"', values)
    return found


# As Kibana asks


def asked(client: Elasticsearch, layer: Layer, window: Window) -> Rows:
    """The rows of a chart, from Elasticsearch."""
    filters = [*_filters(layer.conditions), _within(layer.time, window)]
    return dict(_rows(client, layer, window, filters, layer.buckets))


def filters_of(conditions: Mapping[str, Sequence[str]], time: str, window: Window) -> list[Any]:
    """What Kibana puts beside any request of a panel."""
    return [*_filters(conditions), _within(time, window)]


def _rows(
    client: Elasticsearch,
    layer: Layer,
    window: Window,
    filters: list[Any],
    buckets: Sequence[tuple[str, Mapping[str, Any]]],
) -> Iterator[OneRow]:
    answer = client.search(
        index=layer.index,
        size=0,
        track_total_hits=True,
        query={"bool": {"filter": filters}},
        aggregations=_aggregations(layer, buckets, window),
    )
    top = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    yield from _read(top, buckets, layer, ())
    if buckets and buckets[0][1]["params"].get("otherBucket"):
        # Another request, for which the keys of the first must be known.
        id, column = buckets[0]
        keys = [bucket["key"] for bucket in answer["aggregations"][id]["buckets"]]
        left = [*filters, _none_of(column["sourceField"], keys)]
        for row, metrics in _rows(client, layer, window, left, buckets[1:]):
            if metrics[0]:
                yield (OTHER, *row), metrics


def _aggregations(
    layer: Layer, buckets: Sequence[tuple[str, Mapping[str, Any]]], window: Window
) -> dict[str, Any]:
    if not buckets:
        return {
            id: {_METRICS[column["operationType"]]: {"field": column["sourceField"]}}
            for id, column in layer.metrics
            if column["operationType"] != "count"
        }
    (id, column), *inner = buckets
    params, field = column["params"], column["sourceField"]
    if column["operationType"] == "terms":
        by = params["orderBy"]["columnId"]
        counted = layer.columns[by]["operationType"] == "count"
        how: dict[str, Any] = {
            "field": field,
            "size": params["size"],
            "order": {"_count" if counted else by: params["orderDirection"]},
        }
        if params["missingBucket"]:
            how["missing"] = MISSING
        metrics = {} if counted else _aggregations(layer, [], window)
        return {id: {"terms": how, "aggs": {**metrics, **_aggregations(layer, inner, window)}}}
    # Over a window of a hundred days, `auto` is a day, too.
    assert params["interval"] in ("auto", "1d")
    bounds = {"min": date_text(window.start), "max": date_text(window.end)}
    days = {
        "field": field,
        "calendar_interval": "1d",
        "time_zone": "UTC",
        "min_doc_count": 0 if params["includeEmptyRows"] else 1,
        "extended_bounds": bounds,
    }
    return {id: {"date_histogram": days, "aggs": _aggregations(layer, inner, window)}}


def _read(
    bucket: Mapping[str, Any],
    buckets: Sequence[tuple[str, Mapping[str, Any]]],
    layer: Layer,
    row: Row,
) -> Iterator[OneRow]:
    if not buckets:
        if bucket["doc_count"] or not row:
            yield (
                row,
                tuple(
                    bucket["doc_count"]
                    if column["operationType"] == "count"
                    else bucket[id].get("value_as_string", bucket[id]["value"])
                    for id, column in layer.metrics
                ),
            )
        return
    (id, column), *inner = buckets
    for one in bucket[id]["buckets"]:
        is_day = column["operationType"] == "date_histogram"
        key = one["key_as_string"][:10] if is_day else one["key"]
        yield from _read(one, inner, layer, (*row, key))


def _filters(conditions: Mapping[str, Sequence[str]]) -> list[Any]:
    return [
        {
            "bool": {
                "should": [{"match_phrase": {name: value}} for value in values],
                "minimum_should_match": 1,
            }
        }
        for name, values in conditions.items()
    ]


def _within(time: str, window: Window) -> dict[str, Any]:
    return {"range": {time: {"gte": date_text(window.start), "lte": date_text(window.end)}}}


def _none_of(field: str, keys: Sequence[str]) -> dict[str, Any]:
    there = [{"exists": {"field": field}}] if MISSING in keys else []
    shown = [{"match_phrase": {field: key}} for key in keys if key != MISSING]
    return {"bool": {"filter": there, "must_not": shown}}


# As our stores count


def counted(store: Counts, layer: Layer, window: Window, same: str) -> Rows:
    """The rows of a chart, from a store. `same` is a keyword field with one value in all."""
    query = Query(
        terms=layer.conditions,
        ranges={layer.time: Range(window.start, window.end)},
        order=layer.time,
        size=1,
    )
    counting = _Counting(store, layer, window, same)
    return dict(counting.rows(query, [column for _, column in layer.buckets]))


@dataclass(frozen=True)
class _Counting:
    store: Counts
    layer: Layer
    window: Window
    same: str

    def rows(self, query: Query, buckets: Sequence[Mapping[str, Any]]) -> Iterator[OneRow]:
        if not buckets:
            yield (), tuple(self.metric(query, column) for _, column in self.layer.metrics)
            return
        column, *inner = buckets
        if column["operationType"] == "date_histogram":
            assert not inner
            yield from self.days(query, column["sourceField"])
            return
        field, params = column["sourceField"], column["params"]
        values = {bucket.key: bucket.count for bucket in self.store.count(query, by=field)}
        if params["missingBucket"]:
            values[MISSING] = self.store.count(query)[0].count - sum(values.values())
        ranked = sorted(filter(values.get, values), key=lambda key: (-values[key], key))
        for key in ranked[: params["size"]]:
            for row, metrics in self.rows_with(query, field, key, inner):
                yield (key, *row), metrics
        if params["otherBucket"]:
            # A document has one of the values, so the rest is the sum over them.
            rest: Counter[Row] = Counter()
            for key in ranked[params["size"] :]:
                for row, (number,) in self.rows_with(query, field, key, inner):
                    rest[row] += number
            yield from (((OTHER, *row), (number,)) for row, number in rest.items())

    def days(self, query: Query, field: str) -> Iterator[OneRow]:
        for bucket in self.store.count(query, by=field):
            day = datetime.fromisoformat(f"{bucket.key}T00:00+00:00")
            start, end = max(day, self.window.start), day + timedelta(days=1)
            its = replace(query, ranges={field: Range(start, min(end, self.window.end))})
            for _, metrics in self.rows(its, ()):
                yield (bucket.key,), metrics

    def rows_with(
        self, query: Query, field: str, key: str, inner: Sequence[Mapping[str, Any]]
    ) -> Iterator[OneRow]:
        """The rows of the documents with one value, or with none: those are all but the others."""
        if key != MISSING:
            assert field not in query.terms
            yield from self.rows(replace(query, terms={**query.terms, field: [key]}), inner)
            return
        values = [bucket.key for bucket in self.store.count(query, by=field)]
        having = replace(query, terms={**query.terms, field: values})
        those = dict(self.rows(having, inner)) if values else {}
        for row, (number,) in self.rows(query, inner):
            if number > (found := those.get(row, (0,))[0]):
                yield row, (number - found,)

    def metric(self, query: Query, column: Mapping[str, Any]) -> Any:
        field = column["sourceField"]
        match column["operationType"]:
            case "count":
                return self.store.count(query)[0].count
            case "unique_count":
                return len(self.store.count(query, by=field))
            case "average":
                found = self.store.measure(query, field, by=self.same)
                return found[0].mean if found else None
            case "max":
                found = self.store.search(replace(query, size=10_000)).documents
                return max((one[field] for one in found if field in one), default=None)
        raise AssertionError(column["operationType"])
