"""A real Kafka broker and a real Elasticsearch node for tests, started when first asked for.

`tests/services/` has how: the released jars from Maven Central, with a JDK and Maven, no
container. Where these are missing, tests that need a server are skipped, and say so; with
`CI=true` they fail instead.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVICES = Path(__file__).parent / "services"


@dataclass
class Server:
    """One server on a loopback port of its own, with its data in a scratch folder."""

    name: str
    folder: Path
    ports: dict[str, int]

    @property
    def port(self) -> int:
        return next(iter(self.ports.values()))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def run_folder(self) -> Path:
        """Where its log, its pid and, if it has one, its certificate are."""
        return _cache() / self.name / "run" / str(self.port)

    @property
    def pid(self) -> int:
        return int((self.run_folder / "pid").read_text())

    def start(self) -> None:
        """Start it, or start it again over the data that it has; returns when it answers."""
        self._run("start", str(self.folder))

    def kill(self) -> None:
        """As a power cut would end it; returns when its ports are given back."""
        os.kill(self.pid, signal.SIGKILL)
        while any(map(_listens, self.ports.values())):
            time.sleep(0.02)

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, as over a broken network."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _run(self, *arguments: str) -> None:
        ports = {name: str(port) for name, port in self.ports.items()}
        done = subprocess.run(
            [SERVICES / self.name / "run.sh", *arguments],
            env={**os.environ, **ports},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.name} run.sh {arguments[0]}: {done.stderr[-2_000:]}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to connections.

    Among those, a client that tries a broker which is down can be given the broker's own port as
    its end, and so be connected to itself: the broker finds its port taken when it comes back.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def kafka() -> Server:
    """A Kafka broker, started; where openssl is, a second port asks for TLS and a login."""
    ports = {"KAFKA_PORT": free_port(), "KAFKA_CONTROLLER_PORT": free_port()}
    if shutil.which("openssl"):
        ports["KAFKA_SECURE_PORT"] = free_port()
    return _started("kafka", ports)


def elasticsearch() -> Server:
    """An Elasticsearch node, started."""
    return _started("elasticsearch", {"ES_PORT": free_port()})


@contextmanager
def running(start: Callable[[], Server]) -> Iterator[Server]:
    """A server while the context lasts (`running(kafka)`); then it and its data are gone."""
    server = start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder, ignore_errors=True)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "detente-services"


def _started(name: str, ports: dict[str, int]) -> Server:
    if missing := _missing():
        message = f"no {name} server: {missing}"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(message)
        pytest.skip(f"{message} (with CI=true this is a failure)")
    folder = Path(tempfile.mkdtemp(prefix=f"detente-{name}-"))
    server = Server(name, folder, ports)
    server.start()
    return server


def _missing() -> str:
    """What the servers need and isn't here, in words."""
    jdk = shutil.which("javac") or list(Path("/usr/lib/jvm").glob("*/bin/javac"))
    maven = shutil.which("mvn")
    if not jdk:
        return "there is no JDK here (Kafka needs 17, Elasticsearch 21 or later)"
    if not maven and not _cache().exists():
        return "there is no Maven here to fetch its jars with"
    return ""


@contextmanager
def namespaces(elasticsearch: str) -> Iterator[Callable[[], str]]:
    """A function to the URL of a store in a new namespace of the node at this address; all of them
    are deleted at last."""
    from elasticsearch import Elasticsearch

    given: list[str] = []

    def new_url() -> str:
        given.append(f"t{uuid.uuid4().hex[:12]}")
        return f"http://{elasticsearch}/?namespace={given[-1]}"

    yield new_url
    with Elasticsearch(f"http://{elasticsearch}") as client:
        for namespace in given:
            for index in client.indices.get(index=f"{namespace}-*"):
                client.indices.delete(index=index)
            templates = client.options(ignore_status=404).indices.get_index_template(
                name=f"{namespace}-*"
            )
            for template in templates.get("index_templates", []):
                client.indices.delete_index_template(name=template["name"])


@contextmanager
def topics(
    kafka: str, partitions: Mapping[str, int], config: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The URL of a bus with these topics in a new namespace of the broker at this address; they are
    deleted at last."""
    from kafka import KafkaAdminClient

    namespace = f"t{uuid.uuid4().hex[:12]}"
    with KafkaAdminClient(bootstrap_servers=kafka) as admin:
        admin.create_topics(
            {
                f"{namespace}.{name}": {
                    "num_partitions": number,
                    "configs": {"max.message.bytes": "5000000", **(config or {})},
                }
                for name, number in partitions.items()
            },
            wait_for_metadata=True,
        )
    yield f"kafka://{kafka}/?namespace={namespace}"
    with KafkaAdminClient(bootstrap_servers=kafka) as admin:
        admin.delete_topics([name for name in admin.list_topics() if namespace in str(name)])
