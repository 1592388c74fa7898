"""Saved objects of Kibana, in the form that every Kibana 9 takes: plain dictionaries, a line each.

Each type is written in an older version of its form, which Kibana brings up to date itself. Ids are
fixed, so that another import replaces what the last one made; they begin with the namespace of the
store, so that two deployments don't share them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from detente.kibana.charts import LAYER, Chart, Listing, Only, Panel
from detente.kibana.columns import Unchartable, View, chartable, column_json
from detente.store.elastic_client import DEFAULT_NAMESPACE
from detente.store.fields import Kind

SavedObject = dict[str, Any]

GRID = 48
"""Columns of a dashboard."""

_FORMS = {"index-pattern": "7.11.0", "search": "10.3.0", "lens": "8.9.0", "dashboard": "10.2.0"}
_OPTIONS = {
    "useMargins": True,
    "syncColors": False,
    "syncCursor": True,
    "syncTooltips": False,
    "hidePanelTitles": False,
}
_SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other, equally wide; `height` in units of about 20 pixels."""

    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard: rows of panels on one data view, for the time since `since`."""

    name: str
    title: str
    about: str
    view: View
    since: str
    rows: tuple[Row, ...]


def titled(what: str, namespace: str) -> str:
    """What Kibana shows as a name; the namespace only where it isn't the usual one."""
    return f"Détente: {what}" + ("" if namespace == DEFAULT_NAMESPACE else f" ({namespace})")


def objects_of(dashboard: Dashboard, namespace: str) -> list[SavedObject]:
    """A dashboard with its panels and its data view. Raises Unchartable."""
    panels = [
        _panel_object(panel, dashboard, namespace) for row in dashboard.rows for panel in row.panels
    ]
    return [data_view(dashboard.view), *panels, _dashboard_object(dashboard, namespace, panels)]


def data_view(view: View) -> SavedObject:
    """What charts and Discover read from. Raises Unchartable where its time field is no date."""
    chartable(view, view.time, (Kind.DATE,), "time")
    formats = {view.field(name).name: {"id": "url"} for name in view.links}
    attributes = {
        "title": view.index,
        "name": view.name,
        "timeFieldName": view.time,
        "fields": "[]",
        "fieldAttrs": "{}",
        "fieldFormatMap": json.dumps(formats),
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
        "typeMeta": "{}",
    }
    return _saved("index-pattern", view.id, attributes, [])


def lens(id: str, chart: Chart, view: View, about: str = "") -> SavedObject:
    """A Lens chart. Raises Unchartable for a field that it can't draw."""
    roles = list(chart.columns)
    ordered_by = next(role for role in roles if not chart.columns[role].is_bucket)
    layer = {
        "columnOrder": roles,
        "incompleteColumns": {},
        "columns": {
            role: column_json(column, view, ordered_by) for role, column in chart.columns.items()
        },
    }
    attributes = {
        "title": chart.title,
        "description": about,
        "visualizationType": chart.drawn_as,
        "state": {
            "query": _query(chart.only, view),
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
            "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
            "visualization": dict(chart.drawing),
        },
    }
    reference = _reference(f"indexpattern-datasource-layer-{LAYER}", "index-pattern", view.id)
    return _saved("lens", id, attributes, [reference])


def saved_search(id: str, listing: Listing, view: View, about: str = "") -> SavedObject:
    """A table of documents, newest first. Raises Unchartable for a field that it can't show."""
    for name in listing.fields:
        if view.field(name).kind is Kind.NESTED:
            raise Unchartable(f"{name!r} is nested: a column shows a flat field")
    attributes = {
        "title": listing.title,
        "description": about,
        "columns": list(listing.fields),
        "sort": [[view.time, "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": json.dumps(
                {"query": _query(listing.only, view), "filter": [], "indexRefName": _SOURCE}
            )
        },
    }
    return _saved("search", id, attributes, [_reference(_SOURCE, "index-pattern", view.id)])


def ndjson(objects: Iterable[SavedObject]) -> bytes:
    """The objects as a file to import."""
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in objects]
    return "".join(lines).encode()


def _panel_object(panel: Panel, dashboard: Dashboard, namespace: str) -> SavedObject:
    id = f"{namespace}-{dashboard.name}-{panel.name}"
    about = f"On the dashboard “{dashboard.title}”."
    if isinstance(panel, Chart):
        return lens(id, panel, dashboard.view, about)
    return saved_search(id, panel, dashboard.view, about)


def _dashboard_object(
    dashboard: Dashboard, namespace: str, panels: Sequence[SavedObject]
) -> SavedObject:
    shown, references = [], []
    for number, (place, panel) in enumerate(zip(_places(dashboard.rows), panels, strict=True), 1):
        index = f"p{number}"
        shown.append(
            {
                "type": panel["type"],
                "gridData": {**place, "i": index},
                "panelIndex": index,
                "embeddableConfig": {"enhancements": {}},
                "panelRefName": f"panel_{index}",
            }
        )
        references.append(_reference(f"{index}:panel_{index}", panel["type"], panel["id"]))
    attributes = {
        "title": dashboard.title,
        "description": dashboard.about,
        "version": 1,
        "panelsJSON": json.dumps(shown),
        "optionsJSON": json.dumps(_OPTIONS),
        "timeRestore": True,
        "timeFrom": dashboard.since,
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 60_000},
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": json.dumps({"query": _kuery(""), "filter": []})
        },
    }
    return _saved("dashboard", f"{namespace}-{dashboard.name}", attributes, references)


def _places(rows: Iterable[Row]) -> Iterator[dict[str, int]]:
    """Where each panel stands: the rows below each other, a row's panels side by side."""
    y = 0
    for row in rows:
        edges = [GRID * number // len(row.panels) for number in range(len(row.panels) + 1)]
        for left, right in pairwise(edges):
            yield {"x": left, "y": y, "w": right - left, "h": row.height}
        y += row.height


def _query(only: Only, view: View) -> dict[str, str]:
    """The documents that a chart is on, in Kibana's own language."""
    parts = []
    for name, values in only.items():
        chartable(view, name, (Kind.KEYWORD, Kind.KEYWORDS), "a condition")
        wanted = " or ".join(f'"{_escaped(value)}"' for value in values)
        parts.append(f"{name} : {wanted}" if len(values) == 1 else f"{name} : ({wanted})")
    return _kuery(" and ".join(parts))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _kuery(text: str) -> dict[str, str]:
    return {"query": text, "language": "kuery"}


def _reference(name: str, type: str, id: str) -> dict[str, str]:
    return {"name": name, "type": type, "id": id}


def _saved(
    type: str, id: str, attributes: dict[str, Any], references: list[dict[str, str]]
) -> SavedObject:
    return {
        "type": type,
        "id": id,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": _FORMS[type],
        "attributes": attributes,
        "references": references,
    }
