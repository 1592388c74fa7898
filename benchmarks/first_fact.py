"""How long it takes somebody who has just cloned the project to read a first fact, with its proof.

`python -m benchmarks.first_fact` clones the project into an empty folder, types `make run` there
over the sample newsroom's feeds, and looks at the dashboard in Chromium as it comes up: until the
page answers, until it shows a headline with the sentence that takes a position, and until one click
has led to that sentence in the article. The set-up is part of it: what pip downloads takes as long
as the line allows.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

from detente.newsroom import Newsroom

ROOT = Path(__file__).parents[1]
LISTEN = "127.0.0.1:8097"
PATIENCE = 600.0


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch, Newsroom() as newsroom:
        clone = Path(scratch) / "detente"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        (clone / "mine.toml").write_text(newsroom.catalogue_toml(), "utf-8")
        environment = {
            **os.environ,
            "DETENTE_COLLECTORS__ALLOW_LOOPBACK": "true",
            "DETENTE_DASHBOARD__LISTEN": LISTEN,
        }
        began = time.monotonic()
        run = subprocess.Popen(
            ["make", "run", "FEEDS=mine.toml"],
            cwd=clone,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _look(began, clone)
        finally:
            os.killpg(run.pid, signal.SIGTERM)
            run.wait()


def _look(began: float, clone: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        _until((clone / ".venv" / ".run").exists, began, "set up")
        _until(lambda: _opens(page), began, "the page answers")
        # No reload: the page renews itself.
        evidence = page.locator(".articles blockquote").first
        evidence.wait_for(timeout=1_000 * PATIENCE)
        _say(began, "a headline with the sentence that shows it")
        print(f"        {evidence.inner_text()!r}")
        page.locator(".articles > li", has=page.locator("blockquote")).first.locator("h3 a").click()
        page.locator("mark").first.wait_for()
        _say(began, "that sentence, marked in its article")
        browser.close()


def _opens(page: Page) -> bool:
    try:
        page.goto(f"http://{LISTEN}/")
    except Error:
        return False
    return True


def _until(done: Callable[[], bool], began: float, what: str) -> None:
    while not done():
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.2)
    _say(began, what)


def _say(began: float, what: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
