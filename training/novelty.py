"""How well it is told what a later article adds to its story: `python -m training.novelty`.

Over the labelled stories, whose later articles say what is new in them: an actor, an act, a number,
a reversal. The articles are judged by the shipped model and grouped as they are labelled, so that
only the telling is measured. Copies and own articles of other outlets add nothing that somebody
who was told of the story needs to hear of.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, get_args

from detente.alerts.novelty import Facts, New, facts, novelty
from detente.article import CollectedArticle, Source
from detente.document import article_document
from detente.settings import Settings
from detente.store.fields import encoded
from processors.stage import Assessor
from training.labelled import json_lines
from training.stories import DATA
from training.tables import table

_BATCH = 16


class Added(NamedTuple):
    """A later or other article of a story: how it is labelled, and what was found new in it."""

    relation: str
    wanted: frozenset[str]
    found: tuple[New, ...]


def main() -> None:
    added = list(measured())
    print(
        table(
            ("new", "labelled", "of them found", "of the other later ones found"),
            [_of_kind(kind, [one for one in added if one.relation == "later"]) for kind in kinds()],
        )
    )
    print()
    print(
        table(
            ("article", "number", *kinds(), "told as an update"),
            [
                _of_relation(relation, [one for one in added if one.relation == relation])
                for relation in ("later", "own", "official", "copy")
            ],
        )
    )


def kinds() -> tuple[New, ...]:
    """What may be new."""
    return get_args(New)


def measured() -> Iterator[Added]:
    """What is found new in each article but the first of its story, in the order of publication."""
    rows = sorted(json_lines(DATA), key=lambda row: (row["published"], row["id"]))
    before: defaultdict[str, list[tuple[float, Facts]]] = defaultdict(list)
    for row, its in zip(rows, judged(rows), strict=True):
        earlier = before[row["story"]]
        at = datetime.fromisoformat(row["published"]).timestamp()
        if earlier:
            yield Added(row["relation"], frozenset(row.get("new") or ()), novelty(at, its, earlier))
        earlier.append((at, its))


def judged(rows: Sequence[dict[str, Any]]) -> Iterator[Facts]:
    """The facts of each article, as the pipeline finds them."""
    assessor = Assessor(Settings())
    for start in range(0, len(rows), _BATCH):
        batch = [_article(row) for row in rows[start : start + _BATCH]]
        for assessed in assessor.assess(batch):
            yield facts(json.loads(encoded(article_document(assessed, assessor.watch.codes))[1]))


def _article(row: dict[str, Any]) -> CollectedArticle:
    at = datetime.fromisoformat(row["published"])
    return CollectedArticle(
        id=row["id"],
        revision=1,
        identity=f"url:https://{row['outlet']}/{row['id']}",
        url=f"https://{row['outlet']}/{row['id']}",
        title=row["title"],
        body=row["body"],
        language="en",
        published=at,
        first_seen=at,
        collected=at,
        text_origin="feed",
        source=Source(
            feed=row["outlet"],
            outlet=row["outlet"],
            host=row["outlet"],
            country=row["country"],
            kind=row["kind"],
        ),
    )


def _of_kind(kind: New, later: Sequence[Added]) -> tuple[str, ...]:
    counts = Counter((kind in one.wanted, kind in one.found) for one in later)
    labelled, others = counts[True, True] + counts[True, False], sum(counts.values())
    return (
        kind,
        f"{labelled}",
        f"{counts[True, True]}",
        f"{counts[False, True]} of {others - labelled}",
    )


def _of_relation(relation: str, added: Sequence[Added]) -> tuple[str, ...]:
    shares = [sum(kind in one.found for one in added) for kind in kinds()]
    updates = sum(bool(one.found) for one in added)
    return (relation, str(len(added)), *map(str, shares), str(updates))


if __name__ == "__main__":
    main()
