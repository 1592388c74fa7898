"""What the dashboard answers: pages, files, JSON, forms, and to whom."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from detente.alerts.state import AlertState
from detente.bus import open_bus
from detente.bus.base import Record
from detente.dashboard.passwords import hashed
from detente.dashboard.security import MOST_BODY, Budget, check_binding
from detente.deadletters import dead_letter, list_dead_letters
from detente.errors import ConfigError
from detente.flow import COLLECTED, dead_letter_topic
from detente.settings import DashboardSettings, Settings
from detente.wire import encode
from tests.articles import alert, collected
from tests.contracts.store import document
from tests.dashboards import asked, fill, settings_in, tell_story

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=400)


def dyad(holder: str, target: str, score: float) -> dict[str, Any]:
    label = "adversarial" if score < 0 else "cooperative"
    one = {"holder": holder, "target": target, "label": label, "score": score, "sentences": 1}
    return {
        "dyads": [one],
        "dyad_labels": [f"{holder}>{target}:{label}"],
        "first_toward_second" if holder == "USA" else "second_toward_first": score,
        "stances": [
            {
                "holder": holder,
                "target": target,
                "label": label,
                "grade": "-1",
                "score": score,
                "confidence": 0.8,
                "part": "body",
                "start": 0,
                "end": 22,
                "text": "Nothing much was said.",
                "quoted": False,
            }
        ],
    }


def given(id: str, days_ago: float = 0.1, **changes: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=days_ago)
    dates = {"published": at, "first_seen": at, "collected": at, "assessed": at}
    return document(id, **{**dates, **changes})


DOCUMENTS = (
    given("a1", title="Envoys meet in Muscat", country="US", kind="gov", issues=["visas"]),
    given("a2", 0.2, title="Envoys meet again", country="RU", kind="wire", outlet="Other Wire"),
    given("a3", 40, title="=HYPERLINK(1)", relevance="peripheral", **dyad("USA", "RUS", -0.5)),
    given("a4", 0.3, title="Rain", relevance="none", source="other.example", language="en"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    fill(settings, DOCUMENTS)
    return settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with asked(settings) as client:
        yield client


def titles(text: str) -> list[str]:
    return re.findall(r'<h3 dir="auto"><a href="/article/\w+">(.*?)</a>', text)


def form_key(client: TestClient, path: str) -> str:
    found = re.search(r'name="form_key" value="(\w+)"', client.get(path).text)
    assert found
    return found[1]


def test_the_first_page_has_the_week_and_the_stories(
    settings: Settings, client: TestClient
) -> None:
    adds = {"a2": ("reversal",)}
    tell_story(settings, "s1", DOCUMENTS[:2][::-1], adds=adds)  # type: ignore[arg-type]
    text = client.get("/").text
    assert titles(text) == ["Envoys meet again"]
    assert "2 articles, 2 outlets" in text
    assert "a reversal" in text
    shown = client.get("/api/v1/today").json()
    assert shown["articles"] == 3
    assert shown["core"] == 2
    assert [one["toward"] for one in shown["standings"]] == ["USA>RUS", "RUS>USA"]
    assert [one["story"] for one in shown["stories"]] == ["s1"]
    long = client.get("/api/v1/today?days=90").json()
    assert [p["mean"] for p in long["series"]["United States → Russia"]] == [-0.5]


def test_a_period_that_there_is_not(client: TestClient) -> None:
    answer = client.get("/?days=7")
    assert (answer.status_code, "one of 30, 90, 365" in answer.text) == (400, True)
    assert client.get("/api/v1/today?days=seven").json()["problems"][0].startswith("days: ")


def test_a_story_says_who_has_it_and_what_each_adds(settings: Settings, client: TestClient) -> None:
    tell_story(settings, "s1", DOCUMENTS[:3], copies={"a1": "a2"})
    story = client.get("/api/v1/stories/s1").json()
    assert [one["article"]["id"] for one in story["told"]] == ["a3", "a2", "a1"]
    assert story["told"][2]["copies"] == "Other Wire"
    assert story["outlets"] == 2
    assert dict(story["countries"]) == {"US": 1, "RU": 1}
    assert [(s["kind"], s["mean"]) for s in story["stances"]] == [("unknown", -0.5)]
    assert "copies <bdi>Other Wire</bdi>" in client.get("/story/s1").text
    assert client.get("/story/none").status_code == 404


def test_an_article_shows_the_sentence_where_it_stands(client: TestClient) -> None:
    text = client.get("/article/a3").text
    assert re.search(
        r'<mark class="hostile"><a href="#stance-1"[^>]*>Nothing much was said\.', text
    )
    assert client.get("/api/v1/articles/a3").json()["story"] is None
    assert client.get("/article/none").status_code == 404
    assert client.get("/api/v1/articles/none").json() == {"problems": ["There is no such article."]}


def test_what_a_search_finds_and_what_else_there_is(client: TestClient) -> None:
    found = client.get("/api/v1/search?q=envoys&kind=gov").json()
    assert [one["id"] for one in found["articles"]] == ["a1"]
    kinds = {one["value"]: (one["count"], one["chosen"]) for one in found["facets"]["kind"]}
    assert kinds == {"gov": (1, True), "wire": (1, False)}
    text = client.get("/search?q=envoys&kind=gov").text
    assert titles(text) == ["Envoys meet in Muscat"]
    assert 'href="/search?q=envoys&amp;kind=gov&amp;kind=wire"' in text
    day = NOW - timedelta(days=40)
    within = client.get(f"/api/v1/search?from={day:%Y-%m-%d}&to={day:%Y-%m-%d}").json()
    assert [one["id"] for one in within["articles"]] == ["a3"]


def test_pages_go_on_where_the_last_one_ended(client: TestClient) -> None:
    seen, after = [], ""
    while True:
        page = client.get("/api/v1/search", params={"size": 1, "after": after}).json()
        seen += [one["id"] for one in page["articles"]]
        after = page["next"]
        if not after:
            break
    assert seen == ["a1", "a2", "a4", "a3"]


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ("q=(envoys", "parenthesis"),
        ("q=nothing:1", "nothing"),
        ("from=yesterday", "write a day as"),
        ("order=size", "must be one of"),
        ("size=many", "size"),
        ("after=nowhere", "no place to go on from"),
    ],
)
def test_a_search_that_can_not_be_read_says_why(
    client: TestClient, asked_for: str, said: str
) -> None:
    page, program = client.get(f"/search?{asked_for}"), client.get(f"/api/v1/search?{asked_for}")
    assert (page.status_code, program.status_code) == (400, 400)
    assert said in page.text.lower()
    assert said in program.json()["problems"][0].lower()


def test_files_of_a_search(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/export.csv?relevance=peripheral").text)))
    assert [(row["id"], row["title"], row["first_toward_second"]) for row in rows] == [
        ("a3", "'=HYPERLINK(1)", "-0.5")
    ]
    lines = client.get("/export.jsonl?q=envoys").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a1", "a2"]
    feed = ElementTree.fromstring(client.get("/export.atom?q=envoys").content)
    atom = "{http://www.w3.org/2005/Atom}"
    assert [e.findtext(f"{atom}title") for e in feed.iter(f"{atom}entry")] == [
        "Envoys meet in Muscat",
        "Envoys meet again",
    ]
    assert client.get("/export.csv?q=(").status_code == 400
    assert client.get("/export.pdf").status_code == 404


def test_a_correction_is_kept_with_what_it_corrects(settings: Settings, client: TestClient) -> None:
    key = form_key(client, "/article/a3")
    about = {"form_key": key, "about": "1", "right": "none", "note": "no position"}
    assert client.post("/article/a3/correct", data=about, follow_redirects=False).status_code == 303
    about = {"form_key": key, "about": "relevance", "right": "core"}
    assert client.post("/article/a3/correct", data=about).status_code == 200
    kept = [json.loads(it) for it in settings.dashboard.corrections.read_text().splitlines()]
    assert [(it["about"], it["said"], it["right"], it["by"]) for it in kept] == [
        ("stance", "-1", "none", "local"),
        ("relevance", "peripheral", "core", "local"),
    ]
    assert (kept[0]["text"], kept[0]["start"]) == ("Nothing much was said.", 0)
    for bad in ({"about": "2", "right": "1"}, {"about": "1", "right": "9"}, {"about": "x"}):
        assert client.post("/article/a3/correct", data={"form_key": key, **bad}).status_code == 400
    assert len(settings.dashboard.corrections.read_text().splitlines()) == 2


def test_a_form_that_is_not_ours_changes_nothing(settings: Settings, client: TestClient) -> None:
    settings.subscriptions.write_text('[destinations.desk]\nwebhook = "https://a.example/h"\n')
    key = form_key(client, "/subscriptions?query=envoys")
    fields = {"query": "visas", "to": "desk", "form_key": key}
    for headers, data in (
        ({}, {**fields, "form_key": "0" * 64}),
        ({}, {**fields, "form_key": ""}),
        ({"Origin": "https://elsewhere.example"}, fields),
        ({"Sec-Fetch-Site": "cross-site"}, fields),
    ):
        assert client.post("/subscriptions", data=data, headers=headers).status_code == 403
    assert "visas" not in settings.subscriptions.read_text()
    assert client.post("/subscriptions", data=fields).status_code == 200
    assert 'id = "visas"' in settings.subscriptions.read_text()
    assert client.get("/subscriptions/visas.atom").headers["content-type"] == "application/atom+xml"
    wrong = client.post("/subscriptions", data={**fields, "query": "(visas", "id": "b"})
    assert wrong.status_code == 400
    assert "subscriptions" in wrong.text


def test_an_alert_is_acknowledged_on_the_page(settings: Settings, client: TestClient) -> None:
    settings.subscriptions.write_text(
        '[destinations.desk]\nwebhook = "https://a.example/h"\n'
        '[[subscriptions]]\nid = "visas"\nquery = "visas"\nto = ["desk"]\n'
    )
    state = AlertState(settings.alerts)
    for story in ("s8", "s9"):
        state.tell(alert("visas", story), ["desk"], now=time.time(), due=time.time() + 999)
    state.close()
    page = client.get("/subscriptions").text
    assert page.count("Acknowledge: On ") == 2
    key = form_key(client, "/subscriptions")
    address = "/subscriptions/visas/acknowledge"
    assert client.post(address, data={"story": "s8"}).status_code == 403
    page = client.post(address, data={"form_key": key, "story": "s8"}).text
    assert page.count("Acknowledge: On ") == 1
    assert "Acknowledged: 1 alert." in page
    client.post(address, data={"form_key": key, "until": "1.0"})
    assert "Acknowledge: On " in client.get("/subscriptions").text
    client.post(address, data={"form_key": key})
    (one,) = client.get("/api/v1/subscriptions").json()["subscriptions"]
    assert all(told["acknowledged"] for told in one["told"])
    assert "Acknowledge all" not in client.get("/subscriptions").text


def test_another_name_for_this_machine_is_refused(client: TestClient) -> None:
    """A page elsewhere whose name was made to lead here (DNS rebinding) reads nothing."""
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost:8090"}).status_code == 200


def test_every_answer_forbids_scripts_of_others(client: TestClient) -> None:
    for path in ("/", "/nowhere", "/api/v1/today", "/static/style.css", "/export.csv"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/", headers={"Host": "x"}).headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("given_settings", "said"),
    [
        ({"listen": "0.0.0.0:8090"}, "somebody has to log in"),
        ({"listen": "[::]:8090"}, "somebody has to log in"),
        ({"user_header": "X-User"}, "dashboard.proxies"),
        ({"users": {"ann": SecretStr("secret")}}, "is no hash"),
    ],
)
def test_it_does_not_start_where_anyone_could_come_in(
    given_settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        check_binding(DashboardSettings(**given_settings))


def test_logging_in(tmp_path: Path) -> None:
    users = {"ann": SecretStr(hashed("correct horse battery"))}
    settings = settings_in(tmp_path, users=users)
    fill(settings, DOCUMENTS)
    with asked(settings) as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/login"
        assert client.get("/api/v1/today").status_code == 401
        assert client.post("/subscriptions", data={}).status_code == 401
        for name, password in (("ann", "wrong"), ("bob", "correct horse battery"), ("", "")):
            answer = client.post("/login", data={"name": name, "password": password})
            assert answer.status_code == 401
        right = {"name": "ann", "password": "correct horse battery"}
        answer = client.post("/login", data=right, follow_redirects=False)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Log out ann" in client.get("/").text
        client.post("/logout", data={"form_key": form_key(client, "/")})
        assert client.get("/api/v1/today").status_code == 401
        forged = cookie.partition("=")[2].partition(";")[0][:-1] + "x"
        client.cookies.set("detente_session", forged)
        assert client.get("/api/v1/today").status_code == 401
        tries = [client.post("/login", data={"name": "ann", "password": "no"}) for _ in range(3)]
        assert tries[-1].status_code == 429


def test_a_proxy_is_believed_and_nobody_else(tmp_path: Path) -> None:
    proxied = {"user_header": "X-User", "proxies": ("127.0.0.1",)}
    settings = settings_in(tmp_path, **proxied)
    fill(settings, ())
    with asked(settings) as client:
        assert "Log out ann" in client.get("/", headers={"X-User": "ann"}).text
        assert client.get("/api/v1/today").status_code == 401
    other = settings_in(tmp_path, **{**proxied, "proxies": ("10.0.0.1",)})
    with asked(other) as client:
        assert client.get("/api/v1/today", headers={"X-User": "ann"}).status_code == 401


def test_too_many_requests_wait(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, burst=3, requests_a_second=0.001)
    fill(settings, ())
    with asked(settings) as client:
        codes = [client.get("/healthz").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert int(client.get("/healthz").headers["retry-after"]) > 900


def test_a_budget_fills_again() -> None:
    clock = iter([0.0, 0.0, 0.0, 5.0, 5.0]).__next__
    budget = Budget(2, 0.2, clock)
    assert [budget.take("a") for _ in range(5)] == [0, 0, 5.0, 0, 5.0]


def test_revisions_are_shown_as_changes(settings: Settings, client: TestClient) -> None:
    bus = open_bus(settings.bus)
    for number, body in ((1, "The talks went well today."), (2, "The talks went badly today.")):
        article = collected("a1", revision=number, body=body)
        bus.publish(COLLECTED, [Record("a1", encode(article))])
    bus.close()
    text = client.get("/article/a1/history").text
    assert "<del>well</del>" in text
    assert "<ins>badly</ins>" in text
    history = client.get("/api/v1/articles/a1/history").json()
    assert [one["revision"] for one in history["revisions"]] == [1, 2]
    assert [step["stage"] for step in history["steps"]] == ["collectors", "collectors", "indexer"]


def test_dead_letters_are_shown_and_sent_back(settings: Settings, client: TestClient) -> None:
    record = Record("a9", b"half a message")
    letter = dead_letter(
        record, topic=COLLECTED, stage="processors", reason="unreadable <b>", now=NOW
    )
    bus = open_bus(settings.bus)
    bus.publish(dead_letter_topic(COLLECTED), [letter])
    text = client.get("/system").text
    assert "unreadable &lt;b&gt;" in text
    (dead,) = client.get("/api/v1/system").json()["dead"]
    key = form_key(client, "/system")
    client.post("/system/replay", data={"form_key": key, "id": dead["id"]})
    assert list_dead_letters(bus) == []
    bus.close()
    assert "None: everything that came was handled." in client.get("/system").text


def test_muting_and_trying_again(settings: Settings, client: TestClient) -> None:
    tell_story(settings, "s1", DOCUMENTS[:1])
    key = form_key(client, "/story/s1")
    answer = client.post("/mute", data={"form_key": key, "story": "s1"})
    assert "Muted: tell of it again" in answer.text
    answer = client.post("/unmute", data={"form_key": key, "story": "s1"})
    assert "Mute: tell nobody of it" in answer.text
    assert (
        "0 messages are tried again." in client.post("/outbox/retry", data={"form_key": key}).text
    )


def test_sources_without_a_catalogue_and_with_one(settings: Settings, client: TestClient) -> None:
    assert "The catalogue has no feeds." in client.get("/sources").text
    assert client.get("/sources/none").status_code == 404
    settings.feeds.write_text(
        '[[feeds]]\nid = "sample"\nurl = "https://sample.example/feed"\noutlet = "The Sample"\n'
    )
    time.sleep(0.01)
    with asked(settings) as fresh:
        (one,) = fresh.get("/api/v1/sources").json()
        assert (one["feed"], one["state"], one["blind"]) == ("sample", "not polled yet", False)
        assert "It wasn&#39;t polled yet." in fresh.get("/sources/sample").text.replace(
            "'", "&#39;"
        )
        assert b"https://sample.example/feed" in fresh.get("/sources.opml").content
        key = form_key(fresh, "/sources")
        bad = fresh.post("/sources", data={"form_key": key, "url": "http://127.0.0.1:9/feed"})
        assert bad.status_code == 400
        assert "127.0.0.1:9" in bad.text


def test_a_source_is_paused_resumed_and_removed(settings: Settings) -> None:
    settings.feeds.write_text(
        '[[feeds]]\nurl = "https://a.example/feed"\n[[feeds]]\nurl = "https://b.example/feed"\n'
    )
    with asked(settings) as client:
        key = form_key(client, "/sources/a-example")

        def change(what: str) -> str:
            answer = client.post(f"/sources/a-example/{what}", data={"form_key": key})
            assert answer.status_code == 200
            return answer.text

        def states() -> dict[str, str]:
            return {one["feed"]: one["state"] for one in client.get("/api/v1/sources").json()}

        assert client.post("/sources/a-example/pause").status_code == 403
        assert "Resume: poll it again" in change("pause")
        assert states()["a-example"] == "disabled"
        assert "Pause: poll it no more" in change("resume")
        assert "Removed: a-example" in change("remove")
        assert states() == {"b-example": "not polled yet"}
        gone = client.post("/sources/a-example/remove", data={"form_key": key})
        assert gone.status_code == 400
        assert "no feed" in gone.text


def test_a_readers_list_of_feeds_is_taken_in(settings: Settings) -> None:
    outlines = "".join(
        f'<outline type="rss" text="{name}" xmlUrl="https://{name}.example/feed"/>' for name in "ab"
    )
    opml = f'<opml version="2.0"><head/><body>{outlines}</body></opml>'.encode()
    with asked(settings) as client:
        key = {"form_key": form_key(client, "/sources")}
        assert client.post("/sources.opml", files={"file": opml}).status_code == 403
        said = client.post("/sources.opml", data=key, files={"file": opml}).text
        assert "2 feeds added" in said
        assert "0 feeds added" in client.post("/sources.opml", data=key, files={"file": opml}).text
        assert [one["outlet"] for one in client.get("/api/v1/sources").json()] == ["a", "b"]
        wrong = client.post("/sources.opml", data=key, files={"file": b"<html/>"})
        assert wrong.status_code == 400
        assert "not &lt;opml&gt;" in wrong.text


def test_nobody_fills_the_memory_with_a_form(client: TestClient) -> None:
    """Not even who isn't logged in."""
    long = client.post("/login", content=b"name=" + b"x" * MOST_BODY)
    assert long.status_code == 413
    endless = client.post("/login", content=iter([b"name=x"]))
    assert endless.status_code == 411
    both = {"Content-Length": "6", "Transfer-Encoding": "chunked"}
    assert client.post("/login", content=b"name=x", headers=both).status_code == 411


def test_a_file_of_subscriptions_that_is_wrong_is_said(
    settings: Settings, client: TestClient
) -> None:
    settings.subscriptions.write_text("[[subscriptions]]\nid = 3\n")
    assert "subscriptions[0].id" in client.get("/subscriptions").text


def test_the_api_is_described(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert len(described["paths"]) == 9
    page = client.get("/api").text
    assert all(path.replace("{", "&#123;") in page or path in page for path in described["paths"])
    for path, methods in described["paths"].items():
        for call in methods.values():
            assert call["summary"], path
            assert call["description"], path


def test_a_store_that_does_not_answer_is_said(settings: Settings, client: TestClient) -> None:
    client.app.state.ports.store.close()  # type: ignore[attr-defined]
    answer = client.get("/")
    assert (answer.status_code, "closed" in answer.text) == (503, True)
    assert client.get("/api/v1/search").status_code == 503
