"""The columns of a chart: what is grouped by, counted and measured, in the form that Lens keeps.

    count("Articles")                         how many documents
    average("first_toward_second", "…")       a number's mean; `largest`, `latest`, `distinct` alike
    top("source", "Source", size=20)          the most frequent values of a keyword field
    daily("first_seen"), in_time("first_seen")    days, or whatever fits the width of the screen

A column names a field of a `View`, whose field table says of what kind it is. That is looked up
when the chart is built (`column_json`): a chart on a field that isn't there never comes to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from detente.store.fields import Field, Kind

Operation = Literal["count", "average", "max", "unique_count", "terms", "date_histogram"]

_KEYWORD = (Kind.KEYWORD, Kind.KEYWORDS)
_NUMBER = (Kind.LONG, Kind.DOUBLE)
_BEARS: Mapping[Operation, tuple[Kind, ...]] = {
    "average": _NUMBER,
    "max": (*_NUMBER, Kind.DATE),
    "unique_count": (*_KEYWORD, *_NUMBER, Kind.DATE),
    "terms": (*_KEYWORD, Kind.BOOLEAN),
    "date_histogram": (Kind.DATE,),
}
_DATA_TYPES: Mapping[Kind, str] = {
    Kind.KEYWORD: "string",
    Kind.KEYWORDS: "string",
    Kind.DATE: "date",
    Kind.LONG: "number",
    Kind.DOUBLE: "number",
    Kind.BOOLEAN: "boolean",
}
_RECORDS = "___records___"
"""What Lens calls the documents themselves."""


class Unchartable(ValueError):
    """A field that can't be used so in Kibana; says which, and what could be."""


@dataclass(frozen=True, slots=True)
class View:
    """What Kibana calls a data view: an index or alias, and the table of its fields by name.

    `time` is the date field that the time picker goes by; `links` are fields that are addresses.
    """

    id: str
    index: str
    name: str
    time: str
    fields: Mapping[str, Field]
    links: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """A field by its name. Raises Unchartable."""
        if name not in self.fields:
            known = ", ".join(sorted(self.fields))
            raise Unchartable(f"{self.index} has no field {name!r}; there are {known}")
        return self.fields[name]


@dataclass(frozen=True, slots=True)
class Column:
    """One column, of the values of the field `source` (or of the documents themselves); buckets are
    what is grouped by, the others are metrics."""

    operation: Operation
    label: str
    source: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_bucket(self) -> bool:
        return self.operation in ("terms", "date_histogram")


def count(label: str) -> Column:
    """How many documents."""
    return Column("count", label, params={"emptyAsNull": True})


def average(name: str, label: str, decimals: int = 2) -> Column:
    """A number's mean over the documents that have it."""
    return Column("average", label, name, _decimals(decimals))


def largest(name: str, label: str, decimals: int = 0) -> Column:
    """The largest value of a number."""
    return Column("max", label, name, _decimals(decimals))


def latest(name: str, label: str) -> Column:
    """The latest of a date."""
    return Column("max", label, name)


def distinct(name: str, label: str) -> Column:
    """How many different values."""
    return Column("unique_count", label, name, {"emptyAsNull": True})


def top(name: str, label: str, size: int = 10, *, rest: bool = False) -> Column:
    """The values that lead by the chart's first metric. With `rest` what is below them, and what
    has no value at all, are two more buckets: only for a field of one value, since a document with
    several could be in both."""
    return Column("terms", label, name, {"size": size, "otherBucket": rest, "missingBucket": rest})


def daily(name: str) -> Column:
    """Each day, in the time zone of the browser; a day without documents as well."""
    return _histogram(name, "1d")


def in_time(name: str) -> Column:
    """Hours, days or weeks: what fits the time that is looked at."""
    return _histogram(name, "auto")


def column_json(column: Column, view: View, ordered_by: str) -> dict[str, Any]:
    """A column as Lens keeps it; a `terms` is in the order of the column with the id `ordered_by`.

    Raises Unchartable for a field that isn't there, or can't be used so.
    """
    data_type = "number"
    if column.operation != "count":
        kind = chartable(view, column.source, _BEARS[column.operation], column.operation).kind
        # A count of values, and a mean, are numbers whatever the field is.
        if column.is_bucket or column.operation == "max":
            data_type = _DATA_TYPES[kind]
    params = dict(column.params)
    if column.operation == "terms":
        if column.params["otherBucket"] and view.field(column.source).kind is Kind.KEYWORDS:
            raise Unchartable(
                f"{column.source!r} has several values in a document: no `rest` of it"
            )
        params |= {
            "orderBy": {"type": "column", "columnId": ordered_by},
            "orderDirection": "desc",
            "parentFormat": {"id": "terms"},
        }
    return {
        "label": column.label,
        "customLabel": True,
        "dataType": data_type,
        "operationType": column.operation,
        "sourceField": column.source or _RECORDS,
        "isBucketed": column.is_bucket,
        "scale": {"terms": "ordinal", "date_histogram": "interval"}.get(column.operation, "ratio"),
        "params": params,
    }


def chartable(view: View, name: str, kinds: tuple[Kind, ...], use: str) -> Field:
    """A field of one of these kinds. Raises Unchartable, which says for which use it is none."""
    found = view.field(name)
    if found.kind not in kinds:
        why = {
            Kind.TEXT: "words aren't values that could be counted",
            Kind.NESTED: "Lens can't look into nested objects, chart a flat field beside it",
            Kind.STORED: "it is kept, but not searched",
        }.get(found.kind, f"that takes one of {', '.join(kind.value for kind in kinds)}")
        raise Unchartable(f"{name!r} is {found.kind.value}, no field for {use}: {why}")
    return found


def _histogram(name: str, interval: str) -> Column:
    params = {"interval": interval, "includeEmptyRows": True, "dropPartials": False}
    return Column("date_histogram", "Time", name, params)


def _decimals(number: int) -> dict[str, Any]:
    return {"format": {"id": "number", "params": {"decimals": number}}}
