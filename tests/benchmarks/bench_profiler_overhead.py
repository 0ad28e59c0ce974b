"""What profilers add to a step: ``python -m tests.benchmarks.bench_profiler_overhead [MODE...]``.

The demo's network in each mode that takes it: the median step measured without the profiler, the
median step under it, and what it adds, also for each slice that it writes.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.demo import demo_requests
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.profile import Profile, TimingPhase
from profilers.request import RunRequest
from profilers.units import format_duration

_TORCH = ("torch-export", "torch-compile", "torch-aoti", "torch-onnxruntime")
_KERAS = ("keras", "tf-eager", "tf-xla", "keras-torch", "tflite", "tf-onnxruntime")
_STEPS, _WARMUP = 20, 5


def main(wanted: list[str]) -> None:
    launcher = Launcher()
    print(
        f"{'mode':<20}{'step':>10}{'profiled':>10}{'added':>8}{'slices/step':>13}{'per slice':>11}"
    )
    with tempfile.TemporaryDirectory() as place:
        requests = demo_requests(Path(place))
        try:
            for request, modes in zip(requests, (_TORCH, _KERAS), strict=True):
                for mode in modes:
                    if not wanted or mode in wanted:
                        _print_row(launcher, replace(request, mode=mode))
        finally:
            launcher.close()


def _print_row(launcher: Launcher, request: RunRequest) -> None:
    request = replace(request, steps=_STEPS, warmup=_WARMUP)
    try:
        with tempfile.TemporaryDirectory() as folder:
            launcher.capture(request, Path(folder))
            profile = read_capture(Path(folder))
    except TwinscopeError as error:
        print(f"{request.mode:<20}{error}")
        return
    step_ns, profiled_ns = _measured_ns(profile), float(np.median(profile.steps.duration_ns))
    slices = len(profile.trace.slices) / max(len(profile.steps), 1)
    added_ns = max(profiled_ns - step_ns, 0)
    print(
        f"{request.mode:<20}{format_duration(step_ns):>10}{format_duration(profiled_ns):>10}"
        f"{profiled_ns / step_ns - 1:>+8.0%}{slices:>13.0f}{format_duration(added_ns / slices):>11}",
        flush=True,
    )


def _measured_ns(profile: Profile) -> float:
    timings = profile.timings
    return float(np.median(timings.duration_ns[timings.phase == TimingPhase.MEASURED]))


if __name__ == "__main__":
    main(sys.argv[1:])
