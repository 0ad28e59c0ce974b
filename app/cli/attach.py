"""``twinscope attach HOST:PORT --out X.twin``: trace a running TensorFlow process."""

import argparse
import shutil
from pathlib import Path

from app.autosave import Autosave
from app.capturing import run_and_read
from app.cli.output import print_facts
from app.cli.progress import ProgressBar
from app.paths import data_folder
from profilers.analysis.stats import statistics
from profilers.attaching import attach_request
from profilers.launcher import Launcher

HELP = "Trace a running TensorFlow or serving process through its profiler service for a while."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="HOST:PORT", help="of the profiler service")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="X.twin", help="snapshot to write"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to trace, default 2")
    parser.add_argument("--json", action="store_true", help="print the profile's figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    request = attach_request(arguments.address, arguments.seconds)
    launcher = Launcher()
    autosave = Autosave(data_folder() / "autosave")
    try:
        with ProgressBar() as bar:
            profile, path = run_and_read(launcher, request, autosave, bar.on_event)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, arguments.out)
    finally:
        launcher.close()
        autosave.close()
    print_facts(statistics(profile), as_json=arguments.json)
    return 0
