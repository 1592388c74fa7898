"""Random documents and queries, to hold our matcher against the engines."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

ARTICLES = Path(__file__).parents[1] / "training" / "data" / "articles.jsonl"
START = datetime(2026, 3, 1, tzinfo=UTC)

ACTORS = ("kremlin", "state-department", "vladimir-putin", "donald-trump", "sergei-lavrov")
ISSUES = ("visas", "arms-control", "sanctions", "prisoners")
KINDS = ("state-media", "wire", "independent")
DYADS = ("USA>RUS", "RUS>USA")
WORDS = (
    "Moscow Washington talks sanctions treaty ambassador visas Lavrov Rubio dialogue agreed "
    "rejected prisoners nuclear embassy minister spokesman Kremlin senators drones flights Geneva"
).split()


@cache
def _sentences() -> tuple[list[str], list[str]]:
    rows = [json.loads(line) for line in ARTICLES.read_text("utf-8").splitlines()]
    return [row["title"] for row in rows], [one["text"] for row in rows for one in row["sentences"]]


def random_document(dice: random.Random, number: int) -> dict[str, Any]:
    """A document of invented sentences that have nothing to do with each other."""
    titles, sentences = _sentences()
    quotation = dice.choice(sentences)
    dyads = {toward: round(dice.uniform(-1, 1), 2) for toward in DYADS if dice.random() < 0.6}
    grades = {f"{dice.choice(DYADS)}:{dice.randint(-2, 2)}" for _ in range(dice.randint(0, 3))}
    relevance = dice.choice(("core", "peripheral", "none", None))
    found = {
        "id": f"d{number:05}",
        "revision": 1,
        "identity": f"url:https://sample.example/{number}",
        "url": f"https://sample.example/{number}",
        "title": dice.choice(titles),
        "body": "\n".join(dice.choices(sentences, k=dice.randint(1, 6))),
        "language": dice.choice(("en", "ru")),
        "text_origin": "feed",
        "source": dice.choice(("sample.example", "other.example", "wire.example")),
        "outlet": "The Sample",
        "feed": "sample",
        "country": dice.choice(("US", "RU", None)),
        "kind": dice.choice(KINDS),
        "published": START + timedelta(hours=number % 700) if dice.random() < 0.9 else None,
        "published_quality": "claimed",
        "first_seen": START + timedelta(minutes=number),
        "collected": START + timedelta(minutes=number),
        "assessed": START + timedelta(minutes=number),
        "watch": "usa-rus",
        "model": "keyword",
        "model_revision": "000000000000",
        "relevance": relevance,
        "relevance_score": None if relevance is None else round(dice.random(), 3),
        "length": dice.randint(10, 5_000),
        "actors": dice.sample(ACTORS, dice.randint(0, 3)),
        "issues": dice.sample(ISSUES, dice.randint(0, 2)),
        "stance_grades": sorted(grades),
        "stance_labels": sorted({f"{one[:7]}:{_label(int(one[8:]))}" for one in grades}),
        "dyads": [
            {
                "holder": toward[:3],
                "target": toward[4:],
                "label": _label(score),
                "score": score,
                "sentences": 1,
            }
            for toward, score in dyads.items()
        ],
        "dyad_labels": [f"{toward}:{_label(score)}" for toward, score in dyads.items()],
        "events": dice.sample(("CONSULT", "SANCTION", "ACCUSE"), dice.randint(0, 2)),
        "quotations": [{"kind": "direct", "start": 0, "end": len(quotation), "text": quotation}],
        "speakers": dice.sample(("Sergei Lavrov", "Marco Rubio"), dice.randint(0, 1)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _label(score: float) -> str:
    return "neutral" if score == 0 else "cooperative" if score > 0 else "adversarial"


def random_queries(dice: random.Random, number: int) -> Iterator[str]:
    """Queries of one to about eight parts."""
    for _ in range(number):
        yield _query(dice, dice.choice((0, 1, 1, 2, 2, 3)))


def _query(dice: random.Random, depth: int) -> str:
    if depth == 0 or dice.random() < 0.2:
        return _leaf(dice)
    parts = [_query(dice, depth - 1) for _ in range(dice.randint(2, 3))]
    match dice.choice(("and", "or", "not", "near", "plus")):
        case "and":
            return f"({' AND '.join(parts)})"
        case "or":
            return f"({' OR '.join(parts)})"
        case "not":
            return f"({parts[0]} AND NOT {parts[1]})"
        case "plus":
            return f"(+{parts[0]} -{parts[1]})"
        case _:
            return f"({' '.join(parts)})"


def _leaf(dice: random.Random) -> str:
    _, sentences = _sentences()
    words = [word.strip('.,;:"“”()') for word in dice.choice(sentences).split()]
    words = [word for word in words if word.isalpha()] or ["talks"]
    place = dice.randrange(len(words))
    toward = dice.choice(DYADS)
    leaves: Sequence[str] = (
        dice.choice(WORDS),
        dice.choice(words),
        f"{dice.choice(words)[:4]}*",
        f'"{" ".join(words[place : place + dice.randint(2, 3)])}"',
        f'"{dice.choice(WORDS)} {dice.choice(WORDS)}"~{dice.randint(0, 8)}',
        f'"{" ".join(dice.sample(words, min(3, len(words))))}"~{dice.randint(0, 12)}',
        f"actor:{dice.choice(ACTORS)}",
        f"issue:{dice.choice(ISSUES).replace('-', '_')}",
        f"kind:{dice.choice(KINDS)[:3]}*",
        f"country:{dice.choice(('us', 'ru'))}",
        f'speaker:"{dice.choice(("Sergei Lavrov", "Marco Rubio", "Nobody"))}"',
        f"event:{dice.choice(('consult', 'sanction'))}",
        f'stance:"{toward}"',
        f'stance:"{toward}" {dice.choice(("<=", ">=", "<", ">"))} {dice.randint(-2, 2)}',
        f'stance:"{toward}:adversarial"',
        f'dyad:"{toward}" {dice.choice(("<=", ">", "<"))} {round(dice.uniform(-1, 1), 1)}',
        f'dyad:"{toward}:cooperative"',
        f"published:[2026-03-{dice.randint(1, 20):02} TO 2026-03-{dice.randint(20, 30)}}}",
        f"relevance_score:>{round(dice.random(), 2)}",
        f"length:[{dice.randint(1, 2_000)} TO *]",
        f"relevance:({dice.choice(('core', 'none'))} OR peripheral)",
    )
    return dice.choice(leaves)
