"""Saved objects put into a running Kibana, by the import that its own page uses.

The address may carry a login (`https://user:password@host:5601`) and the path of a space
(`/s/<space>`). Without a login Elasticsearch's is used: Kibana has the same users and keys. What
goes wrong is a ConfigError that says what, where and how to mend it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from detente.errors import ConfigError
from detente.kibana.objects import SavedObject, ndjson
from detente.settings import ElasticsearchSettings, redact
from detente.store.elastic_client import authorization

OLDEST = 9
"""Kibana's major version from which on the objects' forms are taken."""

_FORM = "write https://host:5601, with /s/name at the end for the space of that name"
_FILE = ("detente.ndjson", "application/ndjson")


def import_objects(
    url: str, objects: Sequence[SavedObject], store: str, settings: ElasticsearchSettings
) -> list[str]:
    """Write the objects over those of the last import; gives a line on each thing that was done.

    `url` is Kibana's address, `store` the store's, `settings` how that one is reached. Raises
    ConfigError with each object's problem where not all could be written.
    """
    base, where = _address(url)
    # A login within the address is for Kibana alone: the settings have another one, perhaps.
    login = (
        authorization(url, ElasticsearchSettings())
        if "@" in urlsplit(url).netloc
        else authorization(store, settings)
    )
    with (
        _reaching(where),
        httpx.Client(
            headers={**login, "kbn-xsrf": "true"},
            timeout=settings.timeout,
            verify=_trust(settings),
        ) as client,
    ):
        version = _version(_json(client.get(f"{base}/api/status"), where), where)
        answer = client.post(
            f"{base}/api/saved_objects/_import",
            params={"overwrite": "true"},
            files={"file": (_FILE[0], ndjson(objects), _FILE[1])},
        )
        _check(_json(answer, where), objects, where)
    dashboards = [one for one in objects if one["type"] == "dashboard"]
    return [
        f"Kibana {version} at {base}: {len(objects)} objects written",
        *(
            f"{one['attributes']['title']}: {base}/app/dashboards#/view/{one['id']}"
            for one in dashboards
        ),
    ]


def _address(url: str) -> tuple[str, str]:
    """The address without login and final slash, and how messages name it. Raises ConfigError."""
    # Up to the last @: a password that isn't quoted as it should be may have one in it, too.
    where = f"--kibana {re.sub('//.*@', '//***@', redact(url))}"
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        why = "is no address" if "@" in url else str(error)
        raise ConfigError(f"{where}: {why}; {_FORM}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{where}: {_FORM}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base = urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), "", ""))
    return base, f"--kibana {base}"


def _trust(settings: ElasticsearchSettings) -> ssl.SSLContext:
    """Trusts what the system does, and the authority of Elasticsearch's certificate, which is often
    Kibana's as well."""
    context = httpx.create_ssl_context()
    if settings.ca is not None:
        try:
            context.load_verify_locations(settings.ca)
        except OSError as error:
            raise ConfigError(
                f"elasticsearch.ca = {str(settings.ca)!r}: can't be read as PEM: {error}"
            ) from None
    return context


@contextmanager
def _reaching(where: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise ConfigError(
            f"{where}: no answer in time; is it up, and elasticsearch.timeout long enough?"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        hint = "is the address right, and Kibana up?"
        if "CERTIFICATE" in str(error).upper():
            hint = "set elasticsearch.ca to the authority that signed Kibana's certificate"
        raise ConfigError(f"{where}: can't be reached: {error}; {hint}") from None


def _json(answer: httpx.Response, where: str) -> Mapping[str, Any]:
    """What Kibana answers. Raises ConfigError for an answer that isn't one of Kibana's API."""
    status = answer.status_code
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    said = f" ({body['message']})" if isinstance(body, dict) and body.get("message") else ""
    if answer.is_redirect:
        to = redact(answer.headers.get("location", "another address"))
        raise ConfigError(f"{where}: sends us on to {to}; write the address where Kibana itself is")
    if status in _REFUSALS:
        raise ConfigError(f"{where}: {_REFUSALS[status].format(said=said)}")
    if not isinstance(body, dict):
        kind = answer.headers.get("content-type", "something else").partition(";")[0]
        raise ConfigError(
            f"{where}: answers {status} with {kind}, where Kibana's API has JSON; "
            "is this Kibana's own address, with its base path, and not that of a login page?"
        )
    if status != 200:
        raise ConfigError(f"{where}: answers {status}{said}")
    return body


_REFUSALS = {
    401: "refuses this login (401){said}; write https://user:password@host, or set "
    "elasticsearch.api_key, or elasticsearch.username and elasticsearch.password",
    403: "this login may not write saved objects there (403){said}; give it the privilege "
    "“Saved Objects Management: All” in that space",
    404: "there is no Kibana API at this address (404){said}; look at its base path, and at "
    "the name after /s/",
    503: "isn't ready yet (503){said}; try again in a minute",
}


def _version(status: Mapping[str, Any], where: str) -> str:
    """Kibana's version. Raises ConfigError for one that is too old, or for another server."""
    version = status.get("version")
    number = str(version.get("number", "")) if isinstance(version, dict) else ""
    major = number.partition(".")[0]
    if not major.isdecimal():
        why = (
            "doesn't tell its version to who isn't logged in; give a login"
            if "status" in status
            else "this is no Kibana: it tells no version"
        )
        raise ConfigError(f"{where}: {why}")
    if int(major) < OLDEST:
        raise ConfigError(
            f"{where}: this is Kibana {number}, but these objects are for {OLDEST}.0 and later"
        )
    return number


def _check(answer: Mapping[str, Any], objects: Sequence[SavedObject], where: str) -> None:
    """Raises ConfigError where not everything was written: that is a 200 as well."""
    problems = [f"{where}: {_problem(one)}" for one in answer.get("errors") or ()]
    written = answer.get("successCount")
    if not problems and (answer.get("success") is not True or written != len(objects)):
        problems = [f"{where}: only {written} of {len(objects)} objects were written"]
    if problems:
        raise ConfigError(problems)


def _problem(error: Mapping[str, Any]) -> str:
    """Why one object wasn't written."""
    cause = error.get("error") or {}
    kind = cause.get("type", "unknown")
    missing = ", ".join(f"{one['type']} {one['id']}" for one in cause.get("references") or ())
    said = cause.get("message") or (f"without {missing}" if missing else "")
    return f"{error.get('type')} {error.get('id')!r} wasn't written: {kind}" + (
        f": {said}" if said else ""
    )
