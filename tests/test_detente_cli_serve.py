"""`detente serve`, as a person starts and stops it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from detente.dashboard.passwords import hashed, is_right
from detente.errors import ConfigError
from tests.commandline import Detente, command_line
from tests.servers import free_port


@pytest.fixture
def detente(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Detente:
    return command_line(monkeypatch, capfd, tmp_path)


def started(folder: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DETENTE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "detente", *arguments],
        cwd=folder,
        env={**kept, "PYTHONUNBUFFERED": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address_said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Dashboard: "):
            return line.removeprefix("Dashboard: ").strip()
    raise AssertionError(process.stderr and process.stderr.read())


def test_it_is_there_until_it_is_stopped(tmp_path: Path) -> None:
    process = started(tmp_path, "serve", "--listen", f"127.0.0.1:{free_port()}")
    address = address_said(process)
    assert httpx.get(f"{address}/healthz").text == "ok\n"
    assert "Nothing about the two sides" in httpx.get(f"{address}/").text
    with httpx.stream("GET", f"{address}/live") as open_page:
        next(open_page.iter_lines())
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert "Traceback" not in errors
    assert (tmp_path / "var" / "dashboard.key").stat().st_mode & 0o077 == 0


def test_it_stands_beside_the_stages(tmp_path: Path) -> None:
    (tmp_path / "feeds.toml").write_text(
        '[[feeds]]\nid = "a"\nurl = "http://127.0.0.1:9/feed"\noutlet = "A"\ninterval = 900\n'
    )
    listen = f"127.0.0.1:{free_port()}"
    settings = {"DETENTE_DASHBOARD__LISTEN": listen, "DETENTE_PROCESSORS__MODEL": "keyword"}
    process = started(tmp_path, "run", "--serve", "--quiet", **settings)
    address = address_said(process)
    assert "/sources/a" in httpx.get(f"{address}/sources").text
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in errors) == (0, False)


def test_a_port_that_is_taken_is_said(detente: Detente) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        said = detente("serve", "--listen", f"127.0.0.1:{holder.getsockname()[1]}")
    assert (said.code, "name another port" in said.err) == (2, True)


def test_it_stays_on_this_machine_by_itself(detente: Detente) -> None:
    said = detente("serve", "--listen", "0.0.0.0:0")
    assert (said.code, "somebody has to log in" in said.err) == (2, True)
    assert detente("serve", "--listen", "nowhere").code == 2


def test_a_password_is_made_a_hash_of() -> None:
    kept = hashed("correct horse battery")
    assert is_right("correct horse battery", kept)
    assert not is_right("correct horse", kept)
    assert hashed("correct horse battery") != kept
    with pytest.raises(ConfigError, match="at least 10 characters"):
        hashed("short")
