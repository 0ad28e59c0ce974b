"""``twinscope modes``: which run modes work here, and why the others do not."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.cli.output import print_table
from profilers.runtimes import RUN_MODES
from profilers.runtimes.mode_options import ModeOption

HELP = "List the run modes: which work in this Python environment, and why the others do not."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    rows: list[Mapping[str, Any]] = []
    for mode in RUN_MODES:
        obstacle = mode.obstacle()
        rows.append(
            {
                "mode": mode.id,
                "title": mode.title,
                "works": obstacle is None,
                "options": "  ".join(_told(option) for option in mode.options),
                "reason": f"{obstacle.why}. {obstacle.remedy}" if obstacle else "",
            }
        )
    print_table(rows, as_json=arguments.json)
    return 0


def _told(option: ModeOption) -> str:
    """``level=disabled|basic|extended|[all]``, the default in brackets."""
    choices = (f"[{each}]" if each == option.default else each for each in option.choices)
    return f"{option.id}={'|'.join(choices) or option.default}"
