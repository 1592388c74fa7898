"""How Kafka and Elasticsearch are reached: TLS, credentials, one clear message when it fails."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import re
import ssl
import time
import uuid
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from tests.commandline import Detente, command_line
from tests.faultproxy import FaultProxy
from tests.feeds.tls import CERTIFICATE, server_context
from tests.httpserver import HttpServer, Reply
from tests.servers import Server, free_port, namespaces
from tests.serving import Serving, reply

PASSWORD = "correct-horse"


@pytest.fixture
def detente(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Detente:
    monkeypatch.setenv("DETENTE_LOG_LEVEL", "error")
    return command_line(monkeypatch, capfd, tmp_path)


# kafka-python leaves a socket whose TLS handshake or login failed to the garbage collector, which
# mustn't come upon it in some other test.
leaves_sockets = pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")


@pytest.fixture
def secure(kafka: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the broker's port with TLS and a login; it is set as the bus."""
    if "KAFKA_SECURE_PORT" not in kafka.ports:
        pytest.skip("no openssl here, which makes the broker's certificate")
    namespace = f"secure-{uuid.uuid4().hex[:8]}"
    url = f"kafka://127.0.0.1:{kafka.ports['KAFKA_SECURE_PORT']}/?namespace={namespace}"
    monkeypatch.setenv("DETENTE_BUS", url)
    monkeypatch.setenv("DETENTE_KAFKA__SECURITY", "sasl_ssl")
    monkeypatch.setenv("DETENTE_KAFKA__CA", str(kafka.run_folder / "certificate" / "ca.pem"))
    yield url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@leaves_sockets
def test_kafka_by_scram_over_tls(
    detente: Detente, secure: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DETENTE_KAFKA__USERNAME", "detente")
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    monkeypatch.setenv("DETENTE_KAFKA__PASSWORD_FILE", str(tmp_path / "secret"))
    said = detente("prepare")
    assert said.code == 0, said.err
    assert ".articles.collected: created, 12 partitions" in said.out
    again = detente("prepare", "--json")
    assert "is there, 12 partitions" in again.json["prepared"][0]
    assert again.json["problems"] == []
    assert detente("stats").code == 0
    shown = detente("settings", "show")
    assert PASSWORD not in shown.out


@leaves_sockets
def test_kafka_by_oauth(
    detente: Detente, secure: str, monkeypatch: pytest.MonkeyPatch, kafka: Server
) -> None:
    with TokenEndpoint() as endpoint:
        monkeypatch.setenv("DETENTE_KAFKA__MECHANISM", "OAUTHBEARER")
        monkeypatch.setenv("DETENTE_KAFKA__OAUTH_URL", f"{endpoint.address}/token")
        monkeypatch.setenv("DETENTE_KAFKA__OAUTH_CLIENT_ID", "detente")
        monkeypatch.setenv("DETENTE_KAFKA__OAUTH_CLIENT_SECRET", PASSWORD)
        monkeypatch.setenv("DETENTE_KAFKA__OAUTH_SCOPE", "kafka")
        said = detente("prepare")
        assert said.code == 0, said.err
        assert detente("stats").code == 0
    assert "grant_type=client_credentials" in endpoint.asked[0]
    assert f"client_secret={PASSWORD}" in endpoint.asked[0]
    assert len(endpoint.asked) <= 2, "a token is for many connections"


class TokenEndpoint(Serving):
    """An identity provider: unsigned tokens, which the test broker takes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append(body.decode())
        now = int(time.time())
        claims = {"sub": "detente", "iat": now, "exp": now + 600}
        parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
        token = ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)
        reply(request, 200, json.dumps({"access_token": f"{token}.", "expires_in": 600}).encode())


@leaves_sockets
@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "kafka.mechanism = SCRAM-SHA-512: set username and password"),
        ({"USERNAME": "detente", "PASSWORD": "wrong"}, "credentials|user name and password right"),
        ({"USERNAME": "detente", "PASSWORD": PASSWORD, "CA": ""}, "set kafka.ca"),
        (
            {"MECHANISM": "SCRAM-SHA-256", "USERNAME": "x", "PASSWORD": "y"},
            "don't offer|are mechanism",
        ),
        ({"MECHANISM": "OAUTHBEARER"}, "set oauth_url and oauth_client_id"),
        ({"SECURITY": "plaintext"}, "see kafka.security"),
        ({"USERNAME": "x", "PASSWORD": "y", "CA": "/no/such/file"}, "there is no such file"),
    ],
)
def test_kafka_that_does_not_let_us_in(
    detente: Detente,
    secure: str,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    problem: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"DETENTE_KAFKA__{name}", value)
        if not value:
            monkeypatch.delenv(f"DETENTE_KAFKA__{name}")
    said = detente("run", "--once", "-q")
    assert said.code == 2
    assert re.search(problem, said.err)
    assert "Traceback" not in said.err
    assert PASSWORD not in said.err + said.out
    assert len([line for line in said.err.splitlines() if line]) == 1


def test_kafka_that_is_not_there(detente: Detente, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETENTE_BUS", f"kafka://127.0.0.1:{free_port()}")
    said = detente("run", "--once", "-q")
    assert said.code == 2
    assert "ECONNREFUSED (nothing listens there)" in said.err


def test_topics_that_are_missing_or_kept_wrongly(
    detente: Detente, kafka: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENTE_BUS", f"kafka://{kafka.address}/?namespace=wrongly")
    said = detente("run", "--once", "-q")
    assert said.code == 2
    assert "there is no topic wrongly.articles.collected" in said.err
    assert "run `detente prepare` once" in said.err
    with KafkaAdminClient(bootstrap_servers=kafka.address) as admin:
        compacted = {"configs": {"cleanup.policy": "compact", "max.message.bytes": "1000"}}
        admin.create_topics({"wrongly.articles.collected": compacted}, wait_for_metadata=True)
    said = detente("prepare")
    assert said.code == 2
    assert "cleanup.policy is 'compact', but must be 'delete'" in said.err
    assert "max.message.bytes is 1000, but must be 5000000 at least" in said.err


@pytest.fixture
def front(elasticsearch: Server) -> Iterator[FaultProxy]:
    """The node behind HTTPS, for those who say the right thing."""
    key = "ApiKey " + base64.b64encode(b"id:key").decode()
    with FaultProxy(elasticsearch.address, server_context(), key) as proxy:
        yield proxy


@pytest.fixture
def behind_tls(
    front: FaultProxy, elasticsearch: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with namespaces(elasticsearch.address) as new_url:
        monkeypatch.setenv("DETENTE_STORE", f"{front.url}/?{new_url().partition('?')[2]}")
        yield


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = base64.b64encode(b"id:key").decode()
    monkeypatch.setenv("DETENTE_ELASTICSEARCH__API_KEY", encoded)


@pytest.mark.parametrize("trust", ["ca", "fingerprint"])
@pytest.mark.usefixtures("behind_tls", "key")
def test_elasticsearch_by_api_key_over_tls(
    detente: Detente, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trust: str
) -> None:
    if trust == "ca":
        (tmp_path / "ca.pem").write_text(CERTIFICATE)
        monkeypatch.setenv("DETENTE_ELASTICSEARCH__CA", str(tmp_path / "ca.pem"))
    else:
        der = ssl.PEM_cert_to_DER_cert(CERTIFICATE)
        monkeypatch.setenv("DETENTE_ELASTICSEARCH__FINGERPRINT", hashlib.sha256(der).hexdigest())
    said = detente("prepare")
    assert said.code == 0, said.err
    assert detente("stats").code == 0


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "certificate"),
        ({"FINGERPRINT": "00" * 32}, "ingerprint"),
        ({"CA": "/no/such/file"}, "there is no such file"),
        ({"FINGERPRINT": "12"}, "elasticsearch.fingerprint"),
        ({"USERNAME": "me"}, "set either api_key or username and password"),
    ],
)
@pytest.mark.usefixtures("behind_tls", "key")
def test_elasticsearch_that_is_not_trusted(
    detente: Detente, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], problem: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"DETENTE_ELASTICSEARCH__{name}", value)
    said = detente("prepare")
    assert said.code == 2
    assert problem in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, 2),
        ({"API_KEY": "bm90OmtleQ=="}, 2),
        ({"USERNAME": "elastic", "PASSWORD": PASSWORD}, 2),
        ({"USERNAME": "elastic"}, 2),
    ],
)
@pytest.mark.usefixtures("behind_tls")
def test_elasticsearch_that_does_not_let_us_in(
    detente: Detente,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variables: dict[str, str],
    code: int,
) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    monkeypatch.setenv("DETENTE_ELASTICSEARCH__CA", str(tmp_path / "ca.pem"))
    for name, value in variables.items():
        monkeypatch.setenv(f"DETENTE_ELASTICSEARCH__{name}", value)
    for command in (["prepare"], ["stats"], ["run", "indexer", "--once", "-q"]):
        said = detente(*command)
        assert said.code == code
        assert "credentials" in said.err or "no password" in said.err
        assert PASSWORD not in said.err


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"version": {"number": "8.19.2"}}, "Elasticsearch 8.19.2, but this version"),
        ({"version": {"number": "10.0.0"}}, "Elasticsearch 10.0.0, but this version"),
        ({"version": {"number": "2.11.0", "distribution": "opensearch"}}, "opensearch"),
        ({"hello": "world"}, "this is no Elasticsearch"),
        ("<html>", "this is no Elasticsearch"),
    ],
)
def test_a_server_that_is_something_else(
    detente: Detente, monkeypatch: pytest.MonkeyPatch, answer: object, problem: str
) -> None:
    if isinstance(answer, str):
        body, kind = answer, "text/html"
    else:
        body, kind = json.dumps(answer), "application/json"
    with HttpServer({"/": Reply(body=body.encode(), headers={"Content-Type": kind})}) as server:
        monkeypatch.setenv("DETENTE_STORE", server.url(""))
        for command in (["prepare"], ["stats"]):
            said = detente(*command)
            assert said.code == 2
            assert problem in said.err


def test_elasticsearch_that_was_not_prepared(
    detente: Detente, elasticsearch: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETENTE_STORE", f"http://{elasticsearch.address}/?namespace=unprepared")
    said = detente("run", "indexer", "--once", "-q")
    assert said.code == 2
    assert "there is no alias 'unprepared-articles' yet; run `detente prepare` once" in said.err
