"""How Kafka is reached: brokers, credentials, certificates, and what the client's errors mean."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from urllib.request import Request, urlopen

from kafka import KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.oauth import AbstractTokenProvider

from detente.bus.kafka_socket import DIRECT
from detente.errors import BusUnavailable, ConfigError
from detente.settings import KafkaSettings, redact

C = TypeVar("C")

DEFAULT_PORT = 9092
_SENDER_PATIENCE = 5.0
"""Seconds that a producer's sender has to end; it wakes at once unless the network holds it."""
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,60}$")


class Cluster:
    """The brokers of a `kafka://` address, what names are called there, and how to connect.

    `kafka://one:9092,two:9092` has as many brokers as you like to start from;
    `?namespace=staging` puts `staging.` before the names of all topics and groups. Raises
    ConfigError listing every problem.
    """

    def __init__(self, url: str, settings: KafkaSettings) -> None:
        parts = urlsplit(url)
        self.url = redact(url)
        self.settings = settings
        user, _, brokers = parts.netloc.rpartition("@")
        asked = parse_qs(parts.query, keep_blank_values=True)
        namespace = asked.pop("namespace", [""])[0]
        if asked or parts.fragment or parts.path not in ("", "/") or not brokers:
            raise ConfigError(
                f"bus = {self.url!r}: write kafka://host:9092,host2:9092, with ?namespace=name if "
                "need be"
            )
        if namespace and not _NAMESPACE.match(namespace):
            raise ConfigError(
                f"bus = {self.url!r}: a namespace has letters, digits, - and _, at most 60 of them"
            )
        self.brokers = [self._broker(text) for text in brokers.split(",")]
        self._prefix = f"{namespace}." if namespace else ""
        self._user = user
        self._options = self._connection()

    def name(self, topic_or_group: str) -> str:
        """What a topic or group of ours is called on the cluster."""
        return self._prefix + topic_or_group

    def client(self, make: Callable[..., C], role: str, **options: Any) -> C:
        """A producer, consumer or admin client, connected; `role` goes into its client id.

        Making one looks for a broker at once, and leaves a thread behind where there is none: that
        is ended here.
        """
        networks: list[KafkaNetClient] = []

        def network(**config: Any) -> KafkaNetClient:
            networks.append(KafkaNetClient(**config))
            return networks[-1]

        try:
            return make(
                **self._options,
                client_id=f"detente-{role}-{socket.gethostname()}-{os.getpid()}",
                kafka_client=network,
                **options,
            )
        except BaseException:
            for made in networks:
                made.close()
            raise

    def producer(self, role: str, **options: Any) -> KafkaProducer:
        """A producer whose acknowledgement means that a record is there once, on every copy."""
        patience = self.settings.delivery_timeout
        return self.client(
            KafkaProducer,
            role,
            # Said outright, as the client would otherwise give it up in silence where other
            # settings contradict.
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=5,
            delivery_timeout_ms=round(patience * 1_000),
            request_timeout_ms=round(min(10.0, patience / 2) * 1_000),
            max_block_ms=round(patience * 1_000),
            allow_auto_create_topics=False,
            **options,
        )

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn what the client raises because of its surroundings into BusUnavailable."""
        try:
            yield
        except KafkaConfigurationError:
            raise  # a fault of ours
        except (KafkaError, OSError) as error:
            raise BusUnavailable(f"{self.url}: {said(error)}") from error

    def _broker(self, text: str) -> str:
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"bus = {self.url!r}: {text!r}: {error}") from None
        if not host:
            raise ConfigError(f"bus = {self.url!r}: {text!r} is no host and port")
        named = f"[{host}]" if ":" in host else host
        return f"{named}:{port or DEFAULT_PORT}"

    def _connection(self) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {
            "bootstrap_servers": self.brokers,
            "proxy_url": DIRECT,
            "security_protocol": settings.security.upper(),
            "reconnect_backoff_max_ms": 2_000,
            "bootstrap_timeout_ms": 5_000,
        }
        found: list[str] = []
        if settings.security.startswith("sasl"):
            options |= self._sasl(found)
        elif settings.username or self._user:
            found.append(
                "kafka.security: a user name without sasl_ssl or sasl_plaintext would not be sent"
            )
        if settings.security.endswith("ssl"):
            options |= self._tls(found)
        if found:
            raise ConfigError(found)
        return options

    def _sasl(self, found: list[str]) -> dict[str, Any]:
        settings = self.settings
        if settings.mechanism == "OAUTHBEARER":
            if not (settings.oauth_url and settings.oauth_client_id):
                found.append("kafka.mechanism = OAUTHBEARER: set oauth_url and oauth_client_id")
                return {}
            return {
                "sasl_mechanism": settings.mechanism,
                "sasl_oauth_token_provider": ClientCredentials(settings),
            }
        user, _, password = self._user.partition(":")
        username = settings.username or unquote(user)
        secret = settings.password.get_secret_value() if settings.password else unquote(password)
        if not (username and secret):
            found.append(f"kafka.mechanism = {settings.mechanism}: set username and password")
        return {
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": username,
            "sasl_plain_password": secret,
        }

    def _tls(self, found: list[str]) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {}
        for name, path, option in (
            ("ca", settings.ca, "ssl_cafile"),
            ("certificate", settings.certificate, "ssl_certfile"),
            ("key", settings.key, "ssl_keyfile"),
        ):
            if path is not None and not path.is_file():
                found.append(f"kafka.{name} = {str(path)!r}: there is no such file")
            elif path is not None:
                options[option] = str(path)
        if settings.key_password is not None:
            options["ssl_password"] = settings.key_password.get_secret_value()
        return options


class ConnectionTroubles(logging.Handler):
    """What the client meets while it looks for a first broker: it says so in its log only, and in
    the end no more than that it found none. A context manager."""

    _FAILED = re.compile(r"Bootstrap connection to \S+ failed: (.*) \(backoff")

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._reasons: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if found := self._FAILED.match(record.getMessage()):
            self._reasons[found[1].removeprefix("KafkaConnectionError: ")] = None

    def __enter__(self) -> ConnectionTroubles:
        self._logger = logging.getLogger("kafka.net.manager")
        self._before = self._logger.level, self._logger.propagate
        self._logger.addHandler(self)
        self._logger.setLevel(logging.WARNING)
        self._logger.propagate = self._before[0] != logging.NOTSET
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.level, self._logger.propagate = self._before

    def explained(self, settings: KafkaSettings) -> str:
        """The troubles, and what may mend each."""
        sasl = settings.security.startswith("sasl")
        hints = {
            "ECONNREFUSED": "nothing listens there",
            "DNS": "there is no such host",
            "CERTIFICATE_VERIFY_FAILED": "set kafka.ca to the authority that signed it",
            "SSL": "do the brokers speak TLS there? see kafka.security",
            "Mechanism": f"the brokers don't offer kafka.mechanism = {settings.mechanism}",
            "gives no token": "see kafka.oauth_url and the client's id and secret",
            "disconnected": (
                "the brokers ended the login: are mechanism, user name and password right?"
                if sasl
                else "do the brokers ask for TLS or a login? see kafka.security"
            ),
            "Invalid frame": "do the brokers ask for TLS there? see kafka.security",
            "timed out": "is it a Kafka broker that listens there?",
        }
        told = []
        # A closed connection says little where there is anything else.
        plain = [reason for reason in self._reasons if "disconnected" not in reason]
        for reason in plain or self._reasons:
            hint = next((hint for part, hint in hints.items() if part in reason), "")
            told.append(f"{reason} ({hint})" if hint else reason)
        return "; ".join(told) or "no answer"


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
    """OAuth 2.0 tokens by client credentials (RFC 6749, 4.4), each used until shortly before its
    end. A refusal is an OSError, so that the connection is tried again."""

    _EARLY = 30.0

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, lifetime = self._fetch()
                self._until = time.monotonic() + max(lifetime - self._EARLY, lifetime / 2)
            return self._token

    def extensions(self) -> dict[str, str]:
        return {}

    def _fetch(self) -> tuple[str, float]:
        settings = self._settings
        form = {"grant_type": "client_credentials", "client_id": settings.oauth_client_id}
        if settings.oauth_client_secret is not None:
            form["client_secret"] = settings.oauth_client_secret.get_secret_value()
        if settings.oauth_scope:
            form["scope"] = settings.oauth_scope
        request = Request(settings.oauth_url or "", data=urlencode(form).encode())
        try:
            with urlopen(request, timeout=10.0) as answer:
                granted = json.load(answer)
            return str(granted["access_token"]), float(granted.get("expires_in", 60))
        except (URLError, ValueError, KeyError) as error:
            raise OSError(f"{settings.oauth_url} gives no token: {error}") from error


def drop(producer: KafkaProducer | None) -> None:
    """End it at once. What it had not sent is sent again by whoever asked for that.

    Its sender is ended first: `close(timeout=0)` alone raises while something is unsent, and leaves
    the sender to deliver that behind the second try's records.
    """
    if producer is not None:
        sender = producer._sender
        sender.force_close()
        sender.join(_SENDER_PATIENCE)
        with suppress(KafkaError):
            producer.close(timeout=0)


def said(error: BaseException) -> str:
    """An error of the client in one line."""
    return str(error).splitlines()[0][:500] if str(error) else type(error).__name__
