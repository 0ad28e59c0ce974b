"""``twinscope matrix MODEL``: one model in every mode that runs it here, side by side."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.autosave import Autosave
from app.capturing import merge_inputs, request_for
from app.cli.output import print_table
from app.cli.progress import ProgressBar
from app.cli.trusting import is_trusted
from app.matrix import BATCHES, MatrixRow, run_matrix, unavailable, variants_of, with_batches
from app.matrix_text import HEADINGS, cells_of, plain_row, problems_of
from app.pace import Pace
from app.paths import data_folder
from app.report import write_matrix
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest, parse_input
from profilers.runtimes import RUN_MODES

HELP = "Run a model in every mode that takes it here, and compare time, memory, size and results."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file, folder or name")
    parser.add_argument(
        "--mode",
        action="append",
        default=[],
        choices=[mode.id for mode in RUN_MODES],
        help="only this mode; repeatable",
    )
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=SHAPE:DTYPE", help="repeatable"
    )
    parser.add_argument(
        "--steps", type=int, default=20, help="profiled steps; at least as many are measured"
    )
    parser.add_argument(
        "--batch",
        type=_sizes,
        default=list(BATCHES),
        metavar="1,4,16",
        help="batch sizes to measure besides; 0 for none",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--threads", type=int, default=0, help="0: the framework's own")
    parser.add_argument("--code", default="", help="what makes the model of a file of weights")
    parser.add_argument("--source-folder", default="", help="where a pickled model's classes live")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave each row's snapshot there"
    )
    parser.add_argument("--html", type=Path, metavar="X.html", help="write a page about it")
    parser.add_argument("--trust", action="store_true", help="let the file execute code")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    model = open_path(arguments.model)
    if not isinstance(model, ModelFile):
        raise TwinscopeError(
            f"{arguments.model.name} is no model", "it is a profile already", "Compare it instead."
        )
    variants = [
        each for each in variants_of(model) if not arguments.mode or each.mode.id in arguments.mode
    ]
    if not variants:
        raise TwinscopeError(
            f"No mode runs {model.path.name} here", model.cannot_run, "See: twinscope modes."
        )
    base = _request(arguments, model)
    launcher, autosave = Launcher(), Autosave(data_folder() / "autosave")
    rows: list[MatrixRow] = []
    pace = Pace(len(variants))
    try:
        with ProgressBar() as bar:

            def tell(number: int, row: MatrixRow) -> None:
                bar.clear()
                rows.append(row)
                pace.end_one()
                left = f" (about {pace.left} left)" if pace.left else ""
                told = f"{number + 1} of {len(variants)}: {row.variant.title}{left}"
                print(told, file=sys.stderr)

            run_matrix(launcher, variants, base, autosave, tell, bar.on_event)
    finally:  # what ran before it was stopped is told, too
        launcher.close()
        if rows:
            _tell(rows, model, base, arguments)
        autosave.close()
    return 0 if any(row.snapshot for row in rows) else 1


def _tell(
    rows: Sequence[MatrixRow], model: ModelFile, base: RunRequest, arguments: argparse.Namespace
) -> None:
    if arguments.keep:
        _keep(rows, arguments.keep)
    if arguments.html:
        write_matrix(model, base, rows, arguments.html)
    _print(rows, unavailable(model), as_json=arguments.json)


def _request(arguments: argparse.Namespace, model: ModelFile) -> RunRequest:
    suggested = replace(request_for(model), code=arguments.code)
    given = tuple(parse_input(text) for text in arguments.input)
    request = replace(
        suggested,
        inputs=merge_inputs(suggested.inputs, given),
        steps=arguments.steps,
        device=arguments.device,
        threads=arguments.threads,
        source_folder=arguments.source_folder,
        trusted=is_trusted(model, suggested, agreed=arguments.trust),
    )
    return with_batches(request, arguments.batch)


def _print(rows: Sequence[MatrixRow], missing: list[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_table([plain_row(row) for row in rows], as_json=True)
        return
    table: list[Mapping[str, Any]] = [
        dict(zip(HEADINGS, cells_of(row, is_reference=not number), strict=True))
        for number, row in enumerate(row for row in rows if row.snapshot)
    ]
    print_table(table, as_json=False)
    for who, why in problems_of(rows):
        print(f"\n{who}: {why.rstrip('.')}.")
    for title, reason in missing:
        print(f"\n{title} was left out: {reason.rstrip('.')}.")


def _keep(rows: Sequence[MatrixRow], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        if row.snapshot:
            name = "-".join((row.variant.mode.id, *row.variant.options.values()))
            shutil.copyfile(row.snapshot, folder / f"{name}.twin")


def _sizes(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() for word in words):
        raise argparse.ArgumentTypeError("must be sizes such as 1,4,16")
    return [int(word) for word in words if int(word) > 0]
