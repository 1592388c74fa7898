"""The index of the alerts on Elasticsearch, beside the articles': made, checked, written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from elasticsearch import AuthorizationException, BadRequestError, Elasticsearch, NotFoundError

from detente import __version__
from detente.alerts.mirrored import FIELDS
from detente.errors import ConfigError
from detente.settings import ElasticsearchSettings, redact
from detente.store.base import WriteOutcome
from detente.store.bulk import Prepared, send
from detente.store.elastic_client import connect, namespace_of, reaching, reason_of
from detente.store.mapping import index_settings, layout_name, strict_mapping

LAYOUT = layout_name(strict_mapping(FIELDS))
_META = {"product": "detente", "layout": LAYOUT, "version": __version__}

_encode = msgspec.json.Encoder().encode


def alert_index(namespace: str) -> str:
    """The index's name."""
    return f"{namespace}-alerts"


class AlertIndex:
    """One index for all alerts: a deployment has few of them, however many articles there are.

    It is a copy of the ledger, so it can be deleted at any time: it comes back. Every method raises
    StoreUnavailable when Elasticsearch can't answer.
    """

    def __init__(self, url: str, settings: ElasticsearchSettings) -> None:
        """`url` is the store's. Raises ConfigError; nothing is asked of the server yet."""
        self.name = alert_index(namespace_of(url))
        self._url = url
        self._client: Elasticsearch = connect(url, settings)
        # A lifecycle would delete the one index with all that is in it.
        self._settings = settings.model_copy(update={"retention_days": None})

    def prepare(self) -> list[str]:
        """Make the index, or see that it is right; gives a line on it. Raises ConfigError."""
        with reaching(self._url):
            made = self._make()
            self._identity()
        return [f"index {self.name}: {'created' if made else 'is there'}"]

    def ready(self) -> str:
        """Make the index if it isn't there; gives what names this very index with this layout: one
        that was deleted and made anew is another. Raises ConfigError."""
        with reaching(self._url):
            try:
                return self._identity()
            except NotFoundError:
                self._make()
            return self._identity()

    def write(self, documents: Sequence[Mapping[str, Any]]) -> list[WriteOutcome]:
        """Write them over what is there under their ids; one outcome each, in order."""
        lines = []
        for place, document in enumerate(documents):
            source = _encode(document)
            action = _encode({"index": {"_index": self.name, "_id": document["id"]}})
            line = action + b"\n" + source + b"\n"
            lines.append((Prepared(place, document["id"], 1, document["at"], source), line))
        with reaching(self._url):
            outcomes = send(self._client, self._url, lines)
        return [outcomes[place] for place in range(len(documents))]

    def close(self) -> None:
        """Close the client; idempotent."""
        self._client.close()

    def _make(self) -> bool:
        """Gives whether it wasn't there yet. Raises ConfigError where we may not make it."""
        if self._client.indices.exists(index=self.name):
            return False
        try:
            self._client.indices.create(
                index=self.name,
                mappings={**strict_mapping(FIELDS), "_meta": _META},
                settings=index_settings(self._settings, self.name),
            )
        except AuthorizationException as error:
            raise ConfigError(
                f"store = {redact(self._url)!r}: may not make the index {self.name!r} "
                f"({reason_of(error)}); give the user the privileges manage, index and read on it"
            ) from None
        except BadRequestError as error:
            if "resource_already_exists" not in str(error):
                raise
            return False
        return True

    def _identity(self) -> str:
        found = self._client.indices.get(index=self.name)
        about = found.get(self.name) or {}  # an alias answers with the name of its index
        meta = about.get("mappings", {}).get("_meta", {})
        if meta.get("product") != "detente":
            raise ConfigError(
                f"store = {redact(self._url)!r}: the index {self.name!r} wasn't made by Détente; "
                "use another ?namespace="
            )
        if meta.get("layout") != LAYOUT:
            self._bring_up_to_date()
        return f"{about['settings']['index']['uuid']} {LAYOUT}"

    def _bring_up_to_date(self) -> None:
        """Add the fields that this version has and the one that made the index had not."""
        mapping = strict_mapping(FIELDS)
        try:
            self._client.indices.put_mapping(
                index=self.name, properties=mapping["properties"], meta=_META
            )
        except BadRequestError as error:
            raise ConfigError(
                f"store = {redact(self._url)!r}: the index {self.name!r} is of another version "
                f"({reason_of(error)}); delete it: it is written anew from the alerts' own file"
            ) from None
