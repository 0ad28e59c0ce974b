"""Print how much of the time between two runs matched layers explain: ``python -m tests.benchmarks.comparison_explained``.

ResNet-50 and a 12-layer transformer encoder, the same in PyTorch and in Keras and on the same inputs:
tiny ones, of which the frameworks' own time is a large part, and whole ones. Each pair of runs with
its steps and

- explained: the share of the difference that matched layers and the call of the model leave no part of to
  anything else (at least 90 % is meant),
- layers: the share of the difference in matched layers alone; below zero or above 100 % where something
  else goes the other way,
- call: the share in the model's own call, around its operators,
- pauses: the share in pauses of more than a millisecond,
- alone: the share in what only one side has,
- changes: the share that the first has of all that got faster or slower,

and the three rows that explain most. Shares of a difference that is mere noise are not told: run it on a
quiet machine. A word limits the pairs to those whose title has it.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.comparison import compare
from profilers.analysis.comparison.rows import RowKind
from profilers.analysis.comparison.words import format_share
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.request import InputSpec
from profilers.units import format_duration
from views.comparison.row_names import RowNames

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
    ("compiled", "ONNX Runtime"),
    ("eager", "ONNX Runtime"),
    ("Keras", "XLA"),
)
MEANT = 0.9
STEPS = 20


@dataclass(frozen=True)
class Input:
    """What all of a model's files are run on; images as PyTorch has them."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    high: float | None = None

    def spec(self, name: str, *, channels_last: bool) -> InputSpec:
        shape = self.shape
        if channels_last and len(shape) == 4:
            shape = (shape[0], *shape[2:], shape[1])
        low = None if self.high is None else 0.0
        return InputSpec(name, self.dtype, shape, low, self.high)


INPUTS = {
    "resnet": Input((1, 3, 32, 32)),
    "resnet_whole": Input((1, 3, 224, 224)),
    "encoder": Input((1, 32), "int64", 1000.0),
    "encoder_batch": Input((16, 32), "int64", 1000.0),
}


def main(words: list[str]) -> None:
    wanted = [
        (name, pair)
        for name in INPUTS
        for pair in PAIRS
        if not words or any(word in f"{name}: {', '.join(pair)}" for word in words)
    ]
    profiles = captured({(name, mode) for name, pair in wanted for mode in pair})
    print(
        f"{'':<40}{'A':>10}{'B':>10}{'explained':>11}{'layers':>10}{'call':>10}{'pauses':>10}"
        f"{'alone':>10}{'changes':>10}"
    )
    for name, (a, b) in wanted:
        print_pair(f"{name}: {a}, {b}", profiles[name, a], profiles[name, b])


def captured(wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Profile]:
    launcher = Launcher()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for script in {MODES[mode][2] for _, mode in wanted}:
            files = {
                f"{name}.{MODES[mode][0]}" for name, mode in wanted if MODES[mode][2] == script
            }
            command = [sys.executable, "-m", f"tests.models.{script}", str(folder), *sorted(files)]
            subprocess.run(command, check=True, capture_output=True)
        try:
            return {
                (name, mode): capture(launcher, folder, name, mode) for name, mode in sorted(wanted)
            }
        finally:
            launcher.close()


def capture(launcher: Launcher, folder: Path, name: str, mode: str, steps: int = STEPS) -> Profile:
    ending, mode_id, _ = MODES[mode]
    model = open_path(folder / f"{name}.{ending}")
    assert isinstance(model, ModelFile)
    request = request_for(model, mode_id)
    named = request.inputs[0].name if request.inputs else "x"
    request = replace(
        request,
        inputs=(INPUTS[name].spec(named, channels_last=ending == "keras"),),
        trusted=True,
        source_folder=str(MODELS),
        steps=steps,
        threads=1,
    )
    with tempfile.TemporaryDirectory() as kept:
        launcher.capture(request, Path(kept))
        return read_capture(Path(kept))


def print_pair(title: str, a: Profile, b: Profile) -> None:
    found = compare(a, b)
    explanation = found.explanation
    shares = (
        explanation.matched_share,
        explanation.layers_share,
        explanation.call_share,
        explanation.outside_share,
        explanation.lone_share,
        explanation.matched_changes,
    )
    steps = f"{format_duration(explanation.a_ns):>10}{format_duration(explanation.b_ns):>10} "
    told = "".join(f"{100 * share:>8.1f} %" for share in shares)
    if explanation.is_noise:
        told = "  no difference beyond the noise"
    elif explanation.matched_share < MEANT:
        told += "  less explained than is meant"
    print(f"{title:<40}{steps}{told}")
    names = RowNames()
    for row in explanation.rows[:3]:
        times = f"{format_duration(row.a_ns)} → {format_duration(row.b_ns)}"
        print(f"    {format_share(explanation, row):>8}  {times:<24}{names.of(row)}")
        if row.kind == RowKind.CALL:
            for side, parts in zip("AB", row.operators, strict=True):
                print(f"{'':<14}{side}: {parts}")
    for caution in found.cautions:
        print(f"    ! {caution}")


if __name__ == "__main__":
    main(sys.argv[1:])
