"""`detente flow`: the route table, as it is in the code."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from detente.cli.output import print_json, print_table
from detente.flow import ROUTES, dead_letter_topic


def flow(
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show which stage reads and writes what."""
    if json:
        print_json([asdict(route) for route in ROUTES])
        return
    print_table(
        ["stage", "reads", "writes", "consumer group", "dead letters"],
        [
            (
                route.stage,
                route.reads,
                route.writes,
                route.group or "-",
                dead_letter_topic(route.topic_in or route.topic_out or ""),
            )
            for route in ROUTES
        ],
    )
