"""``twinscope profile MODEL --out X.twin``: run a model in a worker and save the profile."""

import argparse
from dataclasses import replace
from pathlib import Path

from app.capturing import (
    captured,
    merge_inputs,
    request_for,
)
from app.cli.keeping import capture_into
from app.cli.output import print_facts
from app.cli.trusting import is_trusted
from profilers.analysis.stats import statistics
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest, parse_input
from profilers.runtimes import RUN_MODES, mode_named
from profilers.runtimes.mode_options import parse_option, settled
from profilers.sweeps import parse_sweep

HELP = "Run a model under its framework's profiler and save the result as a snapshot."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="model file, SavedModel folder or name: torchvision:resnet18, model.py:make_model",
    )
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="X.twin", help="snapshot to write"
    )
    parser.add_argument(
        "--mode",
        choices=[mode.id for mode in RUN_MODES],
        metavar="MODE",
        help="default: the best for the file; `twinscope modes` lists them",
    )
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=SHAPE:DTYPE", help="repeatable"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="setting of the mode, repeatable; `twinscope modes` lists them",
    )
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="AXIS=SIZES",
        help="measure other sizes too: batch=1,2,4,8 or sequence=16,32; repeatable",
    )
    parser.add_argument("--inputs-file", default="", metavar="X.npz", help="arrays to feed")
    parser.add_argument(
        "--steps", type=_positive, default=10, help="profiled steps; at least as many are measured"
    )
    parser.add_argument("--warmup", type=_not_negative, default=3, help="steps before them")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--threads", type=_not_negative, default=0, help="0: the framework's own")
    parser.add_argument("--signature", default="", help="of a SavedModel, TFLite or Python file")
    parser.add_argument(
        "--code",
        default="",
        metavar="CODE",
        help="what makes the model of a file of weights: model.py:make_model, torchvision:resnet18",
    )
    parser.add_argument("--source-folder", default="", help="where a pickled model's classes live")
    parser.add_argument("--limit", type=float, default=300.0, metavar="S", help="without progress")
    parser.add_argument(
        "--memory-limit", type=float, default=0.0, metavar="GIB", help="0: most of the machine's"
    )
    parser.add_argument(
        "--trust", action="store_true", help="let the file execute code while it loads"
    )
    parser.add_argument("--json", action="store_true", help="print the profile's figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    model = open_path(arguments.model)
    if not isinstance(model, ModelFile):
        raise TwinscopeError(
            f"{arguments.model.name} is no model", "it is a profile already", "Open it instead."
        )
    request = _request(arguments, model)
    profile = capture_into(
        arguments.out,
        lambda launcher, autosave, on_event: captured(launcher, request, autosave, on_event),
    )
    print_facts(statistics(profile), as_json=arguments.json)
    return 0


def _request(arguments: argparse.Namespace, model: ModelFile) -> RunRequest:
    suggested = request_for(model, arguments.mode or "", arguments.signature)
    suggested = replace(suggested, code=arguments.code)
    given = tuple(parse_input(text) for text in arguments.input)
    mode = mode_named(suggested.mode)
    assert mode is not None  # request_for chose it
    chosen = dict(parse_option(text, mode.options, mode.title) for text in arguments.option)
    return replace(
        suggested,
        inputs=merge_inputs(suggested.inputs, given),
        inputs_file=arguments.inputs_file,
        sweep=parse_sweep("; ".join(arguments.sweep)),
        steps=arguments.steps,
        warmup=arguments.warmup,
        device=arguments.device,
        threads=arguments.threads,
        source_folder=arguments.source_folder,
        limit_s=arguments.limit,
        memory_limit_bytes=int(arguments.memory_limit * 2**30),
        trusted=is_trusted(model, suggested, agreed=arguments.trust),
        options=settled(mode.options, chosen, mode.title),
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value
