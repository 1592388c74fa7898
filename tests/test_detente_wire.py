from __future__ import annotations

import msgspec
import pytest

from detente.article import SCHEMA, AssessedArticle, CollectedArticle
from detente.wire import DecodeError, decode, encode, json_schema
from tests.articles import assessed, collected


def test_messages_come_back_as_they_were() -> None:
    article = collected(title="Переговоры “сегодня”", published=None, language="ru")
    assert decode(encode(article), CollectedArticle) == article
    judged = assessed()
    assert decode(encode(judged), AssessedArticle) == judged


def test_equal_messages_give_equal_bytes() -> None:
    assert encode(assessed()) == encode(assessed())


def test_a_person_can_read_them() -> None:
    envelope = msgspec.json.decode(encode(collected()))
    assert envelope["schema"] == SCHEMA
    assert envelope["type"] == "CollectedArticle"
    assert envelope["message"]["title"] == "Envoys meet"
    assert envelope["message"]["first_seen"] == "2026-03-01T12:00:00Z"


def tampered(**changes: object) -> bytes:
    envelope = msgspec.json.decode(encode(collected()))
    envelope["message"].update(changes)
    return msgspec.json.encode(envelope)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", r"@ \$"),
        (b"not json", r"@ \$"),
        (b"\xff\xfe", r"@ \$"),
        (b'{"schema": 1}', r"type"),
        (b'{"schema": 2, "type": "CollectedArticle", "message": {}}', r"schema 2.*@ \$\.schema"),
        (b'{"schema": 1, "type": "Other", "message": {}}', r"'Other'.*@ \$\.type"),
        (b'{"schema": 1, "type": "CollectedArticle", "message": {}}', r"@ \$\.message"),
        (tampered(title=3), r"@ \$\.message\.title"),
        (tampered(source={"feed": 1}), r"@ \$\.message\.source"),
        (tampered(published_quality="guessed"), r"@ \$\.message\.published_quality"),
        (tampered(first_seen="yesterday"), r"@ \$\.message\.first_seen"),
        (tampered(revision=0), r"revision counts from 1"),
    ],
)
def test_what_is_no_message_says_what_and_where(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        decode(data, CollectedArticle)


def test_the_json_schema_names_the_fields() -> None:
    definitions = json_schema(AssessedArticle)["$defs"]
    assert isinstance(definitions, dict)
    assert "stances" in definitions["Assessment"]["properties"]
