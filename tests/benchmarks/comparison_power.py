"""Print how often comparisons err: ``python -m tests.benchmarks.comparison_power [--real COUNT]``.

False alarms: of pairs that are the same, the share that is called different; at most 5 % are meant.
Found: of pairs of which one is 20 % slower, the share where the interval says so; 95 % are meant.
Untold: pairs of the same with too few independent steps for any word.

Made-up series first: independent steps, bursts of slow ones, correlated ones, drifts. With --real, the
same model is captured COUNT times, each in a process of its own, and every two captures are
compared; then it is measured COUNT times in turns with itself. There the slower one is the real one
with its steps made 20 % longer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from app.capturing import request_for
from profilers.analysis.comparison.ratios import (
    Interval,
    between_waiting_runs,
    ratio_of_medians,
    ratio_of_rounds,
)
from profilers.analysis.comparison.side import waited
from profilers.interleaving import measure_in_turns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile.table import Float64
from profilers.request import RunRequest
from profilers.run_record import RunRecord

MODELS = Path(__file__).parents[1] / "models"
SLOWER = 1.2
PAIRS = 300
DIFFER = 0.02  # standard deviation of whole runs of the made-up series
REAL = (
    ("resnet.onnx", "onnxruntime", "build_matching_torch"),
    ("encoder.pt", "torch-eager", "build_matching_torch"),
    ("resnet.keras", "keras", "build_matching_keras"),
)
Series = Callable[[np.random.Generator, int], Float64]
Judge = Callable[[Float64, Float64], Interval | None]


def independent(generator: np.random.Generator, count: int) -> Float64:
    return generator.lognormal(0, 0.05, count)


def bursts(generator: np.random.Generator, count: int) -> Float64:
    """One step in ten is slow, by half on the average."""
    slow = generator.random(count) < 0.1
    return generator.lognormal(0, 0.03, count) * (1 + slow * generator.exponential(0.5, count))


def correlated(generator: np.random.Generator, count: int, correlation: float = 0.7) -> Float64:
    noise = generator.normal(size=count)
    for at in range(1, count):
        noise[at] = correlation * noise[at - 1] + np.sqrt(1 - correlation**2) * noise[at]
    return np.exp(0.05 * noise)


def drifting(generator: np.random.Generator, count: int) -> Float64:
    """Warms up or cools down by up to a tenth along the run."""
    trend = generator.normal(0, 0.05) * np.linspace(-1, 1, count)
    return np.exp(trend + generator.normal(0, 0.03, count))


MADE: dict[str, Series] = {
    "independent": independent,
    "bursts": bursts,
    "correlated": correlated,
    "drifting": drifting,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", type=int, default=0, metavar="COUNT")
    parser.add_argument("--keep", type=Path, help="JSON to keep what was measured in")
    parser.add_argument("--read", type=Path, help="JSON that was kept")
    arguments = parser.parse_args()
    print(f"{'':<34}{'steps':>6}{'false alarms':>14}{'found':>9}{'untold':>9}")
    for name, series in MADE.items():
        for count in (20, 50, 200):
            print_line(f"made up: {name}", count, judged(made_pairs(series, count), apart))
    print_line("made up: load on both, in turns", 16, judged(loaded_pairs(), in_turns))
    measured = json.loads(arguments.read.read_text()) if arguments.read else None
    if arguments.real:
        measured = measure(arguments.real)
        if arguments.keep:
            arguments.keep.write_text(json.dumps(measured))
    if measured:
        print_real(measured)


def apart(a: Float64, b: Float64) -> Interval | None:
    return ratio_of_medians(a, b)


def in_turns(a: Float64, b: Float64) -> Interval | None:
    return ratio_of_rounds(a, b)


def made_pairs(series: Series, count: int) -> Iterator[tuple[Float64, Float64]]:
    """Runs that differ as a whole by what one model's runs differ."""
    generator = np.random.default_rng(count)
    for _ in range(PAIRS):
        a, b = (series(generator, count) * generator.lognormal(0, DIFFER) for _ in range(2))
        yield a, b


def loaded_pairs() -> Iterator[tuple[Float64, Float64]]:
    """Rounds on a machine whose load wanders, so that single blocks take up to twice as long."""
    generator = np.random.default_rng(0)
    for _ in range(PAIRS):
        load = np.exp(np.cumsum(generator.normal(0, 0.15, 16)))
        a, b = (load * generator.lognormal(0, 0.05, 16) for _ in range(2))
        yield a, b


def judged(pairs: Iterator[tuple[Float64, Float64]], judge: Judge) -> tuple[float, float, float]:
    """Shares of false alarms, of slowdowns found, and of pairs of which nothing is told."""
    alarms = found = untold = total = 0
    for a, b in pairs:
        total += 1
        same, slower = judge(a, b), judge(a, b * SLOWER)
        untold += same is None
        alarms += same is not None and not same.low <= 1 <= same.high
        found += slower is not None and slower.low > 1
    return alarms / total, found / total, untold / total


def print_line(title: str, steps: int, shares: tuple[float, float, float]) -> None:
    cells = "".join(
        f"{100 * share:>{width}.1f} %" for share, width in zip(shares, (12, 7, 7), strict=True)
    )
    print(f"{title:<34}{steps:>6}{cells}", flush=True)


def measure(count: int) -> dict[str, dict[str, list[object]]]:
    """Of each model, step durations and waiting of single captures, and rounds of it with itself."""
    folder = Path(tempfile.mkdtemp())
    for script in dict.fromkeys(script for _, _, script in REAL):
        files = [file for file, _, each in REAL if each == script]
        command = [sys.executable, "-m", f"tests.models.{script}", str(folder), *files]
        subprocess.run(command, check=True, capture_output=True)
    found: dict[str, dict[str, list[object]]] = {}
    for number in range(count):
        for file, mode, _ in REAL:
            kept = found.setdefault(f"{file} {mode}", {"runs": [], "turns": []})
            launcher = Launcher()
            try:
                request = request_of(folder / file, mode)
                kept["runs"].append(capture(launcher, request))
                rounds = measure_in_turns(launcher, request, request)
                kept["turns"].append([rounds.a_ns.tolist(), rounds.b_ns.tolist()])
            finally:
                launcher.close()
        print(f"  measured {number + 1} of {count}", file=sys.stderr)
    return found


def request_of(path: Path, mode: str) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(
        request_for(model, mode),
        trusted=True,
        source_folder=str(MODELS),
        steps=40,
        warmup=5,
        threads=1,
    )


def capture(launcher: Launcher, request: RunRequest) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        launcher.capture(request, Path(folder))
        record = RunRecord.read(Path(folder))
    return {"ns": record.measured_ns, "waited": waited(record.facts)}


def print_real(measured: dict[str, dict[str, list[object]]]) -> None:
    for name, kept in measured.items():
        runs = [(np.array(run["ns"], float), run["waited"]) for run in kept["runs"]]  # type: ignore[index, call-overload]
        between = [
            (a, b, between_waiting_runs(waited_a, waited_b))
            for (a, waited_a), (b, waited_b) in combinations(runs, 2)
        ]
        allowed = iter([each[2] for each in between for _ in range(2)])
        print_line(
            f"{name}, apart",
            len(runs[0][0]),
            judged(
                ((a, b) for a, b, _ in between),
                lambda a, b, allowed=allowed: ratio_of_medians(a, b, between_runs=next(allowed)),
            ),
        )
        turns = [tuple(np.array(side, float) for side in pair) for pair in kept["turns"]]  # type: ignore[attr-defined]
        print_line(
            f"{name}, in turns", max(len(a) for a, _ in turns), judged(iter(turns), in_turns)
        )  # type: ignore[arg-type]
        loads = ", ".join(f"{100 * (load or 0):.0f} %" for _, load in runs)
        medians = ", ".join(f"{np.median(steps) / 1e6:.1f}" for steps, _ in runs)
        print(f"    medians of single runs, ms: {medians}; waited for a processor: {loads}")


if __name__ == "__main__":
    main()
