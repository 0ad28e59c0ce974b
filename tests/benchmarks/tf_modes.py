"""Print link coverages, fusions and peak bytes of every TensorFlow and Keras mode on known models.

``python -m tests.benchmarks.tf_modes [--models NAME,...] [--modes ID,...] [--folder FOLDER]``; a mode
that cannot run a model prints its sentence. Models that are in FOLDER are not built again, and need not
be known ones. The last two columns are seconds that the run took, and processor seconds of reading it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.stats import statistics
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.runtimes import RUN_MODES, RunMode

FILES = (
    *("resnet50.keras", "mobilenetv2.keras", "encoder.keras", "lstm.keras", "gru.keras"),
    *("multi.keras", "resnet50_saved", "mobilenetv2_saved", "encoder_saved", "lstm_saved"),
    *("gru_saved", "multi_saved", "tf1_frozen.pb", "tf1_saved"),
)
VARIED = (
    "grappler",
    "run",
    "level",
    "quantisation",
)  # options that are tried with each of their choices
_FIGURES = f"{'ops':>7}{'fused':>7}{'peak':>7}{'groups':>8}{'peak MiB':>10}{'step ms':>9}"
_HEAD = f"{'model':<24}{'mode':<38}{_FIGURES}{'run s':>8}{'read s':>8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(FILES))
    parser.add_argument("--modes", default=",".join(mode.id for mode in RUN_MODES))
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    wanted = arguments.models.split(",")
    folder = arguments.folder or Path(tempfile.mkdtemp())
    _build(folder, [name for name in wanted if not (folder / name).exists()])
    launcher = Launcher()
    print(_HEAD, flush=True)
    try:
        for name, mode in product(wanted, RUN_MODES):
            model = open_path(folder / name)
            assert isinstance(model, ModelFile)
            if mode.id in arguments.modes.split(",") and mode.id in model.modes:
                for options in _choices(mode):
                    _print_line(launcher, model, mode, options, arguments.steps)
    finally:
        launcher.close()


def _build(folder: Path, missing: list[str]) -> None:
    names = sorted({name.removesuffix(".keras").partition("_")[0] for name in missing})
    if names:
        folder.mkdir(exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "tests.models.build_tf_modes", str(folder), *names],
            check=True,
            capture_output=True,
        )


def _choices(mode: RunMode) -> Iterator[dict[str, str]]:
    """Each combination of the varied options."""
    varied = [option for option in mode.options if option.id in VARIED]
    for values in product(*(option.choices for option in varied)):
        yield {option.id: value for option, value in zip(varied, values, strict=True)}


def _print_line(
    launcher: Launcher, model: ModelFile, mode: RunMode, options: dict[str, str], steps: int
) -> None:
    told = " ".join([mode.id, *(f"{key}={value}" for key, value in options.items())])
    head = f"{model.path.name:<24}{told:<38}"
    request = replace(
        request_for(model, mode.id), trusted=True, steps=steps, warmup=2, options=options
    )
    begin = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            launcher.capture(request, Path(folder))
            run_s, begin_cpu = time.perf_counter() - begin, time.process_time()
            figures = _figures(read_capture(Path(folder)))
        read_s = time.process_time() - begin_cpu
        print(f"{head}{figures}{run_s:>8.1f}{read_s:>8.1f}", flush=True)
    except TwinscopeError as error:
        print(f"{head}{error}", flush=True)


def _figures(profile: Profile) -> str:
    facts = statistics(profile)
    coverage = facts["link_coverage"]
    shares = [coverage[key] for key in ("operator_time", "fused_kernel_time", "peak_bytes")]
    cells = "".join(f"{'-' if share is None else f'{share:.3f}':>7}" for share in shares)
    peak, step = (facts["peak_bytes"] or 0) / 2**20, (facts["median_step_ns"] or 0) / 1e6
    return f"{cells}{len(profile.fusion.groups):>8}{peak:>10.2f}{step:>9.2f}"


if __name__ == "__main__":
    main()
