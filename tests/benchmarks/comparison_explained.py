"""Print how much of the time between two runs matched layers explain: ``python -m tests.benchmarks.comparison_explained``.

A residual network and a transformer encoder, the same in PyTorch and in Keras, each pair of runs with
their profiled steps, the share of the difference that matched layers leave no part of to anything
else (at least 90 % is meant), and the three rows that explain most. A word limits the pairs to those
whose title has it.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.comparison import compare
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.units import format_duration

MODELS = Path(__file__).parents[1] / "models"
MODES = {
    "eager": ("pt", "torch-eager", "build_matching_torch"),
    "compiled": ("pt", "torch-compile", "build_matching_torch"),
    "Keras": ("keras", "keras", "build_matching_keras"),
    "XLA": ("keras", "tf-xla", "build_matching_keras"),
    "ONNX Runtime": ("onnx", "onnxruntime", "build_matching_torch"),
}
PAIRS = (
    ("eager", "compiled"),
    ("eager", "Keras"),
    ("compiled", "XLA"),
    ("eager", "ONNX Runtime"),
    ("Keras", "XLA"),
)
MEANT = 0.9


def main(words: list[str]) -> None:
    wanted = [
        (name, pair)
        for name in ("resnet", "encoder")
        for pair in PAIRS
        if not words or any(word in f"{name} {' '.join(pair)}" for word in words)
    ]
    profiles = captured({(name, mode) for name, pair in wanted for mode in pair})
    print(f"{'':<34}{'A':>10}{'B':>10}{'explained':>12}{'work matched':>14}")
    for name, (a, b) in wanted:
        print_pair(f"{name}: {a}, {b}", profiles[name, a], profiles[name, b])


def captured(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Profile]:
    folder = Path(tempfile.mkdtemp())
    for script in {MODES[mode][2] for _, mode in wanted}:
        files = {f"{name}.{MODES[mode][0]}" for name, mode in wanted if MODES[mode][2] == script}
        command = [sys.executable, "-m", f"tests.models.{script}", str(folder), *sorted(files)]
        subprocess.run(command, check=True, capture_output=True)
    launcher = Launcher()
    try:
        return {
            (name, mode): capture(launcher, folder / f"{name}.{MODES[mode][0]}", MODES[mode][1])
            for name, mode in sorted(wanted)
        }
    finally:
        launcher.close()


def capture(launcher: Launcher, path: Path, mode: str) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), steps=20, threads=1
    )
    with tempfile.TemporaryDirectory() as kept:
        launcher.capture(request, Path(kept))
        return read_capture(Path(kept))


def print_pair(title: str, a: Profile, b: Profile) -> None:
    found = compare(a, b).explanation
    verdict = "" if found.matched_share >= MEANT else "  less than is meant"
    print(
        f"{title:<34}{format_duration(found.a_ns):>10}{format_duration(found.b_ns):>10}"
        f"{100 * found.matched_share:>10.1f} %{100 * found.matched_time:>12.1f} %{verdict}"
    )
    for row in found.rows[:3]:
        times = f"{format_duration(row.a_ns)} → {format_duration(row.b_ns)}"
        print(
            f"    {100 * found.share(row):>6.1f} %  {times:<24}{row.title or 'between operators'}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
