"""The store contract: every clause of `detente.store.base`, run over each backend.

A backend's test module subclasses `StoreContract` and gives the class-scoped fixture
`new_store_url`: a function to the address of an empty store, which may be opened any number of
times.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from detente.alerts.match import Article, Matcher
from detente.errors import ConfigError
from detente.store import open_store
from detente.store.base import ArticleStore, Bucket, Document, Query, Range
from detente.store.expression import parse_expression
from detente.store.fields import MAX_KEYWORD, encoded
from tests.queries import random_document, random_queries

NewUrl = Callable[[], str]

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def document(id: str, **changes: Any) -> dict[str, Any]:
    """A complete document of our own making."""
    return {
        "id": id,
        "revision": 1,
        "identity": f"url:https://sample.example/{id}",
        "url": f"https://sample.example/{id}",
        "title": "Envoys meet",
        "body": "Nothing much was said.",
        "text_origin": "feed",
        "source": "sample.example",
        "outlet": "The Sample",
        "feed": "sample",
        "published": EPOCH,
        "published_quality": "claimed",
        "first_seen": EPOCH,
        "collected": EPOCH,
        "assessed": EPOCH,
        "watch": "usa-rus",
        "model": "keyword",
        "model_revision": "000000000000",
        "relevance": "core",
        "relevance_score": 0.9,
        **changes,
    }


def dyad(holder: str, target: str, score: float) -> dict[str, Any]:
    label = "adversarial" if score < 0 else "cooperative"
    return {"holder": holder, "target": target, "label": label, "score": score, "sentences": 1}


def ids(store: ArticleStore, query: Query) -> list[str]:
    return [found["id"] for found in store.search(query).documents]


def eventually(store: ArticleStore, query: Query, total: int) -> None:
    """Wait until a search finds this many: at most the second that the contract allows."""
    deadline = time.monotonic() + 5.0
    while store.search(query).total != total and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.search(query).total == total


def put(store: ArticleStore, documents: Sequence[dict[str, Any]]) -> list[str]:
    """Write, and wait until a search shows what was written."""
    results = [outcome.result for outcome in store.put(documents)]
    for id in {given["id"] for given in documents}:
        deadline = time.monotonic() + 5.0
        kept = [store.get(id)]
        while (found := list(store.search(Query(terms={"id": [id]})).documents)) != kept:
            assert time.monotonic() < deadline, f"{found} where {kept} belongs"
            time.sleep(0.05)
    return results


def renamed(documents: Sequence[Document]) -> Sequence[Document]:
    """A change: every title says that it was rebuilt."""
    return [
        old if "Rebuilt" in old["title"] else {**old, "title": f"Rebuilt: {old['title']}"}
        for old in documents
    ]


class StoreContract:
    """Subclass per backend, with a class-scoped fixture `new_store_url`."""

    @pytest.fixture
    def store_url(self, new_store_url: NewUrl) -> str:
        return new_store_url()

    @pytest.fixture
    def store(self, store_url: str) -> Iterator[ArticleStore]:
        store = open_store(store_url)
        store.prepare()
        yield store
        store.close()

    @pytest.fixture(scope="class")
    @classmethod
    def shelf(cls, new_store_url: NewUrl) -> Iterator[ArticleStore]:
        """A store with a few documents to search, and nothing else done to it."""
        store = open_store(new_store_url())
        store.prepare()
        store.put(
            [
                document(
                    "a",
                    title="Consulate talks move to a second day",
                    body="Russia's diplomats spoke of visas.\nThe New START treaty came up.",
                    first_seen=EPOCH,
                    actors=["kremlin", "state-department"],
                    issues=["visas", "arms-control"],
                    stance_labels=["RUS>USA:adversarial", "USA>RUS:cooperative"],
                    stance_grades=["RUS>USA:-2", "USA>RUS:1"],
                    dyads=[dyad("RUS", "USA", -0.6), dyad("USA", "RUS", 0.4)],
                    dyad_labels=["RUS>USA:adversarial", "USA>RUS:cooperative"],
                    events=["CONSULT"],
                    kind="state-media",
                    length=62,
                ),
                document(
                    "b",
                    title="Ministry rejects sanctions",
                    body="A sanctioned bank appealed. A start was new to nobody.",
                    first_seen=EPOCH + timedelta(days=1),
                    relevance="peripheral",
                    relevance_score=0.5,
                    actors=["kremlin"],
                    source="other.example",
                ),
                document(
                    "c",
                    title="Переговоры в Москве",
                    body="Дипломаты обсудили санкции и визы.",
                    language="ru",
                    first_seen=EPOCH + timedelta(days=2),
                    published=None,
                    published_quality="missing",
                    relevance=None,
                    relevance_score=None,
                    abstained="language",
                ),
            ]
        )
        eventually(store, Query(), 3)
        yield store
        store.close()

    def test_check_is_content_after_prepare(self, store: ArticleStore) -> None:
        store.check()

    def test_prepare_twice_is_harmless(self, store: ArticleStore) -> None:
        assert put(store, [document("a")]) == ["written"]
        store.prepare()
        assert store.get("a") is not None

    def test_get_gives_what_was_put(self, store: ArticleStore) -> None:
        stance = {
            "holder": "USA",
            "target": "RUS",
            "label": "adversarial",
            "grade": "-1",
            "score": -0.5,
            "confidence": 0.75,
            "part": "body",
            "start": 0,
            "end": 22,
            "text": "Nothing much was said.",
            "quoted": False,
        }
        given = document("a", stances=[stance], authors=["A. Writer", "B. Writer"], kind="wire")
        put(store, [given])
        found = dict(store.get("a") or {})
        for name in ("title", "body", "authors", "kind", "revision", "relevance_score"):
            assert found[name] == given[name]
        assert found["stances"] == [stance]
        assert store.get("absent") is None

    def test_put_twice_is_put_once(self, store: ArticleStore) -> None:
        assert put(store, [document("a")]) == ["written"]
        assert put(store, [document("a"), document("a")]) == ["written", "written"]
        assert [b.count for b in store.count(Query())] == [1]
        assert ids(store, Query(text="envoys")) == ["a"]

    def test_older_revision_never_overwrites(self, store: ArticleStore) -> None:
        put(store, [document("a", revision=3, title="Third")])
        assert put(store, [document("a", revision=2, title="Second")]) == ["stale"]
        assert (store.get("a") or {})["title"] == "Third"
        assert ids(store, Query(text="second")) == []
        assert put(store, [document("a", revision=4, title="Fourth")]) == ["written"]
        eventually(store, Query(text="fourth"), 1)
        assert ids(store, Query(text="third")) == []

    def test_revisions_in_one_batch_end_with_the_newest(self, store: ArticleStore) -> None:
        batch = [document("a", revision=n, title=f"Number {n}") for n in (1, 3, 2)]
        assert put(store, batch) == ["written", "written", "stale"]
        assert (store.get("a") or {})["revision"] == 3

    def test_an_article_is_one_document_whenever_it_was_first_seen(
        self, store: ArticleStore
    ) -> None:
        later = EPOCH + timedelta(days=40)
        assert put(store, [document("a"), document("b", first_seen=later)]) == ["written"] * 2
        assert put(store, [document("a", first_seen=later, title="Later")]) == ["written"]
        assert put(store, [document("a", revision=2, first_seen=EPOCH - timedelta(days=40))])
        eventually(store, Query(), 2)
        assert (store.get("a") or {})["revision"] == 2
        assert put(store, [document("a", first_seen=later)]) == ["stale"]
        assert [bucket.count for bucket in store.count(Query())] == [2]

    def test_an_equal_revision_rewrites(self, store: ArticleStore) -> None:
        put(store, [document("a", relevance="none")])
        put(store, [document("a", relevance="core")])
        eventually(store, Query(terms={"relevance": ["core"]}), 1)
        assert ids(store, Query(terms={"relevance": ["none"]})) == []

    def test_one_bad_document_does_not_sink_its_batch(self, store: ArticleStore) -> None:
        batch = [
            document("a"),
            document("b", surprise=1),
            document("c", revision="two"),
            document("d", published="yesterday"),
            document("e"),
        ]
        outcomes = store.put(batch)
        assert [o.id for o in outcomes] == ["a", "b", "c", "d", "e"]
        assert [o.result for o in outcomes] == [
            "written",
            "rejected",
            "rejected",
            "rejected",
            "written",
        ]
        assert "surprise" in (outcomes[1].reason or "")
        assert "revision" in (outcomes[2].reason or "")
        assert "published" in (outcomes[3].reason or "")
        eventually(store, Query(), 2)

    def test_what_can_not_be_kept_is_rejected(self, store: ArticleStore) -> None:
        outcomes = store.put(
            [
                document("no-title", title=None),
                document("naive", first_seen=datetime(2026, 3, 1)),  # noqa: DTZ001
                document("long-key", outlet="x" * (MAX_KEYWORD + 1)),
                document("nested", stances=[{"holder": "USA"}]),
                document("surrogate", title="\ud800"),
            ]
        )
        assert [o.result for o in outcomes] == ["rejected"] * 5
        assert "time zone" in (outcomes[1].reason or "")
        assert "stances[0].target" in (outcomes[3].reason or "")

    def test_a_large_body_is_kept(self, store: ArticleStore) -> None:
        body = "word " * 200_000 + "needle"
        put(store, [document("a", body=body)])
        assert (store.get("a") or {})["body"] == body
        eventually(store, Query(text="needle"), 1)

    def test_dates_come_back_in_utc(self, store: ArticleStore) -> None:
        moscow = timezone(timedelta(hours=3))
        local = datetime(2026, 3, 1, 1, 30, 0, 250_000, tzinfo=moscow)
        put(store, [document("a", first_seen=local, published="2026-02-28T17:30:00-05:00")])
        found = store.get("a") or {}
        assert found["first_seen"] == "2026-02-28T22:30:00.250Z"
        assert found["published"] == "2026-02-28T22:30:00.000Z"
        assert store.count(Query(), by="first_seen") == [Bucket("2026-02-28", 1)]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ["c", "b", "a"]),
            ("diplomat", ["a"]),
            ("DIPLOMATS visa", ["a"]),
            ("Russia", ["a"]),
            ("sanction", ["b"]),
            ("sanction*", ["b"]),
            ("consul*", ["a"]),
            ('"new start"', ["a"]),
            ("new start", ["b", "a"]),
            ('"start new"', []),
            ("consulate OR ministry", ["b", "a"]),
            ("start NOT treaty", ["b"]),
            ("start -treaty", ["b"]),
            ("NOT start", ["c"]),
            ("(visas OR sanctions) AND treaty", ["a"]),
            ("переговорам", ["c"]),
            ("санкциями виза", ["c"]),
            ("моск*", ["c"]),
            ("second ministry", []),
            ("...", ["c", "b", "a"]),
            ("treaty.", ["a"]),
            ('"treaty new"~0', []),
            ('"treaty new"~1', ["a"]),
            ('"new treaty diplomats"~3', []),
            ('"new treaty diplomats"~5', ["a"]),
            ('"day diplomats"~90', []),
            ("actor:kremlin", ["b", "a"]),
            ("actor:state*", ["a"]),
            ("actor:(kremlin AND state_department)", ["a"]),
            ("NOT actor:kremlin", ["c"]),
            ("issue:arms_control", ["a"]),
            ("issue:arms", []),
            ("source:other.example OR lang:RU", ["c", "b"]),
            ("kind:state*", ["a"]),
            ("NOT kind:state-media", ["c", "b"]),
            ('stance:"RUS>USA"', ["a"]),
            ('stance:"RUS>USA:adversarial" talks', ["a"]),
            ('stance:"USA>RUS:adversarial"', []),
            ('stance:"RUS>USA" <= -1', ["a"]),
            ('stance:"USA>RUS" > 1', []),
            ('dyad:"RUS>USA" < -0.5', ["a"]),
            ('dyad:"RUS>USA" < -0.6', []),
            ('dyad:"USA>RUS:cooperative"', ["a"]),
            ('-dyad:"USA>RUS" > 0', ["c", "b"]),
            ("event:consult", ["a"]),
            ("published:[2026-01-01 TO *]", ["b", "a"]),
            ("NOT published:[* TO 2030-01-01}", ["c"]),
            ("relevance_score:{0.5 TO *]", ["a"]),
            ("relevance_score:[0.5 TO 0.9]", ["b", "a"]),
            ("relevance_score:<0.9", ["b"]),
            ("length:62", ["a"]),
        ],
    )
    def test_words_phrases_and_prefixes(
        self, shelf: ArticleStore, text: str, expected: list[str]
    ) -> None:
        assert ids(shelf, Query(text=text)) == expected

    def test_a_subscription_matches_what_the_same_search_finds(self, store: ArticleStore) -> None:
        """Our matcher, which sees one article at a time, against the engine that has them all."""
        dice = random.Random(7)
        documents = [random_document(dice, number) for number in range(2_000)]
        for start in range(0, len(documents), 500):
            assert set(put(store, documents[start : start + 500])) == {"written"}
        eventually(store, Query(), len(documents))
        articles = [Article(json.loads(encoded(document)[1])) for document in documents]
        queries = list(random_queries(dice, 500))
        matcher = Matcher()
        for number, text in enumerate(queries):
            expression = parse_expression(text)
            assert expression is not None
            matcher.add(str(number), expression)
        found: dict[str, list[str]] = {str(number): [] for number in range(len(queries))}
        for article in articles:
            for id in matcher.match(article):
                found[id].append(str(article.document["id"]))
        matched = 0
        for number, text in enumerate(queries):
            page = store.search(Query(text=text, size=len(documents)))
            assert sorted(one["id"] for one in page.documents) == found[str(number)], text
            matched += bool(page.documents)
        assert matched > 300

    @pytest.mark.parametrize(
        "text",
        [
            *("(unclosed", "title:talks", "talks~2", "t*lks", '"open', "[a TO b]"),
            *("country:>5", "stance:angry", "quote:talks", "story:s1", "NOT (a OR quote:b)"),
        ],
    )
    def test_a_query_that_can_not_be_read(self, shelf: ArticleStore, text: str) -> None:
        with pytest.raises(ConfigError, match="search: "):
            shelf.search(Query(text=text))

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (Query(terms={"relevance": ["core", "peripheral"]}), ["b", "a"]),
            (Query(terms={"actors": ["state-department"]}), ["a"]),
            (Query(terms={"actors": ["kremlin"], "source": ["other.example"]}), ["b"]),
            (Query(terms={"language": ["ru"]}, text="виза"), ["c"]),
            (Query(terms={"relevance": []}), []),
            (Query(prefixes={"source": "other."}), ["b"]),
            (Query(prefixes={"source": "Other."}), []),
            (Query(prefixes={"id": "a"}, terms={"actors": ["state-department"]}), ["a"]),
            (Query(prefixes={"relevance": ""}, text="виза"), []),
            (Query(ranges={"first_seen": Range(start=EPOCH + timedelta(days=1))}), ["c", "b"]),
            (Query(ranges={"first_seen": Range(end=EPOCH + timedelta(days=1))}), ["a"]),
            (Query(ranges={"relevance_score": Range(start=0.5, end=0.9)}), ["b"]),
            (Query(ranges={"published": Range(start=EPOCH)}, order="published"), ["a", "b"]),
            (Query(order="published"), ["a", "b", "c"]),
        ],
    )
    def test_filters(self, shelf: ArticleStore, query: Query, expected: list[str]) -> None:
        assert ids(shelf, query) == expected

    @pytest.mark.parametrize(
        "query",
        [
            Query(terms={"nonsense": ["x"]}),
            Query(prefixes={"actors": "krem"}),
            Query(prefixes={"title": "x"}),
            Query(ranges={"title": Range(start=1.0)}),
            Query(order="title"),
            Query(after="nowhere"),
        ],
    )
    def test_a_filter_that_makes_no_sense(self, shelf: ArticleStore, query: Query) -> None:
        with pytest.raises(ConfigError, match="search: "):
            shelf.search(query)

    @pytest.mark.parametrize("order", ["first_seen", "published"])
    def test_pages_neither_repeat_nor_skip(self, store: ArticleStore, order: str) -> None:
        store.put(
            [
                document(
                    f"n{i:02}",
                    first_seen=EPOCH + timedelta(hours=i // 4),
                    published=None if i % 5 == 0 else EPOCH + timedelta(hours=i // 3),
                )
                for i in range(23)
            ]
        )
        eventually(store, Query(), 23)
        paged: list[str] = []
        after: str | None = None
        while True:
            page = store.search(Query(size=5, after=after, order=order))
            assert page.total == 23
            paged += [found["id"] for found in page.documents]
            after = page.next
            if after is None:
                break
        assert paged == ids(store, Query(size=100, order=order))
        assert len(set(paged)) == len(paged) == 23

    def test_counts(self, shelf: ArticleStore) -> None:
        assert shelf.count(Query()) == [Bucket("*", 3)]
        assert shelf.count(Query(text="sanctions")) == [Bucket("*", 1)]
        assert shelf.count(Query(), by="relevance") == [Bucket("core", 1), Bucket("peripheral", 1)]
        assert shelf.count(Query(), by="actors") == [
            Bucket("kremlin", 2),
            Bucket("state-department", 1),
        ]
        assert shelf.count(Query(), by="first_seen") == [
            Bucket("2026-03-01", 1),
            Bucket("2026-03-02", 1),
            Bucket("2026-03-03", 1),
        ]
        assert shelf.count(Query(), by="published") == [Bucket("2026-03-01", 2)]
        with pytest.raises(ConfigError, match="title"):
            shelf.count(Query(), by="title")

    def test_facets_are_counts(self, store: ArticleStore) -> None:
        dice = random.Random(5)
        put(store, [random_document(dice, number) for number in range(60)])
        fields = ("relevance", "issues", "kind", "country", "actors", "feed", "published")
        for query in (Query(), Query(text="moscow OR talks"), Query(terms={"kind": ["wire"]})):
            found = store.facets(query, fields)
            assert found == {name: store.count(query, name) for name in fields}
            assert list(found) == list(fields)
        assert store.facets(Query(), ()) == {}
        with pytest.raises(ConfigError, match="no keyword and no date"):
            store.facets(Query(), ("body",))

    def test_measures(self, store: ArticleStore) -> None:
        day = timedelta(days=1)
        given = [
            document("a", first_toward_second=0.5, issues=["visas", "visas"]),
            document("b", first_toward_second=-0.5, issues=["visas", "arms"]),
            document("c", first_toward_second=0.25, published=EPOCH + day, relevance="none"),
            document("d", published=EPOCH + day),
            document("e", first_toward_second=0.75, published=None),
        ]
        put(store, given)

        def measured(by: str, query: Query = Query()) -> list[tuple[str, int, float, float]]:  # noqa: B008
            found = store.measure(query, "first_toward_second", by)
            return [(m.key, m.count, round(m.mean, 6), round(m.deviation, 6)) for m in found]

        both = ("2026-03-01", 2, 0.0, 0.707107)
        assert measured("published") == [both, ("2026-03-02", 1, 0.25, 0.0)]
        assert measured("issues") == [("visas", 2, 0.0, 0.707107), ("arms", 1, -0.5, 0.0)]
        core = Query(terms={"relevance": ["core"]}, text="issue:visas")
        assert measured("published", core) == [both]
        with pytest.raises(ConfigError, match="no number field"):
            store.measure(Query(), "title", "published")
        with pytest.raises(ConfigError, match="no keyword and no date"):
            store.measure(Query(), "first_toward_second", "body")

    def test_written_is_there_after_reopening(self, store_url: str) -> None:
        first = open_store(store_url)
        first.prepare()
        first.put([document("a")])
        second = open_store(store_url)
        second.prepare()
        assert (second.get("a") or {})["id"] == "a"
        first.close()
        second.close()

    def test_a_value_of_many_is_counted_exactly(self, store: ArticleStore) -> None:
        """Also beyond what an engine gives of itself: the most frequent ones."""
        hosts = [f"host-{i:04}.example" for i in range(1_200)]
        store.put([document(f"n{i:04}", source=host) for i, host in enumerate(hosts)])
        store.put([document("again", source=hosts[-1])])
        eventually(store, Query(), 1_201)
        counted = store.count(Query(), by="source")
        assert counted[0] == Bucket(hosts[-1], 2)
        assert list(counted[1:]) == [Bucket(host, 1) for host in hosts[:-1]]

    def test_rebuilding_changes_every_document(self, store: ArticleStore) -> None:
        put(store, [document(f"n{i:03}") for i in range(230)])
        told: list[int] = []
        store.rebuild(renamed, told.append)
        eventually(store, Query(text="rebuilt"), 230)
        assert told == sorted(told)
        assert told[-1] == 230
        assert [bucket.count for bucket in store.count(Query())] == [230]
        store.rebuild(renamed, told.append)
        assert [bucket.count for bucket in store.count(Query(text="rebuilt"))] == [230]
        assert put(store, [document("later", title="After")]) == ["written"]
        assert ids(store, Query(text="after")) == ["later"]

    def test_rebuilding_goes_on_beside_readers_and_writers(
        self, store: ArticleStore, store_url: str
    ) -> None:
        put(store, [document(f"n{i:03}") for i in range(230)])
        other = open_store(store_url)
        seen: list[int] = []

        def change(documents: Sequence[Document]) -> Sequence[Document]:
            if not seen:  # while the first batch is being changed
                edited = document("n000", revision=2, title="Edited")
                assert [o.result for o in other.put([edited, document("new")])] == ["written"] * 2
            seen.append(other.count(Query())[0].count)
            return renamed(documents)

        store.rebuild(change, lambda done: None)
        eventually(other, Query(text="rebuilt"), 231)
        assert min(seen) >= 230
        assert (other.get("n000") or {})["revision"] == 2
        assert ids(other, Query(text="edited")) == ["n000"]
        assert [o.result for o in other.put([document("n000")])] == ["stale"]
        other.close()

    def test_rebuilding_can_be_interrupted_and_begun_again(self, store: ArticleStore) -> None:
        put(store, [document(f"n{i:03}") for i in range(230)])
        batches = 0

        def change(documents: Sequence[Document]) -> Sequence[Document]:
            nonlocal batches
            batches += 1
            if batches == 2:
                raise KeyboardInterrupt
            return renamed(documents)

        with pytest.raises(KeyboardInterrupt):
            store.rebuild(change, lambda done: None)
        assert put(store, [document("n001", revision=2, title="Between")]) == ["written"]
        eventually(store, Query(), 230)
        store.rebuild(renamed, lambda done: None)
        eventually(store, Query(text="rebuilt"), 230)
        assert ids(store, Query(text="between")) == ["n001"]

    def test_the_callers_document_is_left_alone(self, store: ArticleStore) -> None:
        given = document("a", language=None)
        before = dict(given)
        store.put([given])
        assert given == before

    def test_close_is_idempotent(self, store_url: str) -> None:
        store = open_store(store_url)
        store.close()
        store.close()
