"""Real runs and real turns for `comparison_power`, added to what a JSON holds already."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.capturing import request_for
from profilers.analysis.comparison.side import waited
from profilers.interleaving import measure_in_turns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest
from profilers.run_record import RunRecord

MODELS = Path(__file__).parents[1] / "models"
STACK = MODELS / "fifth_slower.py"
WRITTEN = {
    "resnet.onnx": ("onnxruntime", "build_matching_torch"),
    "encoder.pt": ("torch-eager", "build_matching_torch"),
    "resnet.keras": ("keras", "build_matching_keras"),
}


@dataclass(frozen=True)
class Run:
    """Steps of a capture without the profiler, and its share of time that it waited for a processor."""

    title: str
    ns: list[int]
    waited: float


@dataclass(frozen=True)
class Turned:
    """Rounds of two; `is_slower` tells that b is the one that has a fifth more to do."""

    title: str
    a_ns: list[float]
    b_ns: list[float]
    waited: tuple[float, float]
    is_slower: bool


@dataclass(frozen=True)
class Measured:
    runs: list[Run]
    turns: list[Turned]


def read(path: Path) -> Measured:
    if not path.exists():
        return Measured([], [])
    held = json.loads(path.read_text())
    turns = [Turned(**{**each, "waited": tuple(each["waited"])}) for each in held["turns"]]
    return Measured([Run(**each) for each in held["runs"]], turns)


def measure(keep: Path, words: list[str]) -> Measured:
    """One run and one measurement in turns of what begins with one of the words, of all for none."""
    found = read(keep)
    for title, a, b in _requests(words):
        launcher = Launcher()
        try:
            if a == b:
                found.runs.append(_captured(launcher, title, a))
            rounds = measure_in_turns(launcher, a, b)
        finally:
            launcher.close()
        found.turns.append(
            Turned(title, rounds.a_ns.tolist(), rounds.b_ns.tolist(), rounds.waited, a != b)
        )
        keep.write_text(json.dumps(asdict(found)))
        print(f"  {title}: {len(rounds.a_ns)} rounds", file=sys.stderr)
    return found


def _requests(words: list[str]) -> Iterator[tuple[str, RunRequest, RunRequest]]:
    def is_wanted(title: str) -> bool:
        return not words or any(title.startswith(word) for word in words)

    for mode in ("torch-eager", "torch-onnxruntime"):
        ten, twelve = (_request(STACK, mode, name) for name in ("ten", "twelve"))
        for title, b in ((f"ten layers, {mode}", ten), (f"twelve for ten layers, {mode}", twelve)):
            if is_wanted(title):
                yield title, ten, b
    with tempfile.TemporaryDirectory() as folder:
        for file, (mode, script) in WRITTEN.items():
            if is_wanted(f"{file}, {mode}"):
                command = [sys.executable, "-m", f"tests.models.{script}", folder, file]
                subprocess.run(command, check=True, capture_output=True)
                request = _request(Path(folder) / file, mode)
                yield f"{file}, {mode}", request, request


def _request(path: Path, mode: str, signature: str = "") -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(
        request_for(model, mode, signature),
        trusted=True,
        source_folder=str(MODELS),
        steps=40,
        warmup=5,
        threads=1,
    )


def _captured(launcher: Launcher, title: str, request: RunRequest) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        launcher.capture(request, Path(folder))
        record = RunRecord.read(Path(folder))
    return Run(title, list(record.measured_ns), waited(record.facts))
