"""Messages as JSON bytes, and back: `{"schema": 1, "type": "CollectedArticle", "message": {…}}`.

JSON so that a person can read a topic with any tool, checked on the way in so that a stage never
meets half a message.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from detente.article import SCHEMA, AssessedArticle, CollectedArticle
from detente.errors import RejectArticle

Message = CollectedArticle | AssessedArticle
M = TypeVar("M", CollectedArticle, AssessedArticle)


class DecodeError(RejectArticle):
    """The bytes aren't the message they should be; says `problem @ $.path`."""


class _Envelope(msgspec.Struct, frozen=True):
    schema: int
    type: str
    message: msgspec.Raw


class _Outgoing(msgspec.Struct, Generic[M]):
    schema: int
    type: str
    message: M


_encoder = msgspec.json.Encoder()
_envelopes = msgspec.json.Decoder(_Envelope)
_messages: dict[type, msgspec.json.Decoder[Any]] = {
    CollectedArticle: msgspec.json.Decoder(CollectedArticle),
    AssessedArticle: msgspec.json.Decoder(AssessedArticle),
}


def encode(message: Message) -> bytes:
    """The message as JSON bytes; equal messages give equal bytes."""
    return _encoder.encode(_Outgoing(SCHEMA, type(message).__name__, message))


def decode(data: bytes, kind: type[M]) -> M:
    """The message of that kind in these bytes. Raises DecodeError."""
    try:
        envelope = _envelopes.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(_with_path(error)) from None
    if envelope.schema != SCHEMA:
        raise DecodeError(
            f"schema {envelope.schema}, but this version reads schema {SCHEMA} @ $.schema"
        )
    if envelope.type != kind.__name__:
        raise DecodeError(f"{envelope.type!r} where {kind.__name__!r} belongs @ $.type")
    try:
        message: M = _messages[kind].decode(envelope.message)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DecodeError(_with_path(error, "$.message")) from None
    return message


def json_schema(kind: type[Message]) -> dict[str, object]:
    """The JSON Schema of a message, for people who read the topics with tools of their own."""
    return msgspec.json.schema(kind)


def _with_path(error: Exception, root: str = "$") -> str:
    problem, marker, path = str(error).rpartition(" - at `")
    if not marker:
        return f"{error} @ {root}"
    return f"{problem} @ {root}{path.rstrip('`').removeprefix('$')}"
