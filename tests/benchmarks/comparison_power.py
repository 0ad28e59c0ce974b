"""Print how often comparisons err: ``python -m tests.benchmarks.comparison_power``.

False alarms: of pairs that are the same, the share that is called different; at most 5 % are meant.
Found: of pairs of which one is 20 % slower, the share where the interval says so; 95 % are meant.
Untold: pairs of the same with too few independent steps for any word.
Shows from: the median of the change that a comparison names as the least it surely shows.
There: of pairs of which one is slower by just as much as that, the share where it is found; 95 % are meant.

Made-up series first, in about three minutes: independent steps, bursts of slow ones, correlated ones,
drifts. Of five or ten steps nobody finds a fifth for certain; what is meant holds from 20 on, and from
50 on where they are correlated: 20 of those are worth four. Then rounds in turns, which go on as long as
`stopping` says; so many there were. With --keep, noise as it was measured: the differences of real
rounds in stretches of eight, put together anew.

Real ones with --real COUNT, ten minutes each (--only WORD for some of them): a model is captured, and measured in turns with
itself; ten layers are measured in turns with ten and with twelve. --keep FILE adds them to what it holds,
so that they can be measured in pieces; --real 0 judges what was kept. Captures are compared two by two, and
the slower one is the real one with its steps made 20 % longer.
"""

import argparse
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np

from profilers.analysis.comparison import stopping
from profilers.analysis.comparison.ratios import (
    BETWEEN_PROCESSES,
    Interval,
    between_turns,
    between_waiting_runs,
    ratio_of_medians,
    ratio_of_rounds,
)
from profilers.profile.table import Float64
from tests.benchmarks.measured_pairs import Measured, Run, Turned, measure, read

SLOWER = 1.2
PAIRS = 150
STRETCH = 8  # rounds that stay together where real ones are put together anew
DIFFER = 0.02  # standard deviation of whole runs of the made-up series
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
ROUNDS: dict[str, Series] = {
    "independent": independent,
    "bursts": bursts,
    "correlated": correlated,
    "strongly correlated": partial(correlated, correlation=0.9),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--made-up", type=int, default=PAIRS, metavar="PAIRS", help="0: none")
    parser.add_argument("--real", type=int, default=0, metavar="COUNT")
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="of real ones")
    parser.add_argument("--keep", type=Path, help="JSON of real ones")
    arguments = parser.parse_args()
    kept = arguments.keep or Path(tempfile.mkdtemp()) / "measured.json"
    for _ in range(arguments.real):
        measure(kept, arguments.only)
    measured = read(kept)
    print(
        f"{'':<44}{'steps':>6}{'pairs':>7}{'false alarms':>14}{'found':>9}{'untold':>9}"
        f"{'shows from':>12}{'there':>9}"
    )
    if arguments.made_up:
        print_made_up(arguments.made_up, measured)
    print_real(measured)


def print_made_up(pairs: int, measured: Measured) -> None:
    for name, series in MADE.items():
        for count in (5, 7, 10, 20, 50, 200):
            drawn = made_pairs(series, count, pairs)
            print_line(f"made up: {name}", judged(drawn, ratio_of_medians))
    for name, series in ROUNDS.items():
        print_line(
            f"made up, in turns: {name}", judged(made_rounds(series, pairs), ratio_of_rounds)
        )
    noise = [
        np.log(np.array(each.b_ns) / each.a_ns)
        for each in measured.turns
        if len(each.a_ns) >= STRETCH * 2
    ]
    if noise:
        drawn = rounds_like(noise, pairs)
        print_line("as measured, in turns", judged(drawn, ratio_of_rounds))


def made_pairs(series: Series, count: int, pairs: int) -> Iterator[tuple[Float64, Float64]]:
    """Runs that differ as a whole by what one model's runs differ."""
    generator = np.random.default_rng(count)
    for _ in range(pairs):
        a, b = (series(generator, count) * generator.lognormal(0, DIFFER) for _ in range(2))
        yield a, b


def made_rounds(series: Series, pairs: int) -> Iterator[tuple[Float64, Float64]]:
    """Rounds on a machine whose load wanders, beside what either side varies; until they are enough."""
    generator = np.random.default_rng(0)
    for _ in range(pairs):
        load = np.exp(np.cumsum(generator.normal(0, 0.15, stopping.MOST_ROUNDS)))
        a, b = (load * series(generator, len(load)) * process(generator) for _ in range(2))
        yield until_enough(a, b)


def rounds_like(noise: list[Float64], pairs: int) -> Iterator[tuple[Float64, Float64]]:
    """Rounds whose differences are stretches of one real measurement each, put together anew."""
    generator = np.random.default_rng(0)
    for number in range(pairs):
        of = noise[number % len(noise)]
        firsts = generator.integers(len(of), size=-(-stopping.MOST_ROUNDS // STRETCH))
        places = (firsts[:, None] + np.arange(STRETCH)).ravel() % len(of)
        differences = (of - np.median(of))[places]
        b = np.exp(differences) * process(generator) / process(generator)
        yield until_enough(np.ones(len(b)), b)


def process(generator: np.random.Generator) -> float:
    return generator.lognormal(0, BETWEEN_PROCESSES)


def until_enough(a: Float64, b: Float64) -> tuple[Float64, Float64]:
    for number in range(len(a)):
        if stopping.is_look(number) and stopping.is_narrow(stopping.width(a[:number], b[:number])):
            return a[:number], b[:number]
    return a, b


@dataclass
class Judged:
    """How many pairs there were, and how many of them ended how; of the rest one value each."""

    pairs: int = 0
    alarms: int = 0
    slowdowns: int = 0
    found: int = 0
    untold: int = 0
    there: int = 0
    tried_there: int = 0
    steps: list[int] = field(default_factory=list)
    shows_from: list[float] = field(default_factory=list)

    def __iadd__(self, other: "Judged") -> "Judged":
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self

    def same(self, found: Interval | None, steps: int) -> None:
        self.pairs += 1
        self.steps.append(steps)
        self.untold += found is None
        self.alarms += found is not None and not found.low <= 1 <= found.high
        if found is not None:
            self.shows_from.append(found.shows_from)

    def slower(self, found: Interval | None) -> None:
        self.slowdowns += 1
        self.found += found is not None and found.low > 1


def judged(pairs: Iterator[tuple[Float64, Float64]], judge: Judge) -> Judged:
    """Of series of the same; those that are slower are the same ones, made longer."""
    total, found = Judged(), []
    for a, b in pairs:
        found.append(judge(a, b))
        total.same(found[-1], len(b))
        total.slower(found[-1] and found[-1].times(SLOWER))
    usual = 1 + np.median(total.shows_from) if total.shows_from else math.inf
    total.there = sum(each is not None and each.low * usual > 1 for each in found)
    total.tried_there = len(found)
    return total


def print_line(title: str, of: Judged) -> None:
    def share(count: int, pairs: int) -> str:
        return f"{100 * count / pairs:.1f} %" if pairs else "–"

    steps = f"{np.mean(of.steps):.0f}" if of.steps else "–"
    shows = f"{100 * np.median(of.shows_from):.1f} %" if of.shows_from else "–"
    print(
        f"{title:<44}{steps:>6}{of.pairs:>7}{share(of.alarms, of.pairs):>14}"
        f"{share(of.found, of.slowdowns):>9}{share(of.untold, of.pairs):>9}{shows:>12}"
        f"{share(of.there, of.tried_there):>9}",
        flush=True,
    )


def print_real(measured: Measured) -> None:
    all_apart, all_in_turns = Judged(), Judged()
    runs, turns = defaultdict(list), defaultdict(list)
    for run in measured.runs:
        runs[run.title].append(run)
    for turn in measured.turns:
        turns[turn.title].append(turn)
    for title, of in runs.items():
        found = judged_apart(of)
        if found.pairs:
            print_line(f"{title}, apart", found)
        all_apart += found
        loads = ", ".join(f"{100 * each.waited:.0f} %" for each in of)
        medians = ", ".join(f"{np.median(each.ns) / 1e6:.1f}" for each in of)
        print(f"    medians of single runs, ms: {medians}; waited for a processor: {loads}")
    for title, of in turns.items():
        found = judged_in_turns(of)
        print_line(f"{title}, in turns", found)
        told = ", ".join(f"{np.median(np.array(each.b_ns) / each.a_ns):.3f}" for each in of)
        print(f"    b over a: {told}")
        all_in_turns += found
    print_line("all real, apart", all_apart)
    print_line("all real, in turns", all_in_turns)


def judged_apart(runs: list[Run]) -> Judged:
    """Every two runs, each pair by what both waited for a processor."""
    total = Judged()
    for one, other in combinations(runs, 2):
        allowed = between_waiting_runs(one.waited, other.waited)
        series = np.array(one.ns, float), np.array(other.ns, float)
        total += judged(iter([series]), partial(ratio_of_medians, between_runs=allowed))
    return total


def judged_in_turns(turns: list[Turned]) -> Judged:
    """As they were measured: alarms of a model beside itself, and what was found of a real fifth."""
    total = Judged()
    for each in turns:
        series = np.array(each.a_ns), np.array(each.b_ns)
        found = ratio_of_rounds(*series, between=between_turns(*each.waited))
        if each.is_slower:
            total.slower(found)
        else:
            total.same(found, len(each.a_ns))
    return total


if __name__ == "__main__":
    main()
