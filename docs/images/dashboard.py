"""Photographs the dashboard over a kept demo into docs/images: `detente demo --keep FOLDER`, then

python -m docs.images.dashboard FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from detente.cli.serve import dashboard
from detente.dashboard.server import beside
from detente.settings import load_settings
from tests.browser import chromium, opened

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    settings = load_settings(folder / "detente.toml")
    with (
        dashboard(settings) as app,
        beside(app, "127.0.0.1:0") as address,
        chromium() as browser,
        opened(browser, address, viewport={"width": 1180, "height": 1000}) as (page, _),
    ):
        page.goto("/")
        story = page.get_by_role("link", name="The whole story").first.get_attribute("href")
        article = page.locator(".articles h3 a").first.get_attribute("href")
        for name, path in {
            "today": "/",
            "story": story,
            "article": article,
            "history": f"{article}/history",
            "search": "/search?q=embassy+OR+visas&relevance=core",
            "subscriptions": "/subscriptions?query=embassy+OR+visas",
            "sources": "/sources",
            "system": "/system",
        }.items():
            page.goto(path or "/")
            page.wait_for_timeout(300)
            page.screenshot(path=HERE / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
