"""Kibana's objects: in form, on fields that are there, and counting what our own stores count."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from elasticsearch import Elasticsearch

from detente.alerts.mirror import Mirror
from detente.alerts.mirrored import FIELDS as ALERT_FIELDS
from detente.kibana import kibana_objects, ndjson
from detente.kibana.charts import Listing, along, donut, metric
from detente.kibana.columns import (
    Column,
    Unchartable,
    View,
    average,
    count,
    daily,
    distinct,
    latest,
    top,
)
from detente.kibana.objects import GRID, data_view, lens, saved_search
from detente.settings import ElasticsearchSettings
from detente.store.base import ArticleStore, Query, Range
from detente.store.elastic import ElasticStore
from detente.store.fields import BY_NAME
from detente.store.mapping import mappings, strict_mapping
from detente.store.sqlite import SqliteStore
from tests.contracts.store import eventually
from tests.lens import Layer, Window, asked, counted, filters_of, read_kuery, read_layer
from tests.queries import START, random_document
from tests.servers import Server, namespaces
from tests.told import Told

SIDES = ("USA", "RUS")
OBJECTS = kibana_objects("detente", SIDES)
MAPPINGS = {"detente-articles": mappings(), "detente-alerts": strict_mapping(ALERT_FIELDS)}

# Not all of the days that there is something on, and on both ends a part of one.
WINDOW = Window(START + timedelta(days=2, hours=7), START + timedelta(days=48, hours=9))


def of_type(type: str, objects: Sequence[Mapping[str, Any]] = OBJECTS) -> dict[str, Any]:
    return {one["id"]: one for one in objects if one["type"] == type}


VIEWS, LENSES = of_type("index-pattern"), of_type("lens")
LISTINGS, DASHBOARDS = of_type("search"), of_type("dashboard")


# In form


def test_what_there_is() -> None:
    assert {one["attributes"]["title"] for one in VIEWS.values()} == set(MAPPINGS)
    assert list(DASHBOARDS) == ["detente-relations", "detente-coverage", "detente-alerts"]
    drawn = Counter(one["attributes"]["visualizationType"] for one in LENSES.values())
    assert set(drawn) == {"lnsMetric", "lnsXY", "lnsDatatable", "lnsPie", "lnsHeatmap"}
    assert set(LISTINGS) == {"detente-relations-latest", "detente-alerts-latest"}


def test_every_line_of_the_file_is_an_object_and_no_id_is_there_twice() -> None:
    lines = ndjson(OBJECTS).decode().splitlines()
    assert [json.loads(line) for line in lines] == OBJECTS
    assert len({one["id"] for one in OBJECTS}) == len(OBJECTS)
    assert all(one["id"].startswith("detente-") for one in OBJECTS)


def test_objects_are_of_a_version_that_every_kibana_9_takes() -> None:
    versions = {(one["type"], one["typeMigrationVersion"]) for one in OBJECTS}
    assert versions == {
        ("index-pattern", "7.11.0"),
        ("search", "10.3.0"),
        ("lens", "8.9.0"),
        ("dashboard", "10.2.0"),
    }
    assert {one["coreMigrationVersion"] for one in OBJECTS} == {"8.8.0"}


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: one["id"])
def test_every_reference_resolves_and_every_inner_text_parses(one: dict[str, Any]) -> None:
    known = {(other["type"], other["id"]) for other in OBJECTS}
    for reference in one["references"]:
        assert (reference["type"], reference["id"]) in known
    for text in inner_texts(one["attributes"]):
        json.loads(text)
    names = [reference["name"] for reference in one["references"]]
    assert len(set(names)) == len(names)


def inner_texts(value: Any) -> Iterator[str]:
    """What Kibana keeps as JSON within JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("JSON") or name in ("fields", "fieldAttrs", "fieldFormatMap"):
                yield inner
            yield from inner_texts(inner)


@pytest.mark.parametrize("one", LENSES.values(), ids=LENSES)
def test_every_field_of_a_chart_is_in_the_mapping_and_of_its_kind(one: dict[str, Any]) -> None:
    layer = read_layer(one, VIEWS)
    properties = MAPPINGS[layer.index]["properties"]
    for name in layer.conditions:
        assert properties[name] == {"type": "keyword"}
    for column in layer.columns.values():
        if column["operationType"] == "count":
            assert column["sourceField"] == "___records___"
            continue
        about = properties[column["sourceField"]]
        type = {"long": "number", "double": "number", "keyword": "string"}.get(
            about["type"], "date"
        )
        is_number = column["operationType"] in ("average", "unique_count")
        assert column["dataType"] == ("number" if is_number else type)
        assert about.get("index", True), "it is kept, but not searched"


@pytest.mark.parametrize("one", LENSES.values(), ids=LENSES)
def test_what_is_drawn_are_the_columns_of_the_layer(one: dict[str, Any]) -> None:
    layer = read_layer(one, VIEWS)
    drawn = json.dumps(one["attributes"]["state"]["visualization"])
    for id in layer.columns:
        assert f'"{id}"' in drawn
    buckets = [id for id, _ in layer.buckets]
    assert list(layer.columns)[: len(buckets)] == buckets, "buckets come first"
    for _, column in layer.buckets:
        if column["operationType"] == "terms":
            assert column["params"]["orderBy"]["columnId"] in dict(layer.metrics)


@pytest.mark.parametrize("one", LISTINGS.values(), ids=LISTINGS)
def test_every_field_of_a_listing_is_in_the_mapping(one: dict[str, Any]) -> None:
    (reference,) = one["references"]
    properties = MAPPINGS[VIEWS[reference["id"]]["attributes"]["title"]]["properties"]
    attributes = one["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["indexRefName"] == reference["name"]
    for name in (*attributes["columns"], *read_kuery(source["query"])):
        assert name in properties
    ((time, order),) = attributes["sort"]
    assert (properties[time], order) == ({"type": "date"}, "desc")


@pytest.mark.parametrize("one", VIEWS.values(), ids=VIEWS)
def test_every_field_of_a_data_view_is_in_the_mapping(one: dict[str, Any]) -> None:
    properties = MAPPINGS[one["attributes"]["title"]]["properties"]
    assert properties[one["attributes"]["timeFieldName"]] == {"type": "date"}
    assert set(json.loads(one["attributes"]["fieldFormatMap"])) <= set(properties)


@pytest.mark.parametrize("one", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_fill_the_grid_and_never_overlap(one: dict[str, Any]) -> None:
    panels = json.loads(one["attributes"]["panelsJSON"])
    references = {reference["name"]: reference for reference in one["references"]}
    covered: Counter[tuple[int, int]] = Counter()
    for panel in panels:
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        name = f"{panel['panelIndex']}:{panel['panelRefName']}"
        assert references.pop(name)["type"] == panel["type"]
        covered.update(
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        )
    assert not references, "referred to, but not shown"
    assert set(covered.values()) == {1}
    height = max(y for _, y in covered) + 1
    assert len(covered) == GRID * height


def test_two_deployments_share_no_object() -> None:
    other = kibana_objects("staging", ("CHN", "TWN"))
    assert {one["id"] for one in other}.isdisjoint({one["id"] for one in OBJECTS})
    titles = {one["attributes"]["title"] for one in of_type("dashboard", other).values()}
    assert "Détente: relations (staging)" in titles
    assert "CHN toward TWN" in ndjson(other).decode()


# Fields that can't be charted

ARTICLES = View("v", "detente-articles", "Articles", "first_seen", BY_NAME)


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (top("colour", "Colour"), "detente-articles has no field 'colour'; there are abstained, "),
        (top("body", "Body"), "'body' is text, no field for terms: words aren't values"),
        (top("dyads", "Dyads"), "'dyads' is nested, no field for terms: Lens can't look into"),
        (top("published_claim", "Claim"), "is stored, no field for terms: it is kept, but not"),
        (top("length", "Length"), "'length' is long, no field for terms: that takes one of keyw"),
        (average("source", "Source"), "no field for average: that takes one of long, double"),
        (latest("source", "Source"), "no field for max: that takes one of long, double, date"),
        (daily("length"), "no field for date_histogram: that takes one of date"),
        (distinct("title", "Title"), "'title' is text, no field for unique_count"),
        (top("issues", "Issue", rest=True), "'issues' has several values in a document"),
    ],
)
def test_a_field_that_cant_be_charted_says_why(column: Column, problem: str) -> None:
    chart = (
        along("c", "C", column, count("Articles")) if column.is_bucket else metric("c", "C", column)
    )
    with pytest.raises(Unchartable) as refused:
        lens("id", chart, ARTICLES)
    assert problem in str(refused.value)


def test_conditions_columns_and_time_are_looked_up_as_well() -> None:
    by = top("source", "Source")
    with pytest.raises(Unchartable, match="'body' is text, no field for a condition"):
        lens("id", donut("c", "C", by, count("Articles"), {"body": ("visas",)}), ARTICLES)
    with pytest.raises(Unchartable, match="no field 'colour'"):
        saved_search("id", Listing("l", "L", ("title", "colour")), ARTICLES)
    with pytest.raises(Unchartable, match="'stances' is nested: a column shows a flat field"):
        saved_search("id", Listing("l", "L", ("title", "stances")), ARTICLES)
    with pytest.raises(Unchartable, match="'source' is keyword, no field for time"):
        data_view(View("v", "detente-articles", "Articles", "source", BY_NAME))


def test_a_condition_is_quoted() -> None:
    only = {"speakers": ('Dwayne "The Rock"', "back\\slash")}
    made = lens("id", metric("c", "C", count("Articles"), only), ARTICLES)
    assert made["attributes"]["state"]["query"]["query"] == (
        r'speakers : ("Dwayne \"The Rock\"" or "back\\slash")'
    )


# On the real Elasticsearch


def article(dice: random.Random, number: int) -> dict[str, Any]:
    """A random document with a value in each field that a chart is on; over fifty days."""
    made = random_document(dice, number)
    dyads = {one["holder"]: one["score"] for one in made["dyads"]}
    added = {
        "first_seen": START + timedelta(hours=4 * number, minutes=dice.randint(0, 239)),
        "assessed": START + timedelta(hours=4 * number, minutes=dice.randint(240, 600)),
        "country": dice.choice(("US", "RU", "GB", "DE", "FR", "QA", "UA", "KZ", "TR", None)),
        "language": dice.choice(("en", "en", "ru", "de", "fr", "uk", "es", "ar", None)),
        "kind": dice.choice((made["kind"], "gov", "igo", "thinktank", "party", "blog", None)),
        "text_origin": dice.choice(("feed", "page", "summary", "title")),
        "published_quality": dice.choice(("claimed", "missing", "future")),
        "wall": dice.choice(("paywall", "consent", None, None)),
        "abstained": dice.choice(("language ru", "too short", None, None)),
        "feed": f"feed-{dice.randint(1, 9)}",
        "model": dice.choice(("keyword", "detente-minilm")),
        "model_revision": dice.choice(("000000000000", "111111111111")),
        "quads": dice.sample(("verbal cooperation", "material conflict", "verbal conflict"), 2),
        "first_toward_second": dyads.get("USA"),
        "second_toward_first": dyads.get("RUS"),
    }
    return {name: value for name, value in {**made, **added}.items() if value is not None}


class Filled(NamedTuple):
    """The same articles in both stores, and alerts; with the objects of their namespace."""

    client: Elasticsearch
    objects: list[dict[str, Any]]
    stores: dict[str, ArticleStore]
    told: Told

    def layer(self, id: str) -> Layer:
        """The layer of the chart that has this id in the usual namespace."""
        own = id.replace("detente-", f"{self.namespace}-", 1)
        return read_layer(
            of_type("lens", self.objects)[own], of_type("index-pattern", self.objects)
        )

    @property
    def namespace(self) -> str:
        return str(self.objects[0]["id"].partition("-")[0])


@pytest.fixture(scope="module")
def filled(elasticsearch: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("kibana")
    dice = random.Random(20261127)
    documents = [article(dice, number) for number in range(300)]
    with namespaces(elasticsearch.address) as new_url:
        url = new_url()
        stores: dict[str, ArticleStore] = {
            "elastic": ElasticStore(url),
            "sqlite": SqliteStore(f"sqlite:///{folder}/articles.sqlite"),
        }
        for store in stores.values():
            store.prepare()
            assert {outcome.result for outcome in store.put(documents)} == {"written"}
            eventually(store, Query(), len(documents))
        told = Told(dice, f"sqlite:///{folder}/alerts.sqlite")
        mirror = Mirror(told.url, url, ElasticsearchSettings(), SIDES)
        assert mirror.turn() == len(told.documents)
        with Elasticsearch(f"http://{elasticsearch.address}") as client:
            namespace = url.partition("namespace=")[2]
            client.indices.refresh(index=f"{namespace}-alerts")
            yield Filled(client, kibana_objects(namespace, SIDES), stores, told)
        mirror.close()
        for store in stores.values():
            store.close()


def of_dashboards(*names: str) -> list[str]:
    return [id for id in LENSES if id.split("-")[1] in names]


@pytest.mark.parametrize("id", of_dashboards("relations", "coverage"))
def test_a_chart_of_articles_shows_what_our_stores_count(filled: Filled, id: str) -> None:
    layer = filled.layer(id)
    shown = asked(filled.client, layer, WINDOW)
    assert shown, "a chart without anything in it shows nothing about itself"
    for store in filled.stores.values():
        assert shown == close_to(counted(store, layer, WINDOW, same="watch"))


@pytest.mark.parametrize("id", of_dashboards("alerts"))
def test_a_chart_of_alerts_shows_what_the_ledger_has(filled: Filled, id: str) -> None:
    layer = filled.layer(id)
    shown = asked(filled.client, layer, WINDOW)
    assert shown
    assert shown == close_to(counted(filled.told, layer, WINDOW, same="same"))


def close_to(rows: dict[Any, tuple[Any, ...]]) -> dict[Any, Any]:
    return {
        row: tuple(pytest.approx(one) if isinstance(one, float) else one for one in metrics)
        for row, metrics in rows.items()
    }


def test_a_saved_search_lists_what_our_stores_find(filled: Filled) -> None:
    ((_, listing),) = (
        found for found in of_type("search", filled.objects).items() if "relations" in found[0]
    )
    attributes = listing["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    conditions = read_kuery(source["query"])
    answer = filled.client.search(
        index=f"{filled.namespace}-articles",
        query={"bool": {"filter": filters_of(conditions, "first_seen", WINDOW)}},
        sort=[{name: order} for name, order in attributes["sort"]],
        size=500,
    )
    hits = answer["hits"]["hits"]
    assert len(hits) > 20
    assert all(set(attributes["columns"]) & set(hit["_source"]) for hit in hits)
    for store in filled.stores.values():
        within = Range(WINDOW.start, WINDOW.end)
        query = Query(terms=conditions, ranges={"first_seen": within}, size=500)
        assert [hit["_id"] for hit in hits] == [one["id"] for one in store.search(query).documents]
