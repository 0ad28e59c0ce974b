"""``twinscope stats X.twin``: figures computed from a profile's tables."""

import argparse
from pathlib import Path

from app.cli.output import print_facts
from app.cli.reading import read_profile
from profilers.analysis.stats import statistics

HELP = "Print a profile's figures: latency, slices, fusion, peak memory, link coverage."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="snapshot or trace")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    print_facts(statistics(read_profile(arguments.file)), as_json=arguments.json)
    return 0
