"""Charts as a dashboard lists them: what each shows, and how Lens draws it.

A chart has one layer. Its columns are known by their roles: `x` (along the axis), `split` (a series
or a row of a heatmap each) and `y1`, `y2` … (the metrics).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from detente.kibana.columns import Column

LAYER = "layer1"

Only = Mapping[str, Sequence[str]]
"""Which documents a chart is on: by keyword field, the values of which they have one."""

Style = Literal["line", "bar_stacked", "area_stacked", "bar_horizontal"]


@dataclass(frozen=True, slots=True)
class Chart:
    """One Lens chart. `columns` are by role, in the order in which they are nested: what comes
    first is grouped by first."""

    name: str
    title: str
    drawn_as: str
    columns: Mapping[str, Column]
    drawing: Mapping[str, Any]
    only: Only = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """A saved search: the latest documents as a table, with these fields."""

    name: str
    title: str
    fields: tuple[str, ...]
    only: Only = field(default_factory=dict)


Panel = Chart | Listing
NO_LIMIT: Only = {}


def metric(name: str, title: str, value: Column, only: Only = NO_LIMIT) -> Chart:
    """One number."""
    drawing = {"layerId": LAYER, "layerType": "data", "metricAccessor": "y1"}
    return Chart(name, title, "lnsMetric", {"y1": value}, drawing, only)


def along(
    name: str,
    title: str,
    x: Column,
    *values: Column,
    split: Column | None = None,
    style: Style = "bar_stacked",
    only: Only = NO_LIMIT,
) -> Chart:
    """Bars, lines or areas along an axis, with a series for each value or for each `split`."""
    # The split first: its leading values are then those of the whole time, and not of each day.
    columns = {**({"split": split} if split else {}), "x": x, **_numbered(values)}
    layer: dict[str, Any] = {
        "layerId": LAYER,
        "layerType": "data",
        "seriesType": style,
        "xAccessor": "x",
        "accessors": list(_numbered(values)),
    }
    if split:
        layer["splitAccessor"] = "split"
    drawing = {
        "legend": {"isVisible": split is not None or len(values) > 1, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "preferredSeriesType": style,
        "layers": [layer],
    }
    return Chart(name, title, "lnsXY", columns, drawing, only)


def ranked(name: str, title: str, by: Column, value: Column, only: Only = NO_LIMIT) -> Chart:
    """Horizontal bars, the longest first."""
    return along(name, title, by, value, style="bar_horizontal", only=only)


def donut(name: str, title: str, by: Column, value: Column, only: Only = NO_LIMIT) -> Chart:
    """Parts of a whole: for a field of one value."""
    layer = {
        "layerId": LAYER,
        "layerType": "data",
        "primaryGroups": ["x"],
        "metrics": ["y1"],
        "numberDisplay": "percent",
        "categoryDisplay": "default",
        "legendDisplay": "default",
        "nestedLegend": False,
    }
    drawing = {"shape": "donut", "layers": [layer]}
    return Chart(name, title, "lnsPie", {"x": by, "y1": value}, drawing, only)


def table(
    name: str, title: str, by: Sequence[Column], *values: Column, only: Only = NO_LIMIT
) -> Chart:
    """A row for each value, or each combination of values; at most two fields."""
    columns = {**dict(zip(("x", "split"), by, strict=False)), **_numbered(values)}
    drawing = {
        "layerId": LAYER,
        "layerType": "data",
        "columns": [{"columnId": id} for id in columns],
    }
    return Chart(name, title, "lnsDatatable", columns, drawing, only)


def heatmap(
    name: str, title: str, x: Column, rows: Column, value: Column, only: Only = NO_LIMIT
) -> Chart:
    """A coloured cell for each value of `x` and each of `rows`."""
    drawing = {
        "shape": "heatmap",
        "layerId": LAYER,
        "layerType": "data",
        "xAccessor": "x",
        "yAccessor": "split",
        "valueAccessor": "y1",
        "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
        "gridConfig": {
            "type": "heatmap_grid",
            "isCellLabelVisible": False,
            "isYAxisLabelVisible": True,
            "isXAxisLabelVisible": True,
            "isYAxisTitleVisible": False,
            "isXAxisTitleVisible": False,
        },
    }
    return Chart(name, title, "lnsHeatmap", {"split": rows, "x": x, "y1": value}, drawing, only)


def _numbered(values: Sequence[Column]) -> dict[str, Column]:
    return {f"y{number}": value for number, value in enumerate(values, 1)}
