"""The one field table: what a document has, and how each field is searched.

The SQLite schema is made from it, the Elasticsearch mapping too, and a document that departs from
it is refused alike on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any

import msgspec


class Kind(Enum):
    """How a field is stored and searched."""

    KEYWORD = "keyword"
    """A string compared whole."""
    KEYWORDS = "keywords"
    """Several of them."""
    TEXT = "text"
    """Words (`store.analysis`)."""
    DATE = "date"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    STORED = "stored"
    """Kept and shown, not searched."""
    NESTED = "nested"
    """A list of objects with fields of their own."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `needed` ones are never missing or null."""

    name: str
    kind: Kind
    about: str
    needed: bool = False
    fields: tuple[Field, ...] = ()


_SENTENCE = (
    Field("part", Kind.KEYWORD, "where the sentence stands: title or body", needed=True),
    Field("start", Kind.LONG, "first character of the sentence", needed=True),
    Field("end", Kind.LONG, "one past its last character", needed=True),
    Field("text", Kind.STORED, "the sentence itself", needed=True),
)
_STANCES = (
    Field("holder", Kind.KEYWORD, "the side that takes the position", needed=True),
    Field("target", Kind.KEYWORD, "the side that it is taken toward", needed=True),
    Field("label", Kind.KEYWORD, "cooperative, neutral or adversarial", needed=True),
    Field("grade", Kind.KEYWORD, "the labelling guide's grade: 2, 1, 0, -1, -2", needed=True),
    Field("score", Kind.DOUBLE, "-1 to 1", needed=True),
    Field("confidence", Kind.DOUBLE, "0 to 1", needed=True),
    *_SENTENCE,
    Field("quoted", Kind.BOOLEAN, "whether it stands in quotation marks", needed=True),
    Field("speaker", Kind.KEYWORD, "whose words they are, where known"),
    Field("event", Kind.KEYWORD, "the PLOVER type of the sentence's main act"),
    Field("quad", Kind.KEYWORD, "its class: verbal or material, cooperation or conflict"),
    Field("goldstein", Kind.DOUBLE, "its intensity, -10 to 10"),
    Field("event_confidence", Kind.DOUBLE, "0 to 1"),
)
_DYADS = (
    Field("holder", Kind.KEYWORD, "the side that takes the position", needed=True),
    Field("target", Kind.KEYWORD, "the side that it is taken toward", needed=True),
    Field("label", Kind.KEYWORD, "cooperative, neutral or adversarial", needed=True),
    Field("score", Kind.DOUBLE, "-1 to 1", needed=True),
    Field("low", Kind.DOUBLE, "where its 95 % interval begins; documents of before have none"),
    Field("high", Kind.DOUBLE, "and where that ends"),
    Field("sentences", Kind.LONG, "how many sentences it rests on", needed=True),
)
_GROUNDS = (Field("score", Kind.DOUBLE, "its own relevance, 0 to 1", needed=True), *_SENTENCE)
_ISSUES = (
    Field("id", Kind.KEYWORD, "the issue, as the watch names it", needed=True),
    Field("score", Kind.DOUBLE, "0 to 1, of its clearest sentence", needed=True),
    Field("sentences", Kind.LONG, "how many sentences are about it", needed=True),
    *_SENTENCE,
)
_QUOTATIONS = (
    Field("speaker", Kind.KEYWORD, "who speaks: the watch's actor, or the text's words"),
    Field("actor", Kind.KEYWORD, "the actor's id"),
    Field("cue", Kind.STORED, "the words that say that it was said"),
    Field("kind", Kind.KEYWORD, "direct or indirect", needed=True),
    Field("start", Kind.LONG, "first character of the body", needed=True),
    Field("end", Kind.LONG, "one past the last", needed=True),
    Field("text", Kind.STORED, "what was said", needed=True),
)

FIELDS: tuple[Field, ...] = (
    Field("id", Kind.KEYWORD, "the article's id, for good", needed=True),
    Field("revision", Kind.LONG, "counts the changes of its content, from 1", needed=True),
    Field("identity", Kind.KEYWORD, "the key that the id is the hash of", needed=True),
    Field("url", Kind.KEYWORD, "canonical address", needed=True),
    Field("title", Kind.TEXT, "headline", needed=True),
    Field("body", Kind.TEXT, "plain text, a paragraph a line", needed=True),
    Field("language", Kind.KEYWORD, "of the text"),
    Field("authors", Kind.KEYWORDS, "as the publisher names them"),
    Field("text_origin", Kind.KEYWORD, "feed, page, summary or title", needed=True),
    Field("change", Kind.KEYWORD, "what made it: headline, body, rewrite, typo, date or text"),
    Field("wall", Kind.KEYWORD, "what stood before the text on its page: paywall or consent"),
    Field("medium", Kind.KEYWORD, "audio or video, where the entry brings that"),
    Field("length", Kind.LONG, "characters of the text"),
    Field("source", Kind.KEYWORD, "the publisher's host", needed=True),
    Field("outlet", Kind.KEYWORD, "the publisher's name", needed=True),
    Field("feed", Kind.KEYWORD, "the feed it came by", needed=True),
    Field("country", Kind.KEYWORD, "the publisher's country"),
    Field("kind", Kind.KEYWORD, "the kind of publisher"),
    Field("published", Kind.DATE, "as the publisher claims"),
    Field("published_claim", Kind.STORED, "the claim, word for word"),
    Field("published_quality", Kind.KEYWORD, "what the claim is worth", needed=True),
    Field("first_seen", Kind.DATE, "when we first had it", needed=True),
    Field("collected", Kind.DATE, "when we had this revision", needed=True),
    Field("assessed", Kind.DATE, "when it was judged", needed=True),
    Field("watch", Kind.KEYWORD, "the watch that it was judged for", needed=True),
    Field("model", Kind.KEYWORD, "the model that judged", needed=True),
    Field("model_revision", Kind.KEYWORD, "the hash of the model's files", needed=True),
    Field("relevance", Kind.KEYWORD, "core, peripheral or none; none given if unscored"),
    Field("relevance_score", Kind.DOUBLE, "0 to 1"),
    Field("grounds", Kind.NESTED, "the sentences that decided it", fields=_GROUNDS),
    Field("abstained", Kind.KEYWORD, "why there is no judgement"),
    Field("actors", Kind.KEYWORDS, "who is named"),
    Field("stances", Kind.NESTED, "sentence by sentence, with the evidence", fields=_STANCES),
    Field("dyads", Kind.NESTED, "over the whole article", fields=_DYADS),
    Field("dyad_labels", Kind.KEYWORDS, "`USA>RUS:adversarial`: the dyads, flat, for charts"),
    Field("stance_labels", Kind.KEYWORDS, "`USA>RUS:adversarial`: each that a sentence shows"),
    Field("stance_grades", Kind.KEYWORDS, "`USA>RUS:-2`: each grade that a sentence shows"),
    Field("speakers", Kind.KEYWORDS, "who is quoted"),
    Field("events", Kind.KEYWORDS, "PLOVER types of the acts in sentences with a stance"),
    Field("quads", Kind.KEYWORDS, "and their classes"),
    Field("issues", Kind.KEYWORDS, "what it is about, as the watch names it"),
    Field("issue_evidence", Kind.NESTED, "each issue with its clearest sentence", fields=_ISSUES),
    Field("quotations", Kind.NESTED, "who is reported to have said what", fields=_QUOTATIONS),
    Field("first_toward_second", Kind.DOUBLE, "the watch's first side toward its second, -1 to 1"),
    Field("second_toward_first", Kind.DOUBLE, "and the reverse"),
)
BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}
TEXT_FIELDS: tuple[str, ...] = tuple(field.name for field in FIELDS if field.kind is Kind.TEXT)

MAX_KEYWORD = 8_000
"""Characters; Lucene refuses a term of more than 32,766 bytes, and a character takes up to 4."""

MAX_LONG = 2**63 - 1
"""What a store's 64 bits hold."""

MAX_OBJECTS = 10_000
"""Objects in the nested fields of one document, which Elasticsearch takes by default."""

_DATES = frozenset(field.name for field in FIELDS if field.kind is Kind.DATE)
_KEYWORD = Annotated[str, msgspec.Meta(max_length=MAX_KEYWORD)]
_SHAPES: Mapping[Kind, Any] = {
    Kind.KEYWORD: _KEYWORD,
    Kind.KEYWORDS: list[_KEYWORD],
    Kind.TEXT: str,
    Kind.DATE: str,
    Kind.LONG: Annotated[int, msgspec.Meta(ge=-MAX_LONG, le=MAX_LONG)],
    # Neither NaN nor an infinity is within these.
    Kind.DOUBLE: Annotated[float, msgspec.Meta(ge=-1.7e308, le=1.7e308)],
    Kind.BOOLEAN: bool,
    Kind.STORED: str,
}

_TYPES: Mapping[Kind, type | tuple[type, ...]] = {
    Kind.KEYWORD: str,
    Kind.KEYWORDS: list,
    Kind.TEXT: str,
    Kind.STORED: str,
    Kind.LONG: int,
    Kind.DOUBLE: (int, float),
    Kind.BOOLEAN: bool,
    Kind.NESTED: list,
}


def problems(document: Mapping[str, Any], fields: tuple[Field, ...] = FIELDS) -> list[str]:
    """What is wrong with a document, each as `field: problem`; empty when nothing is."""
    known = {field.name for field in fields}
    unknown = [f"{name}: no such field" for name in document if name not in known]
    if (nested := _objects(document, fields)) > MAX_OBJECTS:
        unknown.append(f"{nested:,} objects in it, at most {MAX_OBJECTS:,} can be searched")
    return unknown + [said for field in fields for said in _field_problems(field, document)]


class UnfitDocument(ValueError):
    """A document that no store keeps; says everything that is wrong with it."""


def encoded(document: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The document as a store keeps it: `normalised`, and that as JSON. Raises UnfitDocument."""
    try:
        clean = _plain(document) or _examined(document)
        return clean, msgspec.json.encode(clean)
    except (UnicodeEncodeError, OverflowError, TypeError) as error:
        raise UnfitDocument(f"can't be written as JSON: {error}") from None


def _plain(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The document normalised, where there is plainly nothing wrong with it; that it is so for
    nearly every one is found out fast."""
    try:
        clean = {
            name: _date_or_error(value) if name in _DATES else value
            for name, value in document.items()
            if value is not None
        }
        msgspec.convert(clean, _shape())
    except (ValueError, TypeError, OverflowError):
        return None
    return clean if _objects(document, FIELDS) <= MAX_OBJECTS else None


def _examined(document: Mapping[str, Any]) -> dict[str, Any]:
    if wrong := problems(document):
        raise UnfitDocument("; ".join(wrong))
    return normalised(document)


def _date_or_error(value: Any) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(value)
    if isinstance(value, str) and len(value) == _DATE_LENGTH and value[-1] == "Z":
        return value  # as we write it ourselves
    return date_text(moment)


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as JSON values, its dates as `2026-11-24T04:34:00.000Z`, without nulls."""
    return {
        name: date_text(value) if BY_NAME[name].kind is Kind.DATE else value
        for name, value in document.items()
        if value is not None
    }


_DATE_LENGTH = len("2026-11-24T04:34:00.000Z")


def date_text(instant: datetime | str) -> str:
    """An instant in UTC, to the millisecond, in a form whose order as text is its order in time."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _objects(document: Mapping[str, Any], fields: tuple[Field, ...]) -> int:
    nested = (document.get(field.name) for field in fields if field.kind is Kind.NESTED)
    return sum(len(parts) for parts in nested if isinstance(parts, list))


@lru_cache(maxsize=1)
def _shape() -> type:
    """The field table as a type that msgspec checks."""

    def of(fields: tuple[Field, ...], name: str) -> type:
        members = []
        for field in fields:
            kind: Any = _SHAPES.get(field.kind) or list[of(field.fields, field.name)]  # type: ignore[misc]
            members.append((field.name, kind) if field.needed else (field.name, kind | None, None))
        # kw_only, as needed fields stand between others.
        return msgspec.defstruct(name, members, kw_only=True, forbid_unknown_fields=True)

    return of(FIELDS, "Document")


def _field_problems(field: Field, document: Mapping[str, Any]) -> Iterator[str]:
    value: Any = document.get(field.name)
    if value is None:
        if field.needed:
            yield f"{field.name}: missing"
    elif field.kind is Kind.DATE:
        yield from _date_problems(field.name, value)
    elif not isinstance(value, _TYPES[field.kind]) or (
        isinstance(value, bool) and field.kind is not Kind.BOOLEAN
    ):
        yield f"{field.name}: {type(value).__name__} where a {field.kind.value} belongs"
    elif field.kind is Kind.KEYWORD:
        yield from _keyword_problems(field.name, value)
    elif field.kind is Kind.KEYWORDS:
        keywords: list[Any] = document[field.name]
        for i, keyword in enumerate(keywords):
            yield from _keyword_problems(f"{field.name}[{i}]", keyword)
    elif field.kind is Kind.NESTED:
        parts: list[Any] = document[field.name]
        for i, part in enumerate(parts):
            if isinstance(part, Mapping):
                yield from (f"{field.name}[{i}].{said}" for said in problems(part, field.fields))
            else:
                yield f"{field.name}[{i}]: {type(part).__name__} where an object belongs"
    elif isinstance(value, float) and not isfinite(value):
        yield f"{field.name}: {value} is no number"
    elif isinstance(value, int) and abs(value) > MAX_LONG:
        yield f"{field.name}: {value:,} is too large"


def _keyword_problems(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{name}: {type(value).__name__} where a keyword belongs"
    elif len(value) > MAX_KEYWORD:
        yield f"{name}: {len(value):,} characters, at most {MAX_KEYWORD:,} can be searched"


def _date_problems(name: str, value: object) -> Iterator[str]:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        yield f"{name}: {value!r} is no date"
        return
    if not isinstance(moment, datetime):
        yield f"{name}: {type(value).__name__} where a date belongs"
    elif moment.tzinfo is None:
        yield f"{name}: {value} has no time zone"
