"""Draws docs/images/demo.svg from a kept demo: `detente demo --keep FOLDER`, then

python docs/images/demo.py FOLDER
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from detente.cli import demo, output
from detente.cli.context import opened_store
from detente.settings import load_settings

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    settings = load_settings(folder / "detente.toml")
    drawn = Console(record=True, width=100, file=io.StringIO(), highlight=False)
    output.console.cache_clear()
    for module in (demo, output):
        module.console = lambda: drawn  # type: ignore[attr-defined]
    with opened_store(settings) as store:
        summary = demo._summary(store, demo._feed_states(settings), progress_polls=0)
    # The picture is of what a person comes for; the table of forty feeds would fill it.
    summary["feeds"] = [f for f in summary["feeds"] if f["message"] or f["articles"]][8:18]
    demo._print_summary(summary)
    drawn.save_svg(str(HERE / "demo.svg"), title="detente demo")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
