"""The command line by itself: help, exit codes, errors that say how to mend, documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from detente.bus import open_bus
from detente.bus.base import Record
from detente.flow import COLLECTED, ROUTES
from detente.settings import Settings, settings_names
from detente.wire import encode
from tests.articles import collected
from tests.commandline import Detente, command_line

ROOT = Path(__file__).parents[1]

HEAVY = (
    "feedparser",
    "httpx",
    "lxml",
    "msgspec",
    "numpy",
    "onnxruntime",
    "pydantic",
    "trafilatura",
)


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    return command_line(monkeypatch, capfd, tmp_path)


def test_help_needs_nothing_heavy() -> None:
    """`detente --help` answers in half a second because it loads next to nothing."""
    code = (
        "import sys\nsys.argv = ['detente', '--help']\nfrom detente.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Exit codes:" in said.stdout
    assert said.stdout.splitlines()[-1] == "loaded: []"


def test_every_command_is_documented(tmp_path: Path) -> None:
    """`make docs` writes docs/commands.md from the commands themselves."""
    written = tmp_path / "commands.md"
    arguments = ["detente.cli", "utils", "docs", "--name", "detente", "--output", str(written)]
    subprocess.run([sys.executable, "-m", "typer", *arguments], capture_output=True, check=True)
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == written.read_text("utf-8")


def test_every_setting_is_documented(detente: Detente) -> None:
    """`make docs` writes docs/settings.md from the settings themselves."""
    said = detente("settings", "describe").out
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == said
    sections = dict(re.findall(r"## `\[(\w+)\]`(.*?)(?=\n## |\Z)", said, re.DOTALL))
    for name in settings_names(Settings):
        section, _, key = name.rpartition(".")
        assert f"| `{key}` |" in (sections[section] if section else said), f"{name}: no docstring"


def test_the_diagrams_are_the_route_table() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for route in ROUTES:
        assert route.stage in readme
        assert route.topic_in is None or route.topic_in in readme
        assert route.topic_in is None or f"{route.topic_in}.dead" in readme


def test_flow_shows_the_route_table(detente: Detente) -> None:
    said = detente("flow", "--json")
    assert [one["stage"] for one in said.json] == [route.stage for route in ROUTES]
    shown = detente("flow").out
    assert all(route.reads in shown and route.writes in shown for route in ROUTES)


def test_version(detente: Detente) -> None:
    assert detente("--version").out.startswith("detente 0.")


def test_no_command_shows_the_help(detente: Detente) -> None:
    assert "Commands:" in detente().out + detente().err


def test_unknown_command_is_a_usage_error(detente: Detente) -> None:
    said = detente("serach")
    assert said.code == 2
    assert "serach" in said.err


def test_every_problem_of_the_settings_is_listed(detente: Detente, tmp_path: Path) -> None:
    (tmp_path / "detente.toml").write_text(
        'bus = "ftp://x"\n[collectors]\ntimeout = -1\nconcurency = 3\n', "utf-8"
    )
    said = detente("stats")
    assert said.code == 2
    assert len(said.err.splitlines()) == 3
    assert "did you mean collectors.concurrency?" in said.err
    assert "Traceback" not in said.err


def test_a_missing_settings_file_is_named(detente: Detente) -> None:
    said = detente("--settings", "nowhere.toml", "stats")
    assert (said.code, said.err) == (2, "detente: nowhere.toml: there is no such settings file\n")


def test_settings_show_hides_secrets(
    detente: Detente, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DETENTE_STORE", "https://reader:hush@store.example:9200")
    for said in (detente("settings", "show"), detente("settings", "show", "--json")):
        assert said.code == 0
        assert "hush" not in said.out
        assert "reader:***@store.example" in said.out
    assert "DETENTE_COLLECTORS__TIMEOUT" in detente("settings", "show").out


def test_a_bug_says_so_and_exits_with_70(detente: Detente, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("detente.settings.load_settings", broken)
    said = detente("stats")
    assert said.code == 70
    assert "ZeroDivisionError" in said.err
    assert "please report" in said.err


def test_an_unavailable_store_is_no_bug(
    detente: Detente, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "var").write_text("a file where the folder should be", "utf-8")
    said = detente("search", "visas")
    assert said.code == 2
    assert "can't be opened as a SQLite database" in said.err


def test_dead_letters_are_listed_shown_and_replayed(detente: Detente, tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/var/bus.sqlite")
    bus.publish(COLLECTED, [Record("bad", b"{not json"), Record("good", encode(collected("good")))])
    bus.close()
    assert detente("dead", "list").out == "No dead letters.\n"
    (tmp_path / "feeds.toml").write_text("", "utf-8")
    (tmp_path / "detente.toml").write_text('[processors]\nmodel = "keyword"\n', "utf-8")
    assert detente("run", "--once", "--quiet").code == 0

    (letter,) = detente("dead", "list", "--json").json
    assert (letter["stage"], letter["key"], letter["topic"]) == ("processors", "bad", COLLECTED)
    assert "@ $" in letter["reason"]
    assert letter["id"] in detente("dead", "list").out
    shown = detente("dead", "show", letter["id"][:6])
    assert "{not json" in shown.out
    assert f"{COLLECTED}[0]@0" in shown.out
    assert detente("dead", "show", letter["id"], "--json").json["key"] == "bad"
    assert "dead letters: 1" in detente("stats").out

    assert detente("dead", "replay").code == 2
    assert detente("dead", "replay", "--reason", "nothing like it").out.startswith("0 sent back")
    assert detente("dead", "show", "zzz").code == 2
    said = detente("dead", "replay", "--stage", "processors", "--json")
    assert said.json == {"replayed": 1, "left": 0}
    assert detente("dead", "list").out == "No dead letters.\n"
    assert letter["id"] in detente("dead", "list", "--replayed").out
    assert "replayed:" in detente("dead", "show", letter["id"]).out
    # It is as bad as before, so it comes back.
    assert detente("run", "processors", "--once", "--quiet").code == 0
    assert len(detente("dead", "list", "--json").json) == 1
    assert detente("dead", "replay", "--all").out == "1 sent back to their topics.\n"
