"""Print what every PyTorch mode tells of five kinds of models.

``python -m tests.benchmarks.torch_modes [--only MODE_OR_MODEL]... [--keep FOLDER] [--device cuda:0]
[--option NAME=VALUE]... [--limit SECONDS]``: link coverages, graph breaks, kernels and peak bytes of
each; a failure prints its sentence. ``--keep`` leaves models and captures in a folder. Options go to
the modes that have them; the others are left out then. No mode takes longer than ``--limit``: what
is under way is stopped then, and the line says in which stage.

On a GPU, ``--device cuda:0``, runs over several processes have one rank, over NCCL, since two ranks
cannot share one: ``--only torch-distributed --device cuda:0 --option strategy=fsdp``.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.capturing import request_for
from profilers.analysis.stats import statistics
from profilers.captures import read_capture
from profilers.errors import Cancelled, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.runtimes import RUN_MODES
from profilers.units import format_bytes, format_duration
from profilers.worker_process import Log, Progress
from tests.models.build_torch_kinds import KINDS

MODELS = Path(__file__).parents[1] / "models"
ENDINGS = (".pt", ".pt2", ".ts.pt")
ALONE = {"torch-distributed": {"processes": "1"}}  # options of modes on one GPU
ROW = "{:<18}{:<15}{:>10}{:>8}{:>8}{:>8}{:>9}{:>12}{:>11}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="MODE_OR_MODEL")
    parser.add_argument("--keep", type=Path, default=None, metavar="FOLDER")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--limit", type=float, default=threading.TIMEOUT_MAX, metavar="SECONDS")
    arguments = parser.parse_args()
    options = dict(option.split("=", 1) for option in arguments.option)
    modes = [
        mode.id
        for mode in RUN_MODES
        if mode.framework == "torch" and options.keys() <= {option.id for option in mode.options}
    ]
    how = {"device": arguments.device, "options": options}
    wanted_modes = [mode for mode in modes if mode in arguments.only] or modes
    names = [name for name in KINDS if name in arguments.only] or list(KINDS)
    with nullcontext(arguments.keep) if arguments.keep else TemporaryDirectory() as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        _build(folder, names)
        print(
            ROW.format(
                "mode", "model", "operators", "fused", "peak", "breaks", "kernels", "peak bytes",
                "step",
            )
        )  # fmt: skip
        launcher = Launcher()
        try:
            for mode in wanted_modes:
                limit = Limit(arguments.limit)
                for name in names:
                    print(_line(launcher, folder, mode, name, how, limit), flush=True)
        finally:
            launcher.close()


@dataclass
class Limit:
    """What a mode may take for all of its models; afterwards `over` is set."""

    seconds: float
    stage: str = "start"
    over: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)

    def __enter__(self) -> "Limit":
        left = max(self.seconds - (time.monotonic() - self.begun), 0.0)
        self._timer = threading.Timer(left, self.over.set)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def follow(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.stage = event.stage


def _build(folder: Path, names: list[str]) -> None:
    missing = [name for name in names if not (folder / f"{name}.pt").is_file()]
    if missing:
        command = [sys.executable, "-m", "tests.models.build_torch_kinds", str(folder), *missing]
        subprocess.run(command, check=True, capture_output=True)


def _line(
    launcher: Launcher, folder: Path, mode: str, name: str, how: dict[str, Any], limit: Limit
) -> str:
    files = list(_files(folder, mode, name))
    if not files:
        return f"{mode:<18}{name:<15}no file of this model runs in this mode"
    if limit.over.is_set():
        return f"{mode:<18}{name:<15}not run: the mode took its {limit.seconds:.0f} s"
    try:
        with limit:
            profile = _profile(launcher, folder, mode, name, files[0], how, limit)
        return _row(mode, name, profile)
    except Cancelled:
        return (
            f"{mode:<18}{name:<15}stopped after {limit.seconds:.0f} s of the mode in: {limit.stage}"
        )
    except TwinscopeError as error:
        return f"{mode:<18}{name:<15}{error}"


def _files(folder: Path, mode: str, name: str) -> Iterator[ModelFile]:
    """Files of a model that run in a mode."""
    for path in (folder / f"{name}{ending}" for ending in ENDINGS):
        if path.is_file():
            model = open_path(path)
            if isinstance(model, ModelFile) and mode in model.modes:
                yield model


def _profile(
    launcher: Launcher,
    folder: Path,
    mode: str,
    name: str,
    model: ModelFile,
    how: dict[str, Any],
    limit: Limit,
) -> Profile:
    alone = ALONE.get(mode, {}) if how["device"].startswith("cuda") else {}
    request = replace(
        request_for(model, mode),
        trusted=True,
        source_folder=str(MODELS),
        inputs=KINDS[name][1],
        steps=5,
        warmup=3,
        device=how["device"],
        options={**alone, **how["options"]},
    )
    capture = folder / "captures" / f"{name}-{mode}"
    capture.mkdir(parents=True, exist_ok=True)
    launcher.capture(request, capture, limit.follow, limit.over)
    return read_capture(capture)


def _row(mode: str, name: str, profile: Profile) -> str:
    facts = statistics(profile)
    coverage = facts["link_coverage"]
    shares = [coverage[key] for key in ("operator_time", "fused_kernel_time", "peak_bytes")]
    cells = ["-" if share is None else f"{share:.3f}" for share in shares]
    kinds = [profile.strings[kind] for kind in profile.fusion.breaks.kind.tolist()]
    return ROW.format(
        mode,
        name,
        *cells,
        kinds.count("graph break"),
        len(profile.fusion.groups),
        "-" if facts["peak_bytes"] is None else format_bytes(facts["peak_bytes"]),
        format_duration(facts["median_step_ns"]),
    )


if __name__ == "__main__":
    main()
