"""How Elasticsearch is reached: address, credentials, certificates, and what its errors mean."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from elastic_transport import ConnectionError as NotConnected
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, Elasticsearch
from pydantic import SecretStr

from detente.errors import ConfigError, StoreUnavailable
from detente.settings import ElasticsearchSettings, redact

T = TypeVar("T")

MAJOR = 9
"""The server's major version that the client speaks with."""

DEFAULT_NAMESPACE = "detente"


def parse_address(url: str) -> tuple[str, str]:
    """The server's URL with its port, and the alias: `?namespace=x` names the one of `x-articles`.

    Raises ConfigError.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"store = {redact(url)!r}: {error}") from None
    asked = parse_qs(parts.query, keep_blank_values=True)
    namespace = asked.pop("namespace", [DEFAULT_NAMESPACE])[0]
    if not parts.hostname or asked or parts.fragment:
        raise ConfigError(
            f"store = {redact(url)!r}: write https://host:9200, with ?namespace=name if need be"
        )
    if not (namespace.isascii() and namespace.islower() and namespace[0].isalpha()):
        raise ConfigError(f"store = {redact(url)!r}: a namespace is one word of small letters")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" and parts.path not in ("", "/") else 9200
    address = urlunsplit((parts.scheme, f"{host}:{port or default}", parts.path, "", ""))
    return address, f"{namespace}-articles"


def namespace_of(url: str) -> str:
    """What the names of all indices of a deployment begin with. Raises ConfigError."""
    return parse_address(url)[1].removesuffix("-articles")


def connect(url: str, settings: ElasticsearchSettings) -> Elasticsearch:
    """A client; nothing is asked of the server yet. Raises ConfigError listing every problem."""
    address, _ = parse_address(url)
    options: dict[str, Any] = {"headers": authorization(url, settings)}
    tls = address.startswith("https")
    problems = []
    if settings.ca is not None and not settings.ca.is_file():
        problems.append(f"elasticsearch.ca = {str(settings.ca)!r}: there is no such file")
    if settings.fingerprint is not None and settings.ca is not None:
        problems.append("elasticsearch: set either ca or fingerprint, not both")
    if not tls and (settings.ca is not None or settings.fingerprint is not None):
        problems.append(
            f"store = {redact(url)!r}: ca and fingerprint are for https://; over http:// they "
            "would protect nothing"
        )
    if problems:
        raise ConfigError(problems)
    if settings.ca is not None:
        options["ca_certs"] = str(settings.ca)
    if settings.fingerprint is not None:
        options["ssl_assert_fingerprint"] = settings.fingerprint
    try:
        return Elasticsearch(
            address,
            request_timeout=settings.timeout,
            http_compress=settings.compress,
            # Waiting and trying again is the runner's: the client's own retries have no pause.
            max_retries=0,
            retry_on_timeout=False,
            **options,
        )
    except (ValueError, OSError) as error:
        raise ConfigError(f"elasticsearch: {error}") from None


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what the client raises because of its surroundings into StoreUnavailable; a request
    that the server finds at fault stays an ApiError, as that is a bug of ours."""
    try:
        yield
    except ConnectionTimeout as error:
        raise StoreUnavailable(f"{redact(url)}: no answer in time") from error
    except (NotConnected, TlsError) as error:
        raise StoreUnavailable(f"{redact(url)}: {_said(error)}") from error
    except TransportError as error:
        raise StoreUnavailable(f"{redact(url)}: {error}") from error
    except (AuthenticationException, AuthorizationException) as error:
        raise StoreUnavailable(f"{redact(url)}: {reason_of(error)}", after=10.0) from error
    except ApiError as error:
        if not is_passing(error.status_code):
            raise
        raise StoreUnavailable(
            f"{redact(url)}: {error.status_code}: {reason_of(error)}", after=_wait_of(error)
        ) from error


def patiently(ask: Callable[[], T]) -> T:
    """Ask again, a few times within a second, while indices that are just being made or deleted
    can't answer."""
    for pause in (0.1, 0.3, 0.6):
        try:
            return ask()
        except ApiError as error:
            if error.status_code != 503:
                raise
            time.sleep(pause)
    return ask()


def check_server(client: Elasticsearch, url: str, settings: ElasticsearchSettings) -> None:
    """Raises ConfigError where there is no Elasticsearch that this version can work with."""
    where = f"store = {redact(url)!r}"
    try:
        # Not client.info(): an older server refuses the newer client's content type.
        answer = client.transport.perform_request(
            "GET",
            "/",
            headers={"accept": "application/json", **authorization(url, settings)},
            max_retries=0,
            request_timeout=settings.timeout,
        )
    except TransportError as error:
        raise ConfigError(f"{where}: can't be reached: {_said(error)}") from None
    if answer.meta.status in (401, 403):
        raise ConfigError(
            f"{where}: the server refuses these credentials ({answer.meta.status}); set "
            "elasticsearch.api_key, or elasticsearch.username and elasticsearch.password"
        )
    body: Any = answer.body
    version = body.get("version", {}) if isinstance(body, dict) else {}
    number, flavour = str(version.get("number", "")), version.get("distribution")
    if answer.meta.status != 200 or not number or flavour:
        what = flavour or f"status {answer.meta.status}"
        raise ConfigError(f"{where}: this is no Elasticsearch ({what})")
    if number.split(".")[0] != str(MAJOR):
        raise ConfigError(
            f"{where}: the server is Elasticsearch {number}, but this version of Détente works "
            f"with {MAJOR}.x"
        )


def is_passing(status: int) -> bool:
    """Whether an answer may be another one later: too much to do, or a node in trouble."""
    return status in (408, 429) or status >= 500


def reason_of(error: ApiError) -> str:
    """What the server says, in one line."""
    body: Any = error.body
    said = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(said, dict):
        cause = (said.get("root_cause") or [said])[0]
        return f"{cause.get('type')}: {cause.get('reason')}"
    return str(said)[:500]


def _wait_of(error: ApiError) -> float:
    asked = error.meta.headers.get("retry-after") or ""
    return min(float(asked), 60.0) if asked.isdecimal() else 1.0


def authorization(url: str, settings: ElasticsearchSettings) -> dict[str, str]:
    """The header that says who we are; an API key is the one text `<base64 of id:key>`.

    Raises ConfigError for a login that is half a one, or two.
    """
    parts = urlsplit(url)
    username, password = settings.username, settings.password
    if username is None and parts.username:
        username, password = unquote(parts.username), SecretStr(unquote(parts.password or ""))
    if settings.api_key is not None and username:
        raise ConfigError("elasticsearch: set either api_key or username and password, not both")
    if username and password is None:
        raise ConfigError("elasticsearch: username is set, but no password")
    if settings.api_key is not None:
        return {"authorization": f"ApiKey {settings.api_key.get_secret_value()}"}
    if username and password is not None:
        pair = f"{username}:{password.get_secret_value()}".encode()
        return {"authorization": f"Basic {b64encode(pair).decode()}"}
    return {}


def _said(error: TransportError) -> str:
    return str(error.message).removeprefix("Connection error caused by: ")[:500]
