"""Print what a capture costs beside the model itself: ``python -m tests.benchmarks.bench_drop_to_result``.

The time from dropping a file to its profile, minus importing the framework, loading, compiling and the
steps. The rest is the worker's start, the profiler, the graph and reading the capture; the goal is at
most 1 s. The profile is on screen when it is saved against a crash, which is told as what comes after.
Files may be named after the command, as PATH or PATH=MODE.

A busy machine tells no times: `processor` is the rest as time on a processor, of the thread that works
while everything else waits for it; a new worker imports its framework while this process still starts
the capture, so of `start` this process alone counts. The parts behind it are seconds and, in brackets,
those on a processor; those of the model itself are in capitals.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from app.autosave import Autosave
from app.capturing import captured, request_for
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
_OF_THE_MODEL = ("import", "load", "compile", "warm-up", "measure", "profile")
_HERE = ("start", "reading")  # stages of this process; the others are the worker's


@dataclass
class Part:
    seconds: float = 0.0
    processor: float = 0.0


@dataclass
class Stages:
    """Seconds in each stage, as the worker's progress tells them."""

    now: str = "start"
    began: float = field(default_factory=time.perf_counter)
    parts: dict[str, Part] = field(default_factory=dict)
    _processor: float = field(default_factory=lambda: _busy("start"))

    def follow(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.enter(event.stage)

    def enter(self, stage: str) -> None:
        if stage == self.now:
            return
        end, processor = time.perf_counter(), _busy(self.now)
        part = self.parts.setdefault(self.now, Part())
        part.seconds += end - self.began
        part.processor += processor - self._processor
        self.began, self.now, self._processor = end, stage, _busy(stage)

    def rest(self) -> float:
        """Seconds on a processor that are not the model's."""
        return sum(
            part.processor for stage, part in self.parts.items() if not _is_of_the_model(stage)
        )

    def __str__(self) -> str:
        return " · ".join(
            f"{stage.upper() if _is_of_the_model(stage) else stage} "
            f"{part.seconds:.2f} ({part.processor:.2f})"
            for stage, part in self.parts.items()
            if part.seconds >= 0.005
        )


def _is_of_the_model(stage: str) -> bool:
    return stage in _OF_THE_MODEL or stage.startswith("compile:")


def _busy(stage: str) -> float:
    """Seconds on a processor so far, of the thread that does the work of a stage."""
    own = time.thread_time()
    if stage in _HERE:
        return own
    for child in psutil.Process().children():
        for thread in child.threads():
            if thread.id == child.pid:
                own += thread.user_time + thread.system_time
    return own


def main() -> None:
    print(f"{'file':<15}{'mode':<18}{'worker':<8}", end="")
    print(f"{'drop to result':>14}{'model':>8}{'rest':>7}{'processor':>11}  s")
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
    profile, folder = captured(launcher, request, autosave, stages.follow)
    total = time.perf_counter() - begin
    stages.enter("end")
    autosave.keep(profile, folder)
    saved = time.perf_counter() - begin - total
    own = _of_the_model(profile)
    name = Path(request.model_path).name
    print(f"{name:<15}{request.mode:<18}{worker:<8}", end="")
    print(f"{total:14.2f}{own:8.2f}{total - own:7.2f}{stages.rest():11.2f}")
    print(f"    {stages} · after it, saving {saved:.2f}", flush=True)


def _of_the_model(profile: Profile) -> float:
    """Seconds of importing, loading, compiling and all steps."""
    return sum(phase_ns(profile, phase) for phase in TimingPhase) / 1e9


if __name__ == "__main__":
    main()
