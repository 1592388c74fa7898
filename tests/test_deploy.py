"""What in `deploy/` can be held against the code without a container engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from detente import __version__
from detente.alerts.alertindex import alert_index
from detente.bus.base import MAX_RECORD_BYTES
from detente.bus.kafka import HEADROOM
from detente.bus.kafka_client import Cluster
from detente.bus.topics import declared_topics
from detente.cli import app
from detente.cli.pipeline import PATIENCE
from detente.dashboard.passwords import hashed
from detente.dashboard.security import check_binding
from detente.errors import ConfigError
from detente.flow import ASSESSED, COLLECTED, FEED_STATE, ROUTES, TOPICS, dead_letter_topic
from detente.settings import (
    ElasticsearchSettings,
    KafkaSettings,
    _unknown_variables,
    load_settings,
)
from detente.store.elastic_client import DEFAULT_NAMESPACE, MAJOR, parse_address
from detente.store.indices import next_alias
from detente.store.mapping import Generation
from detente.telemetry import serve_metrics
from tests.servers import free_port

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
STAGES = {route.stage for route in ROUTES}
OURS = sorted({"prepare", "dashboard"} | STAGES)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

Instruction = tuple[str, str]


def env_example() -> dict[str, str]:
    lines = (DEPLOY / "env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled_in(text: str) -> str:
    """The text with its `${VARIABLE}`s as in env.example, and `x` for what is empty there."""
    values = env_example()
    return re.sub(r"(?<!\$)\$\{(\w+)[^}]*\}", lambda match: values[match[1]] or "x", text)


def environment(service: str) -> dict[str, str]:
    given = SERVICES[service].get("environment", {})
    return {name: filled_in(str(value)) for name, value in given.items()}


def dockerfile() -> list[list[Instruction]]:
    """The instructions of each stage of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest.strip()))
    return stages


def those(stage: Sequence[Instruction], name: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == name]


def understood(words: Sequence[str]) -> None:
    """Raises for what the command line doesn't take."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context("detente", rest)


def shell_script(service: str) -> str:
    """What a service has bash do."""
    shell, options, script = SERVICES[service]["command"]
    assert (shell, options) == ("bash", "-ec")
    return filled_in(script).replace("$$", "$")


# Services


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_an_image_a_limit_and_a_bounded_log(name: str) -> None:
    service = SERVICES[name]
    assert service.get("image") or service.get("build")
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_ends_or_is_kept_running_and_looked_after(name: str) -> None:
    service = SERVICES[name]
    waited_for = {
        how["condition"]
        for other in SERVICES.values()
        for dependency, how in other.get("depends_on", {}).items()
        if dependency == name
    }
    if service["restart"] == "no":
        assert waited_for == {"service_completed_successfully"}
    else:
        assert service["restart"] == "unless-stopped"
        assert "service_completed_successfully" not in waited_for
        looked_after = service.get("healthcheck", {})
        assert looked_after.get("test") or (name in STAGES and not looked_after)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback_address_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert SERVICES[name].get("network_mode") is None


def test_every_stage_has_a_service_and_waits_until_all_is_prepared() -> None:
    for stage in STAGES:
        assert SERVICES[stage]["command"][:2] == ["run", stage]
        assert SERVICES[stage]["depends_on"] == {
            "prepare": {"condition": "service_completed_successfully"}
        }
    assert SERVICES["prepare"]["command"] == ["prepare"]
    assert SERVICES["prepare"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert "setup" in SERVICES["prepare"]["depends_on"]


def test_a_stage_has_the_time_that_it_takes_to_stop() -> None:
    for stage in STAGES:
        seconds = re.fullmatch(r"(\d+)s", SERVICES[stage]["stop_grace_period"])
        assert seconds
        assert int(seconds[1]) > max(5.0, PATIENCE)


def test_our_services_share_one_image_that_one_of_them_builds() -> None:
    ours = [name for name in SERVICES if SERVICES[name].get("image", "").startswith("detente")]
    assert sorted(ours) == OURS
    assert len({SERVICES[name]["image"] for name in ours}) == 1
    (builder,) = (name for name in SERVICES if "build" in SERVICES[name])
    assert builder == "prepare"
    build = SERVICES[builder]["build"]
    context = DEPLOY / build["context"]
    assert (context / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    # Two that build the same tag at a time hinder each other; one that may not pull must not build.
    assert {SERVICES[name].get("pull_policy") for name in STAGES} == {"never"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_no_privileges(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert "user" not in SERVICES[name]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_that_there_is(name: str) -> None:
    understood(SERVICES[name]["command"])
    with pytest.raises(Exception, match="No such option"):
        understood([*SERVICES[name]["command"], "--no-such-option"])


def test_the_commands_in_the_readme_and_the_comments_are_there() -> None:
    texts = COMPOSE_TEXT + (DEPLOY / "README.md").read_text("utf-8")
    found = re.findall(r"(?:exec indexer detente|run --rm prepare) ([a-z][a-z -]*[a-z])", texts)
    assert {"stats", "reindex --drop"} <= set(found)
    for words in found:
        understood(words.split())
    with pytest.raises(KeyError):
        understood(["alchemists"])


# Variables


@pytest.mark.parametrize(
    "file",
    ["compose.yaml", "env.example", "Dockerfile", "README.md", "detente.example.toml"],
)
def test_every_variable_of_ours_is_a_setting(file: str) -> None:
    text = (DEPLOY / file).read_text("utf-8")
    names = set(re.findall(r"\bDETENTE_[A-Z_]+[A-Z]\b", text))
    assert names
    assert _unknown_variables(dict.fromkeys(names, "")) == []


def test_compose_asks_for_what_the_example_of_its_environment_has() -> None:
    used = set(re.findall(r"(?<!\$)\$\{?(\w+)", COMPOSE_TEXT))
    used |= {about["environment"] for about in COMPOSE["secrets"].values()}
    assert used == {name for name in env_example() if not name.startswith("COMPOSE_")}


def test_compose_refuses_a_variable_that_is_empty() -> None:
    for variable in re.findall(r"(?<!\$)\$\{[^}]*\}", COMPOSE_TEXT):
        assert variable.endswith(":?}")


def test_an_engine_of_its_own_can_stand_in_for_each_profile() -> None:
    profiles = {profile for one in SERVICES.values() for profile in one.get("profiles", ())}
    assert set(env_example()["COMPOSE_PROFILES"].split(",")) == profiles
    for service in SERVICES.values():
        for dependency, how in service.get("depends_on", {}).items():
            if SERVICES[dependency].get("profiles", []) != service.get("profiles", []):
                assert how.get("required") is False


@pytest.mark.parametrize("name", OURS)
def test_the_settings_of_a_service_of_ours_load(name: str, tmp_path: Path) -> None:
    given = environment(name)
    for variable in [variable for variable in given if variable.endswith("_FILE")]:
        secret = Path(given[variable])
        assert secret.parent == Path("/run/secrets")
        assert secret.name in SERVICES[name]["secrets"]
        assert secret.name in COMPOSE["secrets"]
        given[variable] = str(tmp_path / secret.name)
        users = json.dumps({"ann": hashed("correct horse battery")})
        Path(given[variable]).write_text(f"{users if 'users' in secret.name else 'hush'}\n")
    settings = load_settings(environ=given)
    assert Cluster(settings.bus, settings.kafka).brokers == ["kafka:19092"]
    assert settings.feeds.is_absolute()
    if settings.elasticsearch.username:
        assert settings.elasticsearch.username == "detente"
        assert settings.elasticsearch.password is not None
        assert parse_address(settings.store)[0] == "https://es01:9200"


def test_the_dashboard_starts_only_for_those_who_log_in(tmp_path: Path) -> None:
    given = environment("dashboard")
    users = tmp_path / "users"
    given["DETENTE_DASHBOARD__USERS_FILE"] = str(users)
    given.pop("DETENTE_ELASTICSEARCH__PASSWORD_FILE")
    given.pop("DETENTE_ELASTICSEARCH__USERNAME")
    users.write_text("{}")
    with pytest.raises(ConfigError, match="somebody has to log in"):
        check_binding(load_settings(environ=given).dashboard)
    users.write_text(json.dumps({"ann": hashed("correct horse battery")}))
    settings = load_settings(environ=given).dashboard
    check_binding(settings)
    assert {"localhost", "127.0.0.1"} == set(settings.hosts)
    published = SERVICES["dashboard"]["ports"][0].rpartition(":")[2]
    assert settings.listen == f"0.0.0.0:{published}"


def test_only_who_opens_the_store_has_its_password() -> None:
    having = {name for name in SERVICES if "store_password" in SERVICES[name].get("secrets", ())}
    assert having == {"prepare", "indexer", "alerts", "dashboard", "setup"}
    for name in OURS:
        for variable in environment(name):
            assert not re.search(r"(PASSWORD|SECRET|API_KEY)$", variable)


def test_what_is_mounted_is_where_the_settings_look() -> None:
    for name in OURS:
        mounted = {volume["target"] for volume in SERVICES[name]["volumes"] if "target" in volume}
        assert environment(name)["DETENTE_FEEDS"] in mounted
        folders = [volume.split(":")[-2] for volume in SERVICES[name]["volumes"] if ":ro" in volume]
        ca = environment(name).get("DETENTE_ELASTICSEARCH__CA")
        assert ca is None or str(Path(ca).parent) in folders
    assert (DEPLOY / env_example()["FEEDS_FILE"]).is_file()
    assert env_example()["CA_FOLDER"] in COMPOSE["volumes"]


# Kafka


def test_the_topics_are_those_of_the_flow() -> None:
    declared = {topic.name for topic in declared_topics(DEPLOY / "kafka" / "topics.yaml")}
    assert declared == {*TOPICS, *map(dead_letter_topic, TOPICS), FEED_STATE}


def test_the_topics_are_kept_as_the_flow_needs_them() -> None:
    topics = {topic.name: topic for topic in declared_topics(DEPLOY / "kafka" / "topics.yaml")}
    assert topics[COLLECTED].partitions == topics[ASSESSED].partitions
    for name, topic in topics.items():
        policy = "compact" if name == FEED_STATE else "delete"
        assert topic.config["cleanup.policy"] == policy
        # Beside value, key and headers there is the client's own frame around a batch.
        room = int(topic.config["max.message.bytes"]) - (MAX_RECORD_BYTES + HEADROOM)
        assert room > 64 * 1024


def test_a_stage_that_was_off_finds_its_place_for_as_long_as_its_topic_is_kept() -> None:
    topics = declared_topics(DEPLOY / "kafka" / "topics.yaml")
    longest = max(int(topic.config.get("retention.ms", 0)) for topic in topics)
    assert int(environment("kafka")["KAFKA_OFFSETS_RETENTION_MINUTES"]) * 60_000 >= longest


def test_kafka_makes_no_topics_by_itself() -> None:
    assert environment("kafka")["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_the_one_broker_is_asked_for_one_copy() -> None:
    given = environment("kafka")
    copies = {name: value for name, value in given.items() if name.endswith(("FACTOR", "MIN_ISR"))}
    assert len(copies) == 5
    assert set(copies.values()) == {"1"}
    assert env_example()["DETENTE_KAFKA__REPLICATION"] == "1"


def test_every_listener_has_a_protocol_and_clients_find_theirs() -> None:
    given = environment("kafka")
    listeners = {text.split("://")[0] for text in given["KAFKA_LISTENERS"].split(",")}
    protocols = given["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    assert {text.split(":")[0] for text in protocols} == listeners
    advertised = dict(text.split("://") for text in given["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert set(advertised) == listeners - {given["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert env_example()["DETENTE_BUS"] == f"kafka://{advertised['PLAINTEXT']}"


# Elasticsearch


def test_elasticsearch_is_of_the_version_that_we_speak_with() -> None:
    images = {
        name: filled_in(service["image"]).split(":")
        for name, service in SERVICES.items()
        if re.match(r"elasticsearch|kibana", service["image"])
    }
    assert set(images) == {"certs", "es01", "setup", "kibana"}
    assert len({tag for _, tag in images.values()}) == 1
    assert images["es01"][1].split(".")[0] == str(MAJOR)


@pytest.mark.parametrize("service", ["certs", "setup"])
def test_the_scripts_are_in_form(service: str) -> None:
    subprocess.run(["bash", "-n", "-c", shell_script(service)], check=True)


def test_our_user_has_its_own_indices_and_no_others(tmp_path: Path) -> None:
    role = asked_of_elasticsearch(tmp_path)["PUT role/detente"]
    assert set(role["cluster"]) == {"monitor", "manage_index_templates", "manage_ilm"}
    (indices,) = role["indices"]
    assert set(indices["privileges"]) == {"read", "index", "manage"}
    alias = f"{DEFAULT_NAMESPACE}-articles"
    coming = Generation(alias, 2)
    alerts = alert_index(DEFAULT_NAMESPACE)
    for name in (alias, next_alias(alias), coming.month("2026-11-24"), f"{coming}-*", alerts):
        assert any(fnmatch(name, pattern) for pattern in indices["names"])
    others = ("detente-articles2", "detente-alerts2", "staging-articles", ".security")
    for name in ("detente", *others, "*"):
        assert not any(fnmatch(name, pattern) for pattern in indices["names"])


def test_the_passwords_are_those_of_the_environment(tmp_path: Path) -> None:
    asked = asked_of_elasticsearch(tmp_path)
    assert asked["POST user/kibana_system/_password"] == {"password": "kibana1"}
    assert asked["PUT user/detente"] == {"password": "store1", "roles": ["detente"]}
    assert environment("kibana")["ELASTICSEARCH_USERNAME"] == "kibana_system"


def test_a_password_that_would_break_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        asked_of_elasticsearch(tmp_path, store='a"b')
    assert "letters and digits" in caught.value.stderr


def asked_of_elasticsearch(tmp_path: Path, store: str = "store1") -> dict[str, Any]:
    """What the service `setup` asks of the server: the body of each request."""
    secret = tmp_path / "store_password"
    secret.write_text(store)
    programs = tmp_path / "programs"
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text('#!/bin/sh\nprintf \'%s\\0\' "$@" >> "$REQUESTS"\n')
    curl.chmod(0o755)
    requests = tmp_path / "requests"
    subprocess.run(
        ["bash", "-ec", shell_script("setup").replace("/run/secrets/store_password", str(secret))],
        env={
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "REQUESTS": str(requests),
            "ELASTIC_PASSWORD": "elastic1",
            "KIBANA_PASSWORD": "kibana1",
        },
        check=True,
        capture_output=True,
        text=True,
    )
    words = requests.read_text("utf-8").split("\0")
    values = {
        option: [after for word, after in pairwise(words) if word == option]
        for option in ("--user", "--request", "--data")
    }
    assert set(values["--user"]) == {"elastic:elastic1"}
    addresses = [word for word in words if word.startswith("https://es01:9200/_security/")]
    return {
        f"{method} {address.partition('_security/')[2]}": json.loads(body)
        for method, address, body in zip(
            values["--request"], addresses, values["--data"], strict=True
        )
    }


# The settings example


def example(uncommented: bool) -> str:
    text = (DEPLOY / "detente.example.toml").read_text("utf-8")
    return re.sub(r"(?m)^# (?=\w+ = )", "", text) if uncommented else text


@pytest.mark.parametrize("uncommented", [False, True])
def test_the_settings_example_loads(uncommented: bool, tmp_path: Path) -> None:
    file = tmp_path / "detente.toml"
    file.write_text(example(uncommented), "utf-8")
    settings = load_settings(file, {})
    assert (settings.elasticsearch.retention_days is not None) == uncommented
    assert len(Cluster(settings.bus, KafkaSettings()).brokers) > 1
    assert parse_address(settings.store)[1] == f"{DEFAULT_NAMESPACE}-articles"


def test_the_settings_example_has_all_that_a_cluster_may_need_but_no_secrets() -> None:
    given = tomllib.loads(example(uncommented=True))
    secret = {"password", "key_password", "api_key", "oauth_client_secret"}
    for section, known in (("kafka", KafkaSettings), ("elasticsearch", ElasticsearchSettings)):
        named = set(known.model_fields) - secret - {"delivery_timeout"}
        assert set(given[section]) == named


# The image


def test_the_image_runs_as_nobody_in_particular_with_a_fixed_number() -> None:
    final = dockerfile()[-1]
    (user,) = those(final, "USER")
    number, group = map(int, user.split(":"))
    assert min(number, group) >= 1_000
    made = " ".join(those(final, "RUN"))
    assert f"--uid {number} --gid {group}" in made
    for name in OURS:
        assert f":uid={number},gid={group}," in SERVICES[name]["tmpfs"][0]
    last_root = max(place for place, (name, _) in enumerate(final) if name == "RUN")
    assert last_root < [name for name, _ in final].index("USER")


def test_the_image_has_the_environment_and_nothing_that_built_it() -> None:
    *built, final = dockerfile()
    assert len(built) == 1
    assert those(final, "COPY") == ["--from=build /opt/detente /opt/detente"]
    assert not those(final, "ADD")
    for command in those(final, "RUN"):
        assert not re.search(
            r"\b(pip|apt(-get)?|apk|gcc|g\+\+|make|build-essential|curl)\b", command
        )
    bases = {those(stage, "FROM")[0].split()[0] for stage in dockerfile()}
    assert len(bases) == 1  # the environment's interpreter is a link to the base's
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases.pop())


def test_the_requirements_are_the_locked_ones_and_none_is_built() -> None:
    build, _ = dockerfile()
    (locked,) = (command for command in those(build, "RUN") if "run.lock" in command)
    assert "--require-hashes" in locked
    assert "--only-binary :all:" in locked
    for command in those(build, "RUN"):
        for install in re.findall(r"pip [^&]*\binstall\b[^&]*", command):
            assert re.search(r"--require-hashes|==|--no-index", install)
    assert "PIP_NO_CACHE_DIR=1" in " ".join(those(build, "ENV"))
    lock = (ROOT / "requirements" / "run.lock").read_text("utf-8")
    assert not re.search(r"^torch\b", lock, re.MULTILINE)


def test_the_image_starts_our_command_where_its_files_are() -> None:
    final = dockerfile()[-1]
    (entry,) = those(final, "ENTRYPOINT")
    assert json.loads(entry) == ["detente"]
    assert "detente" in PROJECT["project"]["scripts"]
    assert those(final, "WORKDIR") == those(final, "VOLUME") == ["/var/lib/detente"]


def test_the_image_is_labelled_with_this_version() -> None:
    final = dockerfile()[-1]
    assert f"VERSION={__version__}" in those(final, "ARG")
    (labels,) = those(final, "LABEL")
    for name in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert f'licenses="{PROJECT["project"]["license"]}"' in labels


def test_the_health_check_tells_a_stage_that_answers_from_one_that_does_not() -> None:
    final = dockerfile()[-1]
    (check,) = those(final, "HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "/opt/detente/bin/python"
    assert re.search(r"\bDETENTE_METRICS_PORT=\d+", " ".join(those(final, "ENV")))
    port = free_port()
    environ = {"DETENTE_METRICS_PORT": str(port)}

    def healthy() -> bool:
        done = subprocess.run(
            [sys.executable, *command[1:]], env=environ, capture_output=True, check=False
        )
        return done.returncode == 0

    assert not healthy()
    server, thread = serve_metrics(port)
    try:
        assert healthy()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_builder_is_given_all_that_the_wheel_is_made_of_and_nothing_else() -> None:
    build, _ = dockerfile()
    copied = {path for copy in those(build, "COPY") for path in copy.split()[:-1]}
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert copied == {
        "requirements/run.lock",
        "pyproject.toml",
        PROJECT["project"]["readme"],
        *PROJECT["project"]["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
    }
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    first, *rest = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    assert {line.removeprefix("!") for line in rest if line.startswith("!")} == copied
    assert "**/__pycache__" in rest
    assert all((ROOT / path).exists() for path in copied)


def test_the_topics_are_in_the_wheel() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"deploy/kafka/topics.yaml": "detente/bus/topics.yaml"}
    assert (DEPLOY / "kafka" / "topics.yaml").is_file()
