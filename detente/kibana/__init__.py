"""Kibana's side, built by code: data views, saved searches, charts and three dashboards."""

from __future__ import annotations

from detente.kibana.alerts import alerts
from detente.kibana.coverage import coverage
from detente.kibana.objects import SavedObject, ndjson, objects_of
from detente.kibana.relations import relations

__all__ = ["SavedObject", "kibana_objects", "ndjson"]


def kibana_objects(namespace: str, sides: tuple[str, str]) -> list[SavedObject]:
    """All objects of a deployment, each once; `sides` are the codes of the watch's two sides."""
    dashboards = (relations(namespace, sides), coverage(namespace), alerts(namespace, sides))
    found = [one for dashboard in dashboards for one in objects_of(dashboard, namespace)]
    # Two dashboards share a data view.
    return list({(one["type"], one["id"]): one for one in found}.values())
