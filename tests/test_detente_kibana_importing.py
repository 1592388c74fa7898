"""`detente prepare --kibana`: into a server that answers as Kibana does, and what may go wrong.

A Kibana can't be had where these tests run, so `tests.kibana` stands in for one. It does what the
sources of Kibana's import say: a form with a file, `kbn-xsrf`, references looked up, an HTTP 200
also where objects were refused. Whether Kibana draws the charts, it can't tell; what their
aggregations count is in test_detente_kibana.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from detente.errors import ConfigError
from detente.kibana import kibana_objects, ndjson
from detente.kibana.importing import import_objects
from detente.settings import ElasticsearchSettings
from tests.commandline import Detente, command_line
from tests.feeds.tls import CERTIFICATE, server_context
from tests.httpserver import HttpServer, unused_port
from tests.kibana import Kibana
from tests.servers import Server, namespaces

STORE = "https://es.example:9200"
OBJECTS = kibana_objects("detente", ("USA", "RUS"))
PASSWORD = "correct-horse"
SETTINGS = ElasticsearchSettings(timeout=5.0)


@pytest.fixture
def kibana() -> Iterator[Kibana]:
    with Kibana() as running:
        yield running


def refused(url: str, settings: ElasticsearchSettings = SETTINGS, store: str = STORE) -> str:
    """What is said of an import that can't be."""
    with pytest.raises(ConfigError) as error:
        import_objects(url, OBJECTS, store, settings)
    said = "\n".join(error.value.problems)
    assert PASSWORD not in said
    return said


def test_all_objects_are_written_and_again_over_themselves(kibana: Kibana) -> None:
    for _ in range(2):
        told = import_objects(kibana.address, OBJECTS, STORE, SETTINGS)
        assert told[0] == f"Kibana 9.1.2 at {kibana.address}: {len(OBJECTS)} objects written"
        assert told[1] == (
            f"Détente: relations: {kibana.address}/app/dashboards#/view/detente-relations"
        )
        assert len(told) == 4
    kept = [json.loads(json.dumps(one)) for one in kibana.objects.values()]
    assert kept == OBJECTS


def test_into_a_space(kibana: Kibana) -> None:
    told = import_objects(f"{kibana.address}/s/press/", OBJECTS, STORE, SETTINGS)
    assert f"{kibana.address}/s/press/app/dashboards#/view/detente-alerts" in told[-1]
    assert {space for space, _, _ in kibana.objects} == {"press"}
    assert set(kibana.asked) == {
        "GET /s/press/api/status",
        "POST /s/press/api/saved_objects/_import",
    }


@pytest.mark.parametrize(
    ("login", "within", "store", "settings"),
    [
        (f"me:{PASSWORD}", f"me:{PASSWORD}@", STORE, {}),
        ("me:a@b/c d", "me:a%40b%2Fc%20d@", STORE, {}),
        (f"me:{PASSWORD}", f"me:{PASSWORD}@", STORE, {"api_key": "other"}),
        ("aWQ6a2V5", "", STORE, {"api_key": "aWQ6a2V5"}),
        (f"me:{PASSWORD}", "", STORE, {"username": "me", "password": PASSWORD}),
        (f"me:{PASSWORD}", "", f"https://me:{PASSWORD}@es.example:9200", {}),
    ],
)
def test_a_login_is_kibanas_own_or_that_of_elasticsearch(
    kibana: Kibana, login: str, within: str, store: str, settings: dict[str, str]
) -> None:
    kibana.login = login
    address = kibana.address.replace("://", f"://{within}")
    told = import_objects(address, OBJECTS, store, ElasticsearchSettings(**settings))  # type: ignore[arg-type]
    assert PASSWORD not in "".join(told)
    assert len(kibana.objects) == len(OBJECTS)


def test_what_was_not_written_is_listed_whole(kibana: Kibana) -> None:
    kibana.broken = {
        "detente-relations-tone": "Migration function for version 8.9.0 threw an error",
        "detente-alerts-latest": "mapping set to strict",
    }
    lines = refused(kibana.address).splitlines()
    assert lines == [
        f"--kibana {kibana.address}: lens 'detente-relations-tone' wasn't written: unknown: "
        "Migration function for version 8.9.0 threw an error",
        f"--kibana {kibana.address}: search 'detente-alerts-latest' wasn't written: unknown: "
        "mapping set to strict",
    ]


def test_an_object_that_refers_to_nothing_says_to_what(kibana: Kibana) -> None:
    alone = [one for one in OBJECTS if one["type"] == "dashboard"][:1]
    with pytest.raises(ConfigError) as error:
        import_objects(kibana.address, alone, STORE, SETTINGS)
    (problem,) = error.value.problems
    assert "dashboard 'detente-relations' wasn't written: missing_references: without " in problem
    assert "lens detente-relations-articles, lens detente-relations-there" in problem


def test_a_success_that_is_none_is_told(kibana: Kibana) -> None:
    said = b'{"success": true, "successCount": 3}'
    kibana.refused["/api/saved_objects/_import"] = (200, JSON, said)
    assert refused(kibana.address).endswith(f": only 3 of {len(OBJECTS)} objects were written")


JSON = {"content_type": "application/json"}
HTML = {"content_type": "text/html; charset=utf-8"}
STATUS, IMPORT = "/api/status", "/api/saved_objects/_import"


@pytest.mark.parametrize(
    ("path", "status", "headers", "body", "said"),
    [
        (STATUS, 401, JSON, b'{"message": "unable to authenticate"}', "refuses this login (401)"),
        (STATUS, 401, JSON, b"{}", "elasticsearch.api_key, or elasticsearch.username"),
        (IMPORT, 403, JSON, b'{"message": "Unable to bulk_create"}', "(403) (Unable to bulk_crea"),
        (IMPORT, 403, JSON, b"{}", "Saved Objects Management: All"),
        (STATUS, 404, HTML, b"<html>", "look at its base path, and at the name after /s/"),
        (IMPORT, 404, JSON, b'{"message": "Saved object [space/x] not found"}', "[space/x] not fo"),
        (STATUS, 200, HTML, b"<html>login", "answers 200 with text/html, where Kibana's API has"),
        (IMPORT, 200, HTML, b"<html>", "and not that of a login page?"),
        (STATUS, 200, {}, b"", "answers 200 with something else"),
        (STATUS, 302, {"location": "/kibana"}, b"", "sends us on to /kibana; write the address"),
        (STATUS, 503, HTML, b"Kibana server is not ready yet", "isn't ready yet (503); try again"),
        (STATUS, 502, HTML, b"<html>", "answers 502 with text/html"),
        (IMPORT, 413, JSON, b'{"message": "Payload too large"}', "answers 413 (Payload too large)"),
        (IMPORT, 400, JSON, b'{"message": "kbn-xsrf"}', "answers 400 (kbn-xsrf)"),
        (STATUS, 200, JSON, b"[]", "answers 200 with application/json"),
        (STATUS, 200, JSON, b'{"cluster_name": "es"}', "this is no Kibana: it tells no version"),
        (STATUS, 200, JSON, b'{"status": {"overall": {}}}', "to who isn't logged in; give a login"),
        (STATUS, 200, JSON, b'{"version": {"number": "8.19.4"}}', "this is Kibana 8.19.4, but"),
    ],
)
def test_an_answer_that_is_none_says_how_to_mend_it(
    kibana: Kibana, path: str, status: int, headers: dict[str, str], body: bytes, said: str
) -> None:
    kibana.refused[path] = (status, headers, body)
    told = refused(kibana.address)
    assert told.startswith(f"--kibana {kibana.address}: ")
    assert said in told
    assert "\n" not in told
    assert not kibana.objects


def test_a_login_that_is_wrong(kibana: Kibana) -> None:
    kibana.login = "me:other"
    address = kibana.address.replace("://", f"://me:{PASSWORD}@")
    assert "refuses this login (401)" in refused(address)


@pytest.mark.parametrize("version", ["9.0.0", "9.5.0-SNAPSHOT", "10.2.1"])
def test_a_kibana_that_is_new_enough(kibana: Kibana, version: str) -> None:
    kibana.version = version
    assert import_objects(kibana.address, OBJECTS, STORE, SETTINGS)


def test_a_kibana_that_is_not_there() -> None:
    holder, port = unused_port()
    with holder:
        assert "can't be reached: " in refused(f"http://me:{PASSWORD}@127.0.0.1:{port}")


def test_a_kibana_that_never_answers() -> None:
    with HttpServer(talk=lambda connection: connection.wait(20)) as silent:
        said = refused(silent.url(), ElasticsearchSettings(timeout=0.2))
    assert "no answer in time" in said


def test_a_certificate_is_trusted_by_the_authority_of_elasticsearch(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    settings = ElasticsearchSettings(ca=authority, timeout=5.0)
    with Kibana(tls=server_context()) as secure:
        assert "set elasticsearch.ca to the authority" in refused(secure.address)
        authority.write_text("no certificate")
        assert f"elasticsearch.ca = '{authority}': can't be read" in refused(
            secure.address, settings
        )
        authority.write_text(CERTIFICATE)
        assert import_objects(secure.address, OBJECTS, STORE, settings)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kibana.example:5601", "--kibana kibana.example:5601: write https://host:5601"),
        ("ftp://kibana.example", "write https://host:5601, with /s/name at the end"),
        ("https://", "write https://host:5601"),
        ("https://host:port", "Port could not be cast to integer"),
        (f"https://me:{PASSWORD}@host?space=x", "--kibana https://***@host?space=x: write"),
        (f"https://me:{PASSWORD}/1@host", "--kibana https://***@host: is no address; write"),
        (f"https://me:{PASSWORD}@1@host:x", "--kibana https://***@host:x: "),
        (f"https://host/?api_key={PASSWORD}", "--kibana https://host/?api_key=***: write"),
    ],
)
def test_an_address_that_is_none_is_shown_without_its_password(url: str, said: str) -> None:
    assert said in refused(url)


def test_half_a_login_is_told_before_anything_is_asked(kibana: Kibana) -> None:
    said = refused(kibana.address, ElasticsearchSettings(username="me"))
    assert said == "elasticsearch: username is set, but no password"
    assert kibana.asked == []


# The command


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    return command_line(monkeypatch, capfd, tmp_path)


def test_prepare_with_kibana_and_a_file(
    detente: Detente,
    elasticsearch: Server,
    kibana: Kibana,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with namespaces(elasticsearch.address) as new_url:
        url = new_url()
        namespace = url.partition("namespace=")[2]
        monkeypatch.setenv("DETENTE_STORE", url)
        said = detente("prepare", "--kibana", kibana.address, "--kibana-file", "all.ndjson")
        assert said.code == 0, said.err
        assert f"index {namespace}-alerts: created" in said.out
        assert f"Détente: coverage ({namespace}): {kibana.address}/app/" in said.out
        again = detente("prepare", "--kibana", kibana.address, "--json")
        assert again.code == 0
        assert f"index {namespace}-alerts: is there" in again.json["prepared"]
        assert again.json["problems"] == []
    objects = kibana_objects(namespace, ("USA", "RUS"))
    assert list(kibana.objects.values()) == objects
    assert (tmp_path / "all.ndjson").read_bytes() == ndjson(objects)


def test_prepare_lists_the_problems_of_kibana_with_the_others(
    detente: Detente, kibana: Kibana, monkeypatch: pytest.MonkeyPatch
) -> None:
    kibana.version = "8.0.0"
    holder, port = unused_port()
    with holder:
        monkeypatch.setenv("DETENTE_STORE", f"http://127.0.0.1:{port}")
        said = detente("prepare", "--kibana", kibana.address)
    assert said.code == 2
    reached, old = said.err.splitlines()
    assert "can't be reached" in reached
    assert "this is Kibana 8.0.0" in old


def test_kibana_needs_elasticsearch(detente: Detente, kibana: Kibana, tmp_path: Path) -> None:
    for option in (["--kibana", kibana.address], ["--kibana-file", "all.ndjson"]):
        said = detente("prepare", *option)
        assert said.code == 2
        assert "Kibana shows what is in Elasticsearch, and the articles are in " in said.err
        assert "sqlite:///var/articles.sqlite" in said.err
    assert kibana.asked == []
    assert not (tmp_path / "all.ndjson").exists()


def test_a_file_that_cant_be_written(
    detente: Detente, elasticsearch: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with namespaces(elasticsearch.address) as new_url:
        monkeypatch.setenv("DETENTE_STORE", new_url())
        said = detente("prepare", "--kibana-file", "no/such/folder/all.ndjson")
    assert said.code == 2
    assert "--kibana-file no/such/folder/all.ndjson: can't be written: No such file" in said.err
