"""The indices of the store on Elasticsearch: created, checked, and which of them is written to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError

from detente.errors import ConfigError, StoreUnavailable
from detente.settings import ElasticsearchSettings, redact
from detente.store.elastic_client import check_server, reason_of
from detente.store.fields import date_text
from detente.store.mapping import (
    LAYOUT,
    Generation,
    generations,
    index_settings,
    mappings,
    retention_policy,
    retention_policy_name,
    template,
)


class Targets(NamedTuple):
    """The generation that readers see, and the one being built, if any."""

    current: Generation
    coming: Generation | None = None


def next_alias(alias: str) -> str:
    """What names the generation that is being built."""
    return f"{alias}-next"


class Indices:
    """The generations behind one alias. Its methods raise what the client raises."""

    def __init__(
        self, client: Elasticsearch, url: str, alias: str, settings: ElasticsearchSettings
    ) -> None:
        self.alias = alias
        self._client = client
        self._url = url
        self._settings = settings
        self._known: set[str] = set()

    def prepare(self) -> list[str]:
        self.check_server()
        current = self.standing()
        if current is not None:
            self._check_layout()
        told = self._put_retention()
        generation = current or Generation(self.alias, 1)
        self.put_template(generation, self.alias)
        told.append(f"index template {generation}: written, layout {LAYOUT}")
        if current is None:
            # An alias comes into being with its first index.
            first = self.month(generation, self.alias, date_text(datetime.now(UTC)))
            told.append(f"index {first}: created, behind the alias {self.alias}")
        else:
            told.append(f"alias {self.alias}: is there")
        return told

    def check(self) -> None:
        self.check_server()
        if self.standing() is None:
            raise ConfigError(
                f"store = {redact(self._url)!r}: there is no alias {self.alias!r} yet; "
                "run `detente prepare` once"
            )
        self._check_layout()

    def check_server(self) -> None:
        """Raises ConfigError where there is no Elasticsearch that this version can work with."""
        check_server(self._client, self._url, self._settings)

    def begin(self, current: Generation) -> Generation:
        """Make the generation after this one, or find it made: writers write to both from now."""
        coming = self.targets().coming or current.next
        self.put_template(coming, next_alias(self.alias))
        self.month(coming, next_alias(self.alias), date_text(datetime.now(UTC)))
        return coming

    def swap(self, current: Generation, coming: Generation) -> None:
        """Let readers see the coming generation instead, in one step.

        What they saw in the one must show in the other at that moment, and each shows what was
        written only with its next refresh. So the one gets none any more, then the other has one:
        writers write to that first.
        """
        ahead = next_alias(self.alias)
        self._client.indices.put_settings(index=f"{current}-*", settings={"refresh_interval": -1})
        self._client.indices.refresh(index=f"{coming}-*")
        self._client.indices.update_aliases(
            actions=[
                {"add": {"index": f"{coming}-*", "alias": self.alias}},
                {"remove": {"index": f"{coming}-*", "alias": ahead}},
                {"remove": {"index": f"{current}-*", "alias": self.alias}},
            ]
        )
        self.put_template(coming, self.alias)
        # A month that a writer began between these two steps is still under the other alias.
        self._client.indices.update_aliases(
            actions=[
                {"add": {"index": f"{coming}-*", "alias": self.alias}},
                {"remove": {"index": f"{coming}-*", "alias": ahead, "must_exist": False}},
            ]
        )

    def drop_old(self) -> list[str]:
        """Delete the generations before the one that readers see; gives the indices' names."""
        standing = self.standing()
        held = list(self._client.indices.get(index=f"{self.alias}-g*"))
        old = [one for one in generations(self.alias, held) if standing and one < standing]
        dropped = [index for index in held for one in old if index.startswith(f"{one}-")]
        for index in dropped:
            self._client.indices.delete(index=index)
        for one in old:
            self._client.options(ignore_status=404).indices.delete_index_template(name=str(one))
        return sorted(dropped)

    def put_template(self, generation: Generation, alias: str) -> None:
        """Months of this generation that come into being show under `alias`."""
        self._client.indices.put_index_template(
            name=str(generation), **template(self._settings, generation, alias)
        )

    def month(self, generation: Generation, alias: str, first_seen: str) -> str:
        """The index of a month, created under `alias` where it isn't there yet."""
        index = generation.month(first_seen)
        if index in self._known:
            return index
        try:
            self._client.indices.create(
                index=index,
                mappings=mappings(),
                settings=index_settings(self._settings, self.alias),
                aliases={alias: {}},
            )
        except BadRequestError as error:
            if "resource_already_exists" not in str(error):
                raise
        self._known.add(index)
        return index

    def targets(self) -> Targets:
        """Where writes go now."""
        try:
            names = f"{self.alias},{next_alias(self.alias)}"
            found: Mapping[str, Any] = self._client.indices.get_alias(name=names).body
        except NotFoundError as error:
            # One of the two isn't there; the answer has the other one nevertheless.
            found = error.body if isinstance(error.body, dict) else {}
        held: dict[str, list[str]] = {}
        for index, about in found.items():
            if isinstance(about, dict):
                for alias in about.get("aliases", {}):
                    held.setdefault(alias, []).append(index)
        current = generations(self.alias, held.get(self.alias, []))
        coming = generations(self.alias, held.get(next_alias(self.alias), []))
        if not current:
            raise StoreUnavailable(
                f"{redact(self._url)}: there is no alias {self.alias!r}; run `detente prepare`"
            )
        after = [one for one in coming if one.number > current[-1].number]
        return Targets(current[-1], after[-1] if after else None)

    def standing(self) -> Generation | None:
        """The generation that readers see; None where there is none yet."""
        try:
            held = self._client.indices.get_alias(name=self.alias)
        except NotFoundError:
            return None
        found = generations(self.alias, list(held))
        if not found:
            raise ConfigError(
                f"store = {redact(self._url)!r}: the alias {self.alias!r} names "
                f"{', '.join(sorted(held))}, which Détente didn't make; use another ?namespace="
            )
        return found[-1]

    def _check_layout(self) -> None:
        for index, about in self._client.indices.get_mapping(index=self.alias).items():
            meta = about["mappings"].get("_meta", {})
            if meta.get("product") != "detente":
                raise ConfigError(
                    f"store = {redact(self._url)!r}: the index {index!r} behind {self.alias!r} "
                    "wasn't made by Détente; use another ?namespace="
                )
            if meta.get("layout") != LAYOUT or about["mappings"].get("dynamic") != "strict":
                raise ConfigError(
                    f"store = {redact(self._url)!r}: the mapping of {index!r} is of another "
                    f"version of Détente ({meta.get('version')}, layout {meta.get('layout')}, this "
                    f"one writes {LAYOUT}); run `detente reindex`"
                )

    def _put_retention(self) -> list[str]:
        days = self._settings.retention_days
        if days is None:
            return []
        try:
            self._client.ilm.put_lifecycle(
                name=retention_policy_name(self.alias), policy=retention_policy(days)
            )
        except ApiError as error:
            raise ConfigError(
                f"elasticsearch.retention_days: this server takes no lifecycle policy "
                f"({reason_of(error)}); leave it unset, and delete old indices yourself"
            ) from None
        return [f"lifecycle policy {retention_policy_name(self.alias)}: written, {days:g} days"]
