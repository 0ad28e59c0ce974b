"""``twinscope attach HOST:PORT --out X.twin``: trace a running TensorFlow process."""

import argparse
from pathlib import Path

from app.capturing import run_and_read
from app.cli.keeping import capture_into
from app.cli.output import print_facts
from profilers.analysis.stats import statistics
from profilers.attaching import attach_request

HELP = "Trace a running TensorFlow or serving process through its profiler service for a while."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="HOST:PORT", help="of the profiler service")
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="X.twin", help="snapshot to write"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to trace, default 2")
    parser.add_argument("--json", action="store_true", help="print the profile's figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    request = attach_request(arguments.address, arguments.seconds)
    profile = capture_into(
        arguments.out,
        lambda launcher, autosave, on_event: run_and_read(launcher, request, autosave, on_event),
    )
    print_facts(statistics(profile), as_json=arguments.json)
    return 0
