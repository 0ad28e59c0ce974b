"""Print how often comparisons err, in about five minutes: ``python -m tests.benchmarks.comparison_power``.

False alarms: of pairs that are the same, the share that is called different; at most 5 % are meant.
Found: of pairs of which one is 20 % slower, the share where the interval says so; 95 % are meant.
Untold: pairs of the same with too few independent steps for any word.

Made-up series first: independent steps, bursts of slow ones, correlated ones, drifts. Then real ones,
unless --real is 0: the same model is captured COUNT times, each in a process of its own, and every two
captures are compared; and it is measured COUNT times in turns with itself. There the slower one is the
real one with its steps made 20 % longer. Of five or ten steps nobody finds a fifth for certain; what is
meant holds from 20 on, or in turns, and from 50 on where they are correlated: 20 of those are worth four.
Last, all real pairs together.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from app.capturing import request_for
from profilers.analysis.comparison.ratios import (
    Interval,
    between_turns,
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
PAIRS = 150
MOST_TURNS = 40
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
    parser.add_argument("--real", type=int, default=4, metavar="COUNT")
    parser.add_argument("--keep", type=Path, help="JSON to keep what was measured in")
    parser.add_argument("--read", type=Path, help="JSON that was kept")
    arguments = parser.parse_args()
    print(f"{'':<34}{'steps':>6}{'pairs':>7}{'false alarms':>14}{'found':>9}{'untold':>9}")
    for name, series in MADE.items():
        for count in (5, 10, 20, 50, 200):
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


@dataclass(frozen=True)
class Judged:
    """How many pairs there were, false alarms, slowdowns found, and pairs of which nothing is told."""

    pairs: int = 0
    alarms: int = 0
    found: int = 0
    untold: int = 0

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(
            self.pairs + other.pairs,
            self.alarms + other.alarms,
            self.found + other.found,
            self.untold + other.untold,
        )


def judged(pairs: Iterator[tuple[Float64, Float64]], judge: Judge) -> Judged:
    alarms = found = untold = total = 0
    for a, b in pairs:
        total += 1
        same, slower = judge(a, b), judge(a, b * SLOWER)
        untold += same is None
        alarms += same is not None and not same.low <= 1 <= same.high
        found += slower is not None and slower.low > 1
    return Judged(total, alarms, found, untold)


def print_line(title: str, steps: int, of: Judged) -> None:
    cells = "".join(
        f"{100 * count / max(of.pairs, 1):>{width}.1f} %"
        for count, width in ((of.alarms, 12), (of.found, 7), (of.untold, 7))
    )
    print(f"{title:<34}{steps:>6}{of.pairs:>7}{cells}", flush=True)


def measure(count: int) -> dict[str, dict[str, list[Any]]]:
    """Of each model, step durations and waiting of single captures, and rounds of it with itself."""
    folder = Path(tempfile.mkdtemp())
    for script in dict.fromkeys(script for _, _, script in REAL):
        files = [file for file, _, each in REAL if each == script]
        command = [sys.executable, "-m", f"tests.models.{script}", str(folder), *files]
        subprocess.run(command, check=True, capture_output=True)
    found: dict[str, dict[str, list[Any]]] = {}
    for number in range(count):
        for file, mode, _ in REAL:
            kept = found.setdefault(f"{file} {mode}", {"runs": [], "turns": []})
            launcher = Launcher()
            try:
                request = request_of(folder / file, mode)
                kept["runs"].append(capture(launcher, request))
                rounds = measure_in_turns(launcher, request, request, MOST_TURNS)
                turns = [rounds.a_ns.tolist(), rounds.b_ns.tolist(), rounds.waited]
                kept["turns"].append(turns)
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


def capture(launcher: Launcher, request: RunRequest) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        launcher.capture(request, Path(folder))
        record = RunRecord.read(Path(folder))
    return {"ns": record.measured_ns, "waited": waited(record.facts)}


def print_real(measured: dict[str, dict[str, list[Any]]]) -> None:
    all_apart, all_in_turns = Judged(), Judged()
    for name, kept in measured.items():
        runs = [(np.array(run["ns"], float), float(run["waited"])) for run in kept["runs"]]
        found = judged_apart(runs)
        print_line(f"{name}, apart", len(runs[0][0]), found)
        all_apart += found
        found = judged_in_turns(kept["turns"])
        most = max(len(a) for a, *_ in kept["turns"])
        print_line(f"{name}, in turns", most, found)
        all_in_turns += found
        loads = ", ".join(f"{100 * load:.0f} %" for _, load in runs)
        medians = ", ".join(f"{np.median(steps) / 1e6:.1f}" for steps, _ in runs)
        print(f"    medians of single runs, ms: {medians}; waited for a processor: {loads}")
    print_line("all real, apart", 0, all_apart)
    print_line("all real, in turns", 0, all_in_turns)


def judged_apart(runs: list[tuple[Float64, float]]) -> Judged:
    """Every two runs, each pair by what both waited for a processor."""
    total = Judged()
    for (a, waited_a), (b, waited_b) in combinations(runs, 2):
        allowed = between_waiting_runs(waited_a, waited_b)
        total += judged(iter([(a, b)]), partial(ratio_of_medians, between_runs=allowed))
    return total


def judged_in_turns(turns: list[Any]) -> Judged:
    total = Judged()
    for a, b, shares in turns:
        judge = partial(ratio_of_rounds, between=between_turns(*shares))
        total += judged(iter([(np.array(a, float), np.array(b, float))]), judge)
    return total


if __name__ == "__main__":
    main()
