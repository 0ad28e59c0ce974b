"""Two models profiled, then measured in turns, for ``twinscope compare --run``."""

import argparse
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from app.autosave import Autosave
from app.capturing import captured, merge_inputs, request_for
from app.cli.progress import ProgressBar
from app.cli.trusting import is_trusted
from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.stopping import MOST_ROUNDS
from profilers.errors import TwinscopeError
from profilers.interleaving import MOST_S, check_turns, measure_in_turns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.request import RunRequest, parse_input
from profilers.runtimes import RUN_MODES


def add_run_options(parser: argparse.ArgumentParser) -> None:
    modes = [mode.id for mode in RUN_MODES]
    group = parser.add_argument_group("with --run")
    group.add_argument("--run", action="store_true", help="A and B are models; run both")
    for side in "ab":
        group.add_argument(
            f"--mode-{side}",
            choices=modes,
            default="",
            metavar="MODE",
            help=f"of {side.upper()}; default: the best for the file; `twinscope modes` lists them",
        )
    group.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SHAPE:DTYPE",
        help="of both; repeatable",
    )
    group.add_argument("--steps", type=int, default=10, help="profiled steps of each")
    group.add_argument("--rounds", type=int, default=MOST_ROUNDS, help="most turns of each")
    group.add_argument(
        "--within",
        type=float,
        default=MOST_S,
        metavar="SECONDS",
        help="for turns, which end sooner once they tell differences of a few per cent",
    )
    group.add_argument("--threads", type=int, default=0, help="0: the framework's own")
    group.add_argument("--source-folder", default="", help="where pickled models' classes live")
    group.add_argument("--trust", action="store_true", help="let the files execute code")


def run_both(arguments: argparse.Namespace) -> tuple[Profile, Profile, Rounds]:
    """Profiles of both models, and their step times in turns.

    Raises
    ------
    TwinscopeError
        If a file is no model, needs trust, or its run fails.
    """
    requests = [
        _request(arguments, path, mode)
        for path, mode in ((arguments.a, arguments.mode_a), (arguments.b, arguments.mode_b))
    ]
    check_turns(*requests)
    launcher = Launcher()
    folder = Path(tempfile.mkdtemp(prefix="twinscope-compare-"))
    autosave = Autosave(folder)
    try:
        with ProgressBar() as bar:
            a, b = (captured(launcher, request, autosave, bar.on_event)[0] for request in requests)
            rounds = measure_in_turns(
                launcher,
                requests[0],
                requests[1],
                max(arguments.rounds, 1),
                bar.on_event,
                within_s=arguments.within,
            )
    finally:
        launcher.close()
        autosave.close()
        shutil.rmtree(folder, ignore_errors=True)
    return a, b, rounds


def _request(arguments: argparse.Namespace, path: Path, mode: str) -> RunRequest:
    model = open_path(path)
    if not isinstance(model, ModelFile):
        raise TwinscopeError(
            f"{path.name} is no model", "it is a profile already", "Leave out --run."
        )
    suggested = request_for(model, mode)
    given = tuple(parse_input(text) for text in arguments.input)
    return replace(
        suggested,
        inputs=merge_inputs(suggested.inputs, given),
        steps=max(arguments.steps, 1),
        threads=max(arguments.threads, 0),
        source_folder=arguments.source_folder,
        trusted=is_trusted(model, suggested, agreed=arguments.trust),
    )
