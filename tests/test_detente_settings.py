from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from detente.errors import ConfigError
from detente.settings import Settings, load_settings, redact


def problems(file: Path | None = None, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ)
    return str(caught.value)


def test_defaults_need_nothing() -> None:
    settings = load_settings(environ={})
    assert settings.bus.startswith("sqlite:///")
    assert settings == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "detente.toml"
    file.write_text('watch = "mine"\n[collectors]\ntimeout = 5\ninterval = 7\n')
    settings = load_settings(file, {"DETENTE_COLLECTORS__TIMEOUT": "9"})
    assert (settings.watch, settings.collectors.timeout, settings.collectors.interval) == (
        "mine",
        9.0,
        7.0,
    )
    assert settings.collectors.max_redirects == Settings().collectors.max_redirects


def test_overrides_win_over_all_but_none_overrides_nothing() -> None:
    environ = {"DETENTE_FEEDS": "a.toml", "DETENTE_WATCH": "w"}
    settings = load_settings(environ=environ, feeds=Path("b.opml"), watch=None)
    assert (settings.feeds, settings.watch) == (Path("b.opml"), "w")


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.toml"
    file.write_text('watch = "mine"\n')
    assert load_settings(environ={"DETENTE_SETTINGS": str(file)}).watch == "mine"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "store"
    secret.write_text("https://user:pass@search:9200\n")
    assert load_settings(environ={"DETENTE_STORE_FILE": str(secret)}).store == (
        "https://user:pass@search:9200"
    )
    assert "DETENTE_STORE_FILE" in problems(DETENTE_STORE_FILE=str(tmp_path / "absent"))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "detente.toml"
    file.write_text('bus = "redis://x"\nwhatch = "usa-rus"\n[collectors]\ntimeout = "soon"\n')
    said = problems(file, DETENTE_RUNNER__BATCH="0", DETENTE_BUSS="x")
    assert "bus = 'redis://x': must be one of sqlite://…, kafka://…" in said
    assert "whatch: no such setting; did you mean watch?" in said
    assert "collectors.timeout = 'soon'" in said
    assert "runner.batch = '0'" in said
    assert "DETENTE_BUSS: no such setting; did you mean DETENTE_BUS?" in said
    assert str(file) in said
    assert len(said.splitlines()) == 5


def test_a_file_that_is_not_there_or_no_toml(tmp_path: Path) -> None:
    assert "no such settings file" in problems(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("bus = \n")
    assert "line 1" in problems(broken)


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().watch = "other"  # type: ignore[misc]


def test_secrets_are_never_shown() -> None:
    environ = {
        "DETENTE_BUS": "kafka://user:hush@broker:9092?password=hush&acks=all",
        "DETENTE_STORE": "https://elastic:hush@search:9200/?api_key=hush",
    }
    shown = str(load_settings(environ=environ).redacted())
    assert "hush" not in shown
    assert "broker:9092" in shown
    assert "acks=all" in shown
    assert redact("sqlite:///var/x.sqlite") == "sqlite:///var/x.sqlite"
