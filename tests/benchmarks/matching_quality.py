"""Print how well graphs are matched: ``python -m tests.benchmarks.matching_quality [WORD...]``.

Of hand-checked pairs of one model, see `tests.models.matching_truth`: precision and recall of
operators and of layers, the share of layer time that is matched, and the time it took; the same of
operators where the matcher sees no names; then the precision of pairs by their confidence, with
names and without. A word limits the pairs to those whose title has it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.capturing import request_for
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from tests.benchmarks.matching_figures import (
    Quality,
    judged,
    judged_by_layer_names,
    judged_by_origins,
    judged_without_names,
)

MODELS = Path(__file__).parents[1] / "models"
MODES = {
    "keras": "keras", "pt2": "torch-export", "pt": "torch-eager", "ts.pt": "torchscript",
    "onnx": "onnxruntime",
}  # fmt: skip
TUNED = (
    ("resnet", "resnet.pt2", "resnet.keras"),
    ("encoder", "encoder.pt2", "encoder.keras"),
    ("encoder", "encoder_joint.pt2", "encoder.keras"),
    ("encoder", "encoder_packed.pt2", "encoder.keras"),
    ("resnet", "resnet.pt2", "resnet.onnx"),
    ("encoder", "encoder.pt2", "encoder.onnx"),
    ("encoder", "encoder_packed.pt2", "encoder_packed.onnx"),
    ("resnet", "resnet.onnx", "resnet.keras"),
    ("encoder", "encoder.onnx", "encoder.keras"),
    ("resnet", "resnet.pt", "resnet.pt2"),
    ("resnet", "resnet.pt2", "resnet.ts.pt"),
    ("encoder", "encoder.pt2", "encoder.ts.pt"),
    ("encoder", "encoder.pt2", "encoder_packed.pt2"),
    ("encoder", "encoder_packed.pt", "encoder_packed.pt2"),
    ("encoder", "encoder_packed.pt", "encoder.keras"),
    ("resnet", "resnet.pt2", "resnet_added.pt2"),
    ("resnet", "resnet.pt2", "resnet_removed.pt2"),
    ("resnet", "resnet.pt2", "resnet_widened.pt2"),
)
UNTUNED = (
    ("mobilenet", "mobilenet.pt2", "mobilenet.keras"),
    ("mobilenet", "mobilenet.pt2", "mobilenet.onnx"),
    ("unet", "unet.pt2", "unet.keras"),
    ("unet", "unet.pt2", "unet.onnx"),
    ("lstm", "lstm.pt2", "lstm.keras"),
    ("lstm", "lstm.pt2", "lstm.onnx"),
)
STAGES = (
    "resnet.onnx", "encoder.onnx", "encoder_packed.onnx", "unet.onnx", "mobilenet.onnx",
    "resnet.keras", "encoder.keras", "mobilenet.keras",
)  # fmt: skip
KERAS_OWN = ("densenet.keras", "inception.keras", "nasnet.keras")


class Captures:
    """Builds model files and captures them, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._launcher = Launcher()
        self._profiles: dict[str, Profile] = {}

    def build(self, files: list[str]) -> None:
        """Make model files, PyTorch's and Keras' side by side."""
        running = []
        for script, chosen in (
            ("build_matching_torch", [file for file in files if not file.endswith(".keras")]),
            ("build_matching_keras", [file for file in files if file.endswith(".keras")]),
        ):
            if chosen:
                command = [sys.executable, "-m", f"tests.models.{script}", str(self.folder)]
                running.append(
                    subprocess.Popen(
                        [*command, *chosen], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
                    )
                )
        for process in running:
            _, errors = process.communicate()
            assert process.returncode == 0, errors.decode()[-4000:]

    def profile(self, file: str) -> Profile:
        if file not in self._profiles:
            self._profiles[file] = capture(self._launcher, self.folder / file)
        return self._profiles[file]

    def read(self, file: str) -> Profile:
        """The graph of a model file that is not run."""
        opened = open_path(self.folder / file)
        assert isinstance(opened, ModelFile)
        return opened.preview

    def close(self) -> None:
        self._launcher.close()


def capture(launcher: Launcher, path: Path) -> Profile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    mode = MODES[path.name.split(".", 1)[1]]
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), steps=5, warmup=2
    )
    with tempfile.TemporaryDirectory() as folder:
        launcher.capture(request, Path(folder))
        return read_capture(Path(folder))


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        captures = Captures(Path(folder))
        try:
            print_all(captures, words)
        finally:
            captures.close()


def print_all(captures: Captures, words: list[str]) -> None:
    def is_wanted(*titles: str) -> bool:
        return not words or any(word in title for word in words for title in titles)

    sections = {
        "tuned on": [pair for pair in TUNED if is_wanted(*pair)],
        "not tuned on": [pair for pair in UNTUNED if is_wanted(*pair)],
    }
    stages = [file for file in STAGES if is_wanted(file, "stage")]
    own = [file for file in KERAS_OWN if is_wanted(file)]
    files = {file for pairs in sections.values() for pair in pairs for file in pair[1:]}
    captures.build(sorted(files | {*stages, *own}))
    print(
        f"{'pair':<42}{'nodes':>10}{'precision':>10}{'recall':>7}{'layers: P':>10}{'R':>6}"
        f"{'time':>7}{'ms':>6}{'no names: P':>13}{'R':>6}"
    )
    told, bare = [], []
    for title, pairs in sections.items():
        print(title)
        for architecture, *names in pairs:
            a, b = map(captures.profile, names)
            told.append(judged(architecture, a, b))
            bare.append(judged_without_names(architecture, a, b))
            print(line(" - ".join(names), sizes(a, b), told[-1], bare[-1]))
    print("before and after fusion; the compiler's own account is the truth")
    for file in stages:
        profile = captures.profile(file)
        told.append(judged_by_origins(profile))
        stage = profile.graphs[1]
        counts = f"{len(profile.authored.nodes)}/{len(stage.nodes)}"
        print(line(f"{file} - {stage.stage}", counts, told[-1], None))
    print("Keras' own models as read and as run; the names of layers are the truth, and hidden")
    for file in own:
        read, run = captures.read(file), captures.profile(file)
        bare.append(judged_by_layer_names(read, run))
        print(line(file, sizes(read, run), None, bare[-1]))
    print("\n".join(calibration("with names", told)))
    print("\n".join(calibration("without names", bare)))


def sizes(a: Profile, b: Profile) -> str:
    return f"{len(a.authored.nodes)}/{len(b.authored.nodes)}"


def line(title: str, counts: str, quality: Quality | None, bare: Quality | None) -> str:
    def cells(*shares: float | None) -> list[str]:
        return ["-" if share is None else f"{share:.3f}" for share in shares]

    if quality is None:
        shares, took = ["-"] * 5, "-"
    else:
        shares = cells(quality.precision, quality.recall, quality.layer_precision,
                       quality.layer_recall, quality.time)  # fmt: skip
        took = f"{quality.took_ms:.0f}"
    hidden = cells(bare.precision, bare.recall) if bare else ["-", "-"]
    return (
        f"  {title:<40}{counts:>10}{shares[0]:>10}{shares[1]:>7}{shares[2]:>10}{shares[3]:>6}"
        f"{shares[4]:>7}{took:>6}{hidden[0]:>13}{hidden[1]:>6}"
    )


def calibration(
    title: str,
    qualities: list[Quality],
    edges: tuple[float, ...] = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01),
) -> Iterator[str]:
    """Precision of the pairs whose confidence lies in each span."""
    if not qualities:
        return
    rights = np.concatenate([quality.rights for quality in qualities])
    confidences = np.concatenate([quality.confidences for quality in qualities])
    yield f"precision by confidence, {title}"
    for low, high in zip((0.0, *edges), edges, strict=False):
        inside = (confidences >= low) & (confidences < high)
        if inside.any():
            yield f"  {low:.2f} to {min(high, 1):.2f}{inside.sum():>8} pairs{rights[inside].mean():>8.3f}"


if __name__ == "__main__":
    main(sys.argv[1:])
