"""Print what the deployment runtimes make of Keras models: ``python -m tests.benchmarks.deployment_modes``.

One row per mode and its options: how much is linked to the graph (operator time, fused kernels, peak
bytes), fused groups and what stayed apart, peak, and the size of the converted file. Names of models
(resnet50, mobilenet_v2, transformer) after the command choose among them.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.stats import statistics
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.profile.references import broken_references
from profilers.units import format_bytes, format_duration

NAMES = ("resnet50", "mobilenet_v2", "transformer")
RUNS: tuple[tuple[str, dict[str, str]], ...] = (
    ("keras", {}),
    ("tf-xla", {}),
    ("tflite", {"delegate": "xnnpack"}),
    ("tflite", {"delegate": "none"}),
    ("tflite", {"delegate": "xnnpack", "quantisation": "dynamic-range"}),
    ("tf-onnxruntime", {"level": "disabled"}),
    ("tf-onnxruntime", {"level": "basic"}),
    ("tf-onnxruntime", {"level": "extended"}),
    ("tf-onnxruntime", {"level": "all"}),
)
_HEAD = ("mode", "options", "step", "operators", "fused", "peak", "groups", "apart", "peak bytes", "on disk", "off by")  # fmt: skip
_WIDTHS = (15, 23, 10, 10, 7, 7, 7, 7, 11, 11, 10)


def main(names: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    build = [sys.executable, "-m", "tests.models.build_deployment", str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    launcher = Launcher()
    try:
        for name in names or NAMES:
            path = folder / f"{name}.keras"
            print(f"\n{name}, {format_bytes(path.stat().st_size)} as .keras")
            print_line(_HEAD)
            for mode, options in RUNS:
                print_run(launcher, path, mode, options)
    finally:
        launcher.close()


def print_run(launcher: Launcher, path: Path, mode: str, options: dict[str, str]) -> None:
    told = " ".join(options.values()) or "-"
    try:
        print_line((mode, told, *cells_of(profile_of(launcher, path, mode, options))))
    except TwinscopeError as error:
        print(f"{mode:<15}{told:<23}{error}")


def profile_of(launcher: Launcher, path: Path, mode: str, options: dict[str, str]) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    request = replace(request_for(model, mode), steps=5, warmup=2, options=options)
    with tempfile.TemporaryDirectory() as capture:
        launcher.capture(request, Path(capture))
        profile = read_capture(Path(capture))
    assert broken_references(profile) == []
    return profile


def cells_of(profile: Profile) -> tuple[str, ...]:
    figures = statistics(profile)
    coverage = figures["link_coverage"]
    shares = [coverage[key] for key in ("operator_time", "fused_kernel_time", "peak_bytes")]
    facts = profile.environment.facts
    return (
        format_duration(figures["median_step_ns"]),
        *("-" if share is None else f"{share:.3f}" for share in shares),
        str(len(profile.fusion.groups)),
        str(len(profile.fusion.breaks)),
        format_bytes(figures["peak_bytes"]),
        facts.get("Size as TFLite") or facts.get("Size as ONNX") or "-",
        facts.get("Largest difference from TensorFlow", "-"),
    )


def print_line(cells: tuple[str, ...]) -> None:
    texts = zip(cells, _WIDTHS, strict=True)
    print(
        "".join(f"{c:<{w}}" if at < 2 else f"{c:>{w}}" for at, (c, w) in enumerate(texts)),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
