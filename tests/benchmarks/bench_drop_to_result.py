"""Print what a capture costs beside the model itself: ``python -m tests.benchmarks.bench_drop_to_result``.

The time from dropping a file to its profile, minus importing the framework, loading, compiling and the
steps. The rest is the worker's start, the profiler, the graph, reading the capture and saving it; the
goal is at most 1 s. Files may be named after the command, as PATH or PATH=MODE.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.autosave import Autosave
from app.capturing import capture_profile, request_for
from profilers.analysis.step_time import phase_ns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile, TimingPhase
from profilers.request import RunRequest
from profilers.worker_process import Log, Progress

MODELS = Path(__file__).parents[1] / "models"
DEFAULTS = (
    ("cnn.pt", "torch-eager"),
    ("block.pt", "torch-eager"),
    ("cnn.pt2", "torch-export"),
    ("block.ts.pt", "torchscript"),
    ("block.pt", "torch-onnxruntime"),
    ("encoder12.pt", "torch-eager"),
    ("encoder12.pt", "torch-export"),
    ("encoder12.pt", "torch-compile"),
    ("resnet50.pt", "torch-eager"),
)
LARGER = ("encoder12", "resnet50")
STEPS = 10


@dataclass
class Stages:
    """Seconds in each stage, as the worker's progress tells them."""

    began: float = field(default_factory=time.perf_counter)
    now: str = "start"
    seconds: dict[str, float] = field(default_factory=dict)

    def follow(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.enter(event.stage.partition(":")[0])

    def enter(self, stage: str) -> None:
        if stage != self.now:
            end = time.perf_counter()
            self.seconds[self.now] = self.seconds.get(self.now, 0.0) + end - self.began
            self.began, self.now = end, stage


def main() -> None:
    print(f"{'file':<18}{'mode':<20}{'worker':<7}{'drop to result':>15}{'model':>9}{'rest':>9}  s")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for path, mode in _wanted(folder):
            launcher = Launcher()
            autosave = Autosave(folder / "autosave")
            try:
                for worker in ("new", "warm"):
                    _print_line(launcher, autosave, _request(path, mode), worker)
            finally:
                launcher.close()
                autosave.close()


def _wanted(folder: Path) -> Iterator[tuple[Path, str]]:
    if len(sys.argv) > 1:
        for word in sys.argv[1:]:
            name, _, mode = word.partition("=")
            yield Path(name), mode
        return
    for builder, names in (("build_torch", ()), ("build_torch_kinds", LARGER)):
        subprocess.run(
            [sys.executable, "-m", f"tests.models.{builder}", str(folder), *names],
            check=True,
            capture_output=True,
        )
    yield from ((folder / name, mode) for name, mode in DEFAULTS)


def _request(path: Path, mode: str) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), steps=STEPS, warmup=3
    )


def _print_line(launcher: Launcher, autosave: Autosave, request: RunRequest, worker: str) -> None:
    stages = Stages()
    begin = time.perf_counter()
    profile, _ = capture_profile(launcher, request, autosave, stages.follow)
    total = time.perf_counter() - begin
    stages.enter("end")
    own = _of_the_model(profile)
    name = Path(request.model_path).name
    print(
        f"{name:<18}{request.mode:<20}{worker:<7}{total:15.2f}{own:9.2f}{total - own:9.2f}",
        end="  ",
    )
    print(" ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.seconds.items()))


def _of_the_model(profile: Profile) -> float:
    """Seconds of importing, loading, compiling and all steps."""
    return sum(phase_ns(profile, phase) for phase in TimingPhase) / 1e9


if __name__ == "__main__":
    main()
