"""Print the link coverage of every run mode on the test models: ``python -m tests.benchmarks.link_coverage``."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.stats import statistics
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile

MODELS = Path(__file__).parents[1] / "models"
FILES = (
    ("torch-eager", "build_torch", "{}.pt"),
    ("torch-compile", "build_torch", "{}.pt"),
    ("torch-export", "build_torch", "{}.pt2"),
    ("torchscript", "build_torch", "{}.ts.pt"),
    ("tf-graph", "build_tf", "{}_saved"),
    ("tf-xla", "build_tf", "{}_saved"),
    ("keras", "build_tf", "{}.keras"),
    ("tflite", "build_tf", "{}.tflite"),
    ("onnxruntime", "build_onnx", "{}.onnx"),
)
NAMES = ("cnn", "block", "control")


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    for script in dict.fromkeys(script for _, script, _ in FILES):
        subprocess.run(
            [sys.executable, "-m", f"tests.models.{script}", str(folder)],
            check=True,
            capture_output=True,
        )
    launcher = Launcher()
    print(
        f"{'mode':<14}{'model':<10}{'operators':>10}{'fused':>8}{'peak':>8}{'groups':>8}{'nodes':>8}"
    )
    try:
        for mode, _, pattern in FILES:
            for name in NAMES:
                print_line(mode, name, profile_of(launcher, folder / pattern.format(name), mode))
    finally:
        launcher.close()


def profile_of(launcher: Launcher, path: Path, mode: str) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), steps=10, warmup=3
    )
    capture = Path(tempfile.mkdtemp())
    launcher.capture(request, capture)
    return read_capture(capture)


def print_line(mode: str, name: str, profile: Profile) -> None:
    facts = statistics(profile)
    coverage = facts["link_coverage"]
    shares = [coverage[key] for key in ("operator_time", "fused_kernel_time", "peak_bytes")]
    cells = ["-" if share is None else f"{share:.3f}" for share in shares]
    print(
        f"{mode:<14}{name:<10}{cells[0]:>10}{cells[1]:>8}{cells[2]:>8}"
        f"{len(profile.fusion.groups):>8}{len(profile.authored.nodes):>8}"
    )


if __name__ == "__main__":
    main()
