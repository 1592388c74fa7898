"""History into a new generation of indices, swapped in under the readers' feet with no gap.

1. The alias of the coming generation is made: from then on every writer writes to both (see
   `store.elastic`), and what a writer had reported before is in the indices that are read now.
2. Those are read through and copied, changed where need be, but never over what a writer has put
   there meanwhile.
3. What the writers put there is changed where need be, until nothing is left to change.
4. The readers' alias moves, in one step. A writer finds that out after its write, and writes again.

It may be killed at any instant and called again: it goes on with the generation that it finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from elasticsearch import Elasticsearch

from detente.errors import ConfigError
from detente.store.base import Change, Document, OnProgress
from detente.store.changes import BATCH, change_what_came_meanwhile, differing
from detente.store.elastic import ElasticStore
from detente.store.mapping import Generation


def rebuild(store: ElasticStore, change: Change, on_progress: OnProgress) -> list[str]:
    """See `detente.store.base.ArticleStore.rebuild`."""
    current = store.indices.standing()
    if current is None:
        raise ConfigError(f"there is no alias {store.alias!r} yet; run `detente prepare` once")
    coming = store.indices.begin(current)
    done = 0
    for documents in _read(store.client, f"{current}-*"):
        done += len(documents)
        _copy(store, documents, coming, change)
        on_progress(done)
    told = [f"{done:,} documents read from {current}"]
    told += change_what_came_meanwhile(lambda: _renew_all(store, coming, change))
    store.indices.swap(current, coming)
    told.append(f"alias {store.alias}: now {coming}")
    told.append(f"{current} is kept; `detente reindex --drop` deletes it")
    return told


def _copy(
    store: ElasticStore, documents: Sequence[Document], coming: Generation, change: Change
) -> None:
    """Write what the coming generation hasn't at this revision or a newer one."""
    there = store.revisions([str(document["id"]) for document in documents], coming)
    missing = [d for d in documents if there.get(str(d["id"]), 0) < d["revision"]]
    _write(store, change(missing), coming, versions="external")


def _renew_all(store: ElasticStore, coming: Generation, change: Change) -> int:
    renewed = 0
    for documents in _read(store.client, f"{coming}-*"):
        changed = change(documents)
        places = differing(documents, changed)
        _write(store, [changed[place] for place in places], coming, versions="external_gte")
        renewed += len(places)
    return renewed


def _write(
    store: ElasticStore, documents: Sequence[Document], coming: Generation, versions: str
) -> None:
    if not documents:
        return
    outcomes = store.write_anew(documents, coming, versions)
    refused = [one.reason for one in outcomes.values() if one.result == "rejected"]
    if refused:
        raise ConfigError(f"{coming} refuses a document: {refused[0]}")


def _read(client: Elasticsearch, indices: str) -> Iterator[Sequence[Document]]:
    """All documents of these indices as they are now, in batches."""
    client.indices.refresh(index=indices)
    pit = client.open_point_in_time(index=indices, keep_alive="10m")["id"]
    try:
        after = None
        while True:
            page = client.search(
                pit={"id": pit, "keep_alive": "10m"},
                sort=["_shard_doc"],
                search_after=after,
                size=BATCH,
                track_total_hits=False,
                allow_partial_search_results=False,
            )
            hits = page["hits"]["hits"]
            if not hits:
                return
            pit, after = page["pit_id"], hits[-1]["sort"]
            yield [hit["_source"] for hit in hits]
    finally:
        client.close_point_in_time(id=pit)
