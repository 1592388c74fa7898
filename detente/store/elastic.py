"""The article store on Elasticsearch: a month an index, behind a read alias.

Writes go to the generation that the alias names, and to the next one while `detente reindex`
builds it. Which these are is asked again after each write: where it has changed meanwhile, the
same is written once more, so that what was reported as written is where readers look.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from detente.errors import StoreUnavailable
from detente.settings import ElasticsearchSettings, redact
from detente.store.base import (
    Bucket,
    Change,
    Document,
    Measure,
    OnProgress,
    Page,
    Query,
    WriteOutcome,
)
from detente.store.bulk import Prepared, prepared, send
from detente.store.dsl import Clause, all_of, beyond, clauses, sort
from detente.store.elastic_client import connect, parse_address, patiently, reaching
from detente.store.fields import Kind, UnfitDocument, date_text
from detente.store.indices import Indices, Targets, next_alias
from detente.store.mapping import Generation
from detente.store.query import check_count, check_measure, encode_cursor

_PAGE = 5_000
"""Documents in one answer; the server's own limit is 10,000."""

_SLICE = 250
"""Documents that are written together."""

_AT_ONCE = 4
"""Slices on their way at a time."""

_LOOKUP = 2_500
"""Articles that are looked for together."""

_RECENT = 20_000
"""Articles of which we remember where we wrote them: many more than are written in a second."""

_NOTHING: Mapping[str, Any] = {}


Homes = dict[str, str]
"""By article id, the index that it lives in."""


class ElasticStore:
    """See `detente.store.base.ArticleStore`."""

    def __init__(self, url: str, settings: ElasticsearchSettings | None = None) -> None:
        settings = settings or ElasticsearchSettings()
        _, self.alias = parse_address(url)
        self.client = connect(url, settings)
        self.indices = Indices(self.client, url, self.alias, settings)
        self._url = url
        self._targets: Targets | None = None
        self._recent: OrderedDict[tuple[Generation, str], str] = OrderedDict()
        self._closed = False
        self._pool = ThreadPoolExecutor(_AT_ONCE, "elastic-put")

    def prepare(self) -> list[str]:
        with self._asking():
            return self.indices.prepare()

    def check(self) -> None:
        with self._asking():
            self.indices.check()

    def rebuild(self, change: Change, on_progress: OnProgress) -> list[str]:
        from detente.store.reindex import rebuild

        with self._asking():
            self.indices.check_server()
            return rebuild(self, change, on_progress)

    def drop_old(self) -> list[str]:
        """Delete the generations before the one that readers see; gives the indices' names."""
        with self._asking():
            return self.indices.drop_old()

    # Writing

    def put(self, documents: Sequence[Document]) -> Sequence[WriteOutcome]:
        outcomes: dict[int, WriteOutcome] = {}
        with self._asking():
            targets = self._targets or self.indices.targets()
            while documents:
                outcomes = self._put(documents, targets)
                self._targets = self.indices.targets()
                if self._targets == targets:
                    break
                targets = self._targets
        return [outcomes[place] for place in range(len(documents))]

    def _put(self, documents: Sequence[Document], targets: Targets) -> dict[int, WriteOutcome]:
        """Many documents go in slices: the next is made ready while the server works on others."""
        outcomes: dict[int, WriteOutcome] = {}
        homes = {one: self._homes(documents, one) for one in targets if one is not None}
        # But of one article's revisions the last one must come last.
        apart = len({document.get("id") for document in documents}) == len(documents)
        size = _SLICE if apart else len(documents)
        sent: list[Future[dict[int, WriteOutcome]]] = []
        for start in range(0, len(documents), size):
            fit: list[Prepared] = []
            for place in range(start, min(start + size, len(documents))):
                try:
                    fit.append(prepared(place, documents[place]))
                except UnfitDocument as error:
                    id = str(documents[place].get("id", ""))
                    outcomes[place] = WriteOutcome(id, "rejected", str(error))
            if len(documents) <= size:
                return outcomes | self._put_slice(fit, targets, homes)
            sent.append(self._pool.submit(self._put_slice, fit, targets, homes))
        wait(sent)
        for part in sent:
            outcomes |= part.result()
        return outcomes

    def _put_slice(
        self, fit: Sequence[Prepared], targets: Targets, homes: Mapping[Generation, Homes]
    ) -> dict[int, WriteOutcome]:
        if targets.coming is not None:
            coming = targets.coming
            self._write(fit, coming, next_alias(self.alias), homes[coming], "external_gte")
        current = targets.current
        return self._write(fit, current, self.alias, homes[current], "external_gte")

    def write_anew(
        self, documents: Sequence[Document], generation: Generation, versions: str
    ) -> dict[int, WriteOutcome]:
        """Write into a generation that is being built; outcomes by place. Raises UnfitDocument."""
        fit = [prepared(place, document) for place, document in enumerate(documents)]
        homes = self._homes(documents, generation)
        return self._write(fit, generation, next_alias(self.alias), homes, versions)

    def _write(
        self,
        fit: Sequence[Prepared],
        generation: Generation,
        alias: str,
        homes: Homes,
        versions: str,
    ) -> dict[int, WriteOutcome]:
        """Write into one generation, whose new months show under `alias`."""
        lines = []
        for one in fit:
            index = homes.get(one.id) or self.indices.month(generation, alias, one.first_seen)
            homes[one.id] = index  # two revisions in one batch are one document
            self._remember(generation, one.id, index)
            lines.append((one, one.action(index, versions)))
        return send(self.client, self._url, lines) if lines else {}

    def _homes(self, documents: Sequence[Document], generation: Generation) -> Homes:
        """The index of each article that isn't stored where its first sight says: it stays where
        it is, though that may be reckoned anew when the collectors' memory was lost.

        A search shows what is older than a second; what is younger, we remember having written.
        """
        ids = {str(document.get("id", "")) for document in documents}
        homes = {id: home for id in ids if (home := self._recent.get((generation, id)))}
        months = {_month(document, generation) for document in documents}
        others = f"{generation}-*"
        if len(months) == 1 and (month := months.pop()):
            others += f",-{month}"  # whatever is in the month that they all belong to, is at home
        unknown = sorted(ids - homes.keys())
        for start in range(0, len(unknown), _LOOKUP):
            for hit in self._found(unknown[start : start + _LOOKUP], others):
                homes[hit["_id"]] = hit["_index"]
        return homes

    def revisions(self, ids: Sequence[str], generation: Generation) -> dict[str, int]:
        """The revision of each of these that a search shows in a generation."""
        return {hit["_id"]: hit["_version"] for hit in self._found(ids, f"{generation}-*")}

    def _found(self, ids: Sequence[str], indices: str) -> list[Mapping[str, Any]]:
        if not ids:
            return []
        answer = self._search(
            indices,
            query={"ids": {"values": list(dict.fromkeys(ids))}},
            source=False,
            version=True,
            size=len(ids),
        )
        hits: list[Mapping[str, Any]] = answer["hits"]["hits"]
        return hits

    def _remember(self, generation: Generation, id: str, index: str) -> None:
        self._recent[generation, id] = index
        self._recent.move_to_end((generation, id))
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    # Reading

    def get(self, id: str) -> Document | None:
        with self._asking():
            indices = list(self.client.indices.get_alias(name=self.alias))
            answer = self.client.mget(docs=[{"_index": index, "_id": id} for index in indices])
        for found in answer["docs"]:
            if found.get("found"):
                document: dict[str, Any] = found["_source"]
                return document
        return None

    def search(self, query: Query) -> Page:
        conditions = clauses(query)
        with self._asking():
            total = self._total(conditions)
            hits: list[Mapping[str, Any]] = []
            after = query.after
            while len(hits) <= query.size:
                wanted = min(query.size + 1 - len(hits), _PAGE)
                found = self._page(conditions, query.order, after, wanted)
                hits += found
                if len(found) < wanted:
                    break
                after = _cursor(found[-1], query.order)
        shown = hits[: query.size]
        more = len(hits) > query.size and shown
        return Page(
            documents=shown,
            total=total,
            next=_cursor(shown[-1], query.order) if more else None,
        )

    def count(self, query: Query, by: str | None = None) -> Sequence[Bucket]:
        conditions = clauses(query)
        if by is None:
            with self._asking():
                return [Bucket("*", self._total(conditions))]
        kind = check_count(by)
        with self._asking():
            found = self._days if kind is Kind.DATE else self._values
            buckets = [Bucket(_key(one), one["doc_count"]) for one in found(conditions, by)]
        return buckets if kind is Kind.DATE else sorted(buckets, key=lambda b: (-b.count, b.key))

    def facets(self, query: Query, fields: Sequence[str]) -> Mapping[str, Sequence[Bucket]]:
        return dict(
            zip(fields, self._pool.map(lambda it: self.count(query, it), fields), strict=True)
        )

    def measure(self, query: Query, field: str, by: str) -> Sequence[Measure]:
        check_measure(field)
        kind, there = check_count(by), {"exists": {"field": field}}
        conditions = [*clauses(query), there]
        inner = {"measured": {"extended_stats": {"field": field}}}
        with self._asking():
            found = self._days if kind is Kind.DATE else self._values
            buckets = [_measure(bucket) for bucket in found(conditions, by, inner)]
        return buckets if kind is Kind.DATE else sorted(buckets, key=lambda m: (-m.count, m.key))

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.shutdown()
            self.client.close()

    def _total(self, conditions: list[Clause]) -> int:
        # Not the count API, which counts what it can reach and says nothing of the rest.
        answer = self._search(self.alias, query=all_of(conditions), size=0, track_total_hits=True)
        return int(answer["hits"]["total"]["value"])

    def _page(
        self, conditions: list[Clause], order: str, after: str | None, size: int
    ) -> list[Mapping[str, Any]]:
        if after is not None:
            conditions = [*conditions, beyond(order, after)]
        answer = self._search(self.alias, query=all_of(conditions), sort=sort(order), size=size)
        return [hit["_source"] for hit in answer["hits"]["hits"]]

    def _values(
        self, conditions: list[Clause], by: str, inner: Mapping[str, Any] = _NOTHING
    ) -> Iterator[Mapping[str, Any]]:
        """All values: a terms aggregation would give the most frequent ones only, and guess."""
        after: Mapping[str, Any] | None = None
        while True:
            composite: dict[str, Any] = {
                "size": 1_000,
                "sources": [{"key": {"terms": {"field": by}}}],
            }
            if after is not None:
                composite["after"] = after
            found = self._aggregated(conditions, {"composite": composite}, inner)
            yield from found["buckets"]
            after = found.get("after_key")
            if after is None:
                return

    def _days(
        self, conditions: list[Clause], by: str, inner: Mapping[str, Any] = _NOTHING
    ) -> Iterator[Mapping[str, Any]]:
        day = {
            "field": by,
            "calendar_interval": "day",
            "format": "yyyy-MM-dd",
            "min_doc_count": 1,
        }
        yield from self._aggregated(conditions, {"date_histogram": day}, inner)["buckets"]

    def _aggregated(
        self, conditions: list[Clause], by: Mapping[str, Any], inner: Mapping[str, Any]
    ) -> Any:
        answer = self._search(
            self.alias,
            query=all_of(conditions),
            size=0,
            aggregations={"found": {**by, "aggregations": inner}},
        )
        return answer["aggregations"]["found"]

    # What these share

    def _search(self, indices: str, track_total_hits: bool = False, **body: Any) -> Any:
        # A part of an answer would be a silent gap.
        return patiently(
            lambda: self.client.search(
                index=indices,
                allow_partial_search_results=False,
                track_total_hits=track_total_hits,
                **body,
            )
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        if self._closed:
            raise StoreUnavailable(f"{redact(self._url)}: this store is closed")
        with reaching(self._url):
            yield


def _month(document: Document, generation: Generation) -> str:
    """The index of a document's month; no index for what will be refused."""
    try:
        return generation.month(date_text(document["first_seen"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return ""


def _cursor(document: Mapping[str, Any], order: str) -> str:
    return encode_cursor(document.get(order, ""), document["id"])


def _key(bucket: Mapping[str, Any]) -> str:
    """The day or the value that a bucket is of."""
    key: str = bucket["key_as_string"] if "key_as_string" in bucket else bucket["key"]["key"]
    return key


def _measure(bucket: Mapping[str, Any]) -> Measure:
    found = bucket["measured"]
    squares = found["sum_of_squares"] / found["count"]
    return Measure.of(_key(bucket), bucket["doc_count"], found["avg"], squares)
