"""The settings: `detente.toml`, then the environment (`DETENTE_…`), both checked at once.

Environment names follow the TOML: `collectors.timeout` is `DETENTE_COLLECTORS__TIMEOUT`. A secret
may come from a file: `DETENTE_STORE_FILE=/run/secrets/store` sets `store`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from detente import __version__
from detente.errors import ConfigError

DEFAULT_FILE = Path("detente.toml")
PREFIX = "DETENTE_"
_SECRET = re.compile(r"(?<=://)([^/@]*):([^/@]*)@|(?<=[?&])(password|token|api_key|secret)=[^&]*")

_SECRETS = ("password", "secret", "api_key")


def _url_with(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            wanted = ", ".join(f"{scheme}://…" for scheme in schemes)
            raise ValueError(f"must be one of {wanted}")
        return url

    return AfterValidator(check)


def host_and_port(text: str) -> tuple[str, int]:
    """The parts of `host:port`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError("must be host:port, for instance 127.0.0.1:8093")
    return host.strip("[]"), int(port)


def _host_and_port(text: str) -> str:
    host_and_port(text)
    return text


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CollectorSettings(_Section):
    """How feeds and article pages are fetched; times in seconds, sizes in bytes."""

    contact: str = Field("https://example.org/set-collectors.contact", max_length=200)
    """A web or mail address in the User-Agent, where a publisher can reach the operator."""
    concurrency: int = Field(16, ge=1, le=512)
    """Fetches under way at a time."""
    timeout: float = Field(30.0, gt=0, le=600)
    """For a whole fetch, from connecting to the last byte."""
    max_feed_bytes: int = Field(16_000_000, ge=1_000)
    """A feed that is longer, unpacked, isn't read."""
    max_page_bytes: int = Field(8_000_000, ge=1_000)
    """The same for an article's page."""
    max_redirects: int = Field(5, ge=0, le=20)
    """So many are followed, each after its address was checked."""
    host_spacing: float = Field(1.0, ge=0)
    """Between the starts of two requests to one host."""
    host_concurrency: int = Field(4, ge=1, le=64)
    """Requests that one host has open at a time."""
    interval: float = Field(600.0, gt=0)
    """Between two polls of a feed that publishes seven entries a day; one that publishes more at
    the hour, or right now, is asked more often, and a quiet one less."""
    shortest_interval: float = Field(60.0, gt=0)
    """The least that follows from how much a feed publishes."""
    longest_interval: float = Field(900.0, gt=0)
    """The most that follows from it."""
    max_interval: float = Field(86_400.0, gt=0)
    """However often a feed fails, and whatever it asks for, it is asked again after so long."""
    allow_loopback: bool = False
    """Let feeds and pages be on this machine (for the sample newsroom and tests)."""
    fetch_pages: bool = True
    """Fetch the article's page when its feed carries only a summary."""
    websub_url: Annotated[str, _url_with("http", "https")] | None = None
    """The public address under which hubs reach `websub_listen`; with it, feeds that announce a hub
    are subscribed to there (WebSub), and polled the moment that it tells of news."""
    websub_listen: Annotated[str, AfterValidator(_host_and_port)] = "127.0.0.1:8093"
    """Where hubs' messages are taken in."""

    @property
    def user_agent(self) -> str:
        return f"Detente/{__version__} (+{self.contact})"


class ProcessorSettings(_Section):
    """How articles are judged."""

    model: str = "shipped"
    """`shipped`, `keyword` (cue words only), a Hugging Face model's name, or its folder."""
    threads: int = Field(0, ge=0, le=256)
    """Threads for the encoder; 0 takes all cores."""
    wrong_stance: float = Field(1.0, gt=0, le=100)
    """What a wrong stance of a sentence costs, where one left out costs 1: it is said from the
    probability wrong_stance / (1 + wrong_stance) on. 3 says only what is right in three of four."""
    wrong_relevance: float = Field(2 / 3, gt=0, le=100)
    """The same for an article's relevance; one that is less sure is not judged."""


class RunnerSettings(_Section):
    """How a stage is driven."""

    batch: int = Field(32, ge=1, le=1_000)
    """Articles that are handled, and committed, together."""
    batch_bytes: int = Field(40_000, ge=1)
    """A batch of long articles is cut here, so that a stop, and a commit, is never far off: about
    three seconds of the encoder's time on two cores, where every sentence counts."""
    attempts: int = Field(3, ge=1, le=100)
    """Tries for an article that trips a bug, before it is parked as a dead letter."""
    poll_timeout: float = Field(0.5, gt=0, le=60)
    """Seconds for which an empty log is waited at, before a stop is looked for."""
    max_backoff: float = Field(60.0, gt=0)
    """The longest pause, in seconds, before what refuses work is tried again."""


class KafkaSettings(_Section):
    """How a `kafka://` bus is reached; times in seconds."""

    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """Whether the connection is encrypted (ssl), and whether there is a login (sasl)."""
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"] = "SCRAM-SHA-512"
    """How the login goes."""
    username: str | None = None
    """For SCRAM and PLAIN."""
    password: SecretStr | None = None
    """The user's."""
    oauth_url: str | None = None
    """The identity provider's token endpoint, asked with client id and secret."""
    oauth_client_id: str | None = None
    """Who asks there."""
    oauth_client_secret: SecretStr | None = None
    """The client's secret."""
    oauth_scope: str | None = None
    """What is asked for, where the provider wants to know."""
    ca: Path | None = None
    """The authority that signed the brokers' certificates (PEM); the system's by default."""
    certificate: Path | None = None
    """Our own, for brokers that want one (PEM)."""
    key: Path | None = None
    """Its private key (PEM)."""
    key_password: SecretStr | None = None
    """What the key is encrypted with."""
    member: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,100}$")
    """A name for this process that outlives it (static membership): after a restart within
    `session_timeout` it has its partitions back without a rebalance."""
    session_timeout: float = Field(30.0, ge=6, le=1_800)
    """After so long without a sign of life another process takes over."""
    stall_timeout: float = Field(900.0, ge=10, le=86_400)
    """A batch that takes longer is taken for stuck, and its partitions go to others."""
    delivery_timeout: float = Field(30.0, ge=1, le=600)
    """How long a publication is tried before it counts as failed (and is tried again)."""
    replication: int | None = Field(None, ge=1, le=32_767)
    """Copies of each new topic; the cluster's default where it isn't set."""


class ElasticsearchSettings(_Section):
    """How an `https://` or `http://` store is reached and laid out; times in seconds."""

    api_key: SecretStr | None = None
    """An API key, encoded as Elasticsearch gives it out; instead of a user."""
    username: str | None = None
    """Who logs in."""
    password: SecretStr | None = None
    """The user's."""
    ca: Path | None = None
    """The authority that signed the server's certificate (PEM); the system's by default."""
    fingerprint: str | None = Field(None, pattern=r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$")
    """SHA-256 of the server's certificate, or of its authority's, trusted instead of a name."""
    timeout: float = Field(30.0, gt=0, le=600)
    """For one request."""
    compress: bool = False
    """Send requests gzipped: for a slow network, at the cost of computing."""
    shards: int = Field(1, ge=1, le=1_024)
    """Primary shards of a month's index."""
    replicas: int | None = Field(None, ge=0, le=100)
    """Copies of each shard; one where the cluster has a second node, if it isn't set."""
    retention_days: float | None = Field(None, gt=0)
    """Delete a month's index so long after its month (needs ILM); kept for good if not set."""


class DashboardSettings(_Section):
    """Where the dashboard is, and who may use it."""

    listen: Annotated[str, AfterValidator(_host_and_port)] = "127.0.0.1:8090"
    """Beyond loopback it starts only with users, or with a proxy that says who it is."""
    hosts: tuple[str, ...] = ()
    """Names under which it is reached, besides this machine's own."""
    users: Mapping[str, SecretStr] = {}
    """Who may log in, with the hash that `detente serve --hash-password` makes."""
    user_header: str | None = Field(None, pattern=r"^[A-Za-z0-9-]{1,100}$")
    """Where a reverse proxy says who has logged in there, as `X-Forwarded-User`."""
    proxies: tuple[str, ...] = ()
    """The addresses of proxies that are believed."""
    secure: bool = False
    """Give cookies to https:// only: for a dashboard behind a proxy that speaks TLS."""
    key: Path = Path("var/dashboard.key")
    """What sessions are signed with; made at the first start."""
    corrections: Path = Path("var/corrections.jsonl")
    """What readers say is wrong, a line each."""
    requests_a_second: float = Field(20.0, gt=0)
    """So many of one client, once its `burst` is used up."""
    burst: int = Field(200, ge=1)
    """So many requests of one client at once."""


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        use_attribute_docstrings=True,
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Any, *_: Any, **__: Any
    ) -> tuple[Any, ...]:
        """The values given and no others: `load_settings` reads the environment, with its files."""
        return (init_settings,)

    bus: Annotated[str, _url_with("sqlite", "kafka")] = "sqlite:///var/bus.sqlite"
    """The log between the stages: a file, or `kafka://broker1:9092,broker2:9092`."""
    store: Annotated[str, _url_with("sqlite", "http", "https")] = "sqlite:///var/articles.sqlite"
    """Where articles are kept and searched: a file, or `https://elasticsearch:9200`."""
    state: Annotated[str, _url_with("sqlite")] = "sqlite:///var/feeds.sqlite"
    """What the collectors remember of feeds and articles."""
    alerts: Annotated[str, _url_with("sqlite")] = "sqlite:///var/alerts.sqlite"
    """Stories, what was alerted, and what is still to be sent."""
    subscriptions: Path = Path("subscriptions.toml")
    """Who wants to be told of what; without the file, nobody."""
    feeds: Path = Path("feeds.toml")
    """The feed catalogue: TOML or OPML."""
    watch: str = "usa-rus"
    """A watch that ships with Détente, or a path to a TOML file of your own."""
    retention_days: float = Field(30.0, gt=0)
    """How long the embedded log keeps what every consumer group has committed."""
    metrics_port: int | None = Field(None, ge=1, le=65_535)
    """Serve Prometheus metrics on this loopback port."""
    log_format: Annotated[str, Field(pattern="^(text|json)$")] = "text"
    """`text`, or `json` for machines."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "warning"
    """`debug`, `info` (each article), `warning` or `error`."""
    collectors: CollectorSettings = CollectorSettings()
    processors: ProcessorSettings = ProcessorSettings()
    runner: RunnerSettings = RunnerSettings()
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    dashboard: DashboardSettings = DashboardSettings()

    def redacted(self) -> dict[str, Any]:
        """The settings as JSON values, without passwords and keys."""
        shown = self.model_dump(mode="json")
        for name in ("bus", "store", "state", "alerts"):
            shown[name] = redact(shown[name])
        return shown


def redact(url: str) -> str:
    """The URL without its password or key."""

    def hide(match: re.Match[str]) -> str:
        return f"{match[3]}=***" if match[3] else f"{match[1]}:***@"

    return _SECRET.sub(hide, url)


def load_settings(
    file: Path | None = None, environ: Mapping[str, str] | None = None, **overrides: Any
) -> Settings:
    """Read the settings: overrides, then the environment, then the file, then the defaults.

    `file` None takes `detente.toml` where there is one. Raises ConfigError listing every problem.
    """
    environ = os.environ if environ is None else environ
    if file is None and (named := environ.get(f"{PREFIX}SETTINGS")):
        file = Path(named)
    from_file = _read_toml(file) if file else _read_toml(DEFAULT_FILE, missing_ok=True)
    problems = _unknown_variables(environ)
    values = _merge(from_file, _from_environment(environ, problems), overrides)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_say(detail, from_file, file) for detail in error.errors()]
    if problems:
        raise ConfigError(problems)
    return settings


def _read_toml(file: Path, missing_ok: bool = False) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        if missing_ok:
            return {}
        raise ConfigError(f"{file}: there is no such settings file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: can't be read as TOML: {error}") from None


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    plain = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in [name for name in plain if name.endswith("_FILE")]:
        try:
            plain[name.removesuffix("_FILE")] = Path(plain.pop(name)).read_text("utf-8").strip()
        except OSError as error:
            problems.append(f"{name}: can't read the file: {error.strerror}")
    source = EnvSettingsSource(
        Settings, env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False
    )
    source.env_vars = {name.lower(): value for name, value in plain.items()}
    return source()


def settings_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, info in model.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += settings_names(kind, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {PREFIX + name.upper().replace(".", "__") for name in settings_names(Settings)}
    known |= {f"{PREFIX}SETTINGS", f"{PREFIX}DATA"}
    return [
        f"{name}: no such setting{_suggest(name, sorted(known))}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name.removesuffix("_FILE") not in known
    ]


def _suggest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def _merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(merged.get(key, {}), Mapping):
                merged[key] = _merge(merged.get(key, {}), value)
            elif value is not None:
                merged[key] = value
    return merged


def _say(detail: Any, from_file: Mapping[str, Any], file: Path | None) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    where = f"{file or DEFAULT_FILE}: " if detail["loc"][0] in from_file else ""
    if detail["type"] == "extra_forbidden":
        return f"{where}{name}: no such setting{_suggest(name, settings_names(Settings))}"
    message = detail["msg"].removeprefix("Value error, ")
    shown = "***" if name.endswith(_SECRETS) else redact(repr(detail["input"]))
    return f"{where}{name} = {shown}: {message[0].lower()}{message[1:]}"
