"""One run's steps against another's: the ratio of their medians and how sure it is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from profilers.analysis.comparison.resampling import NORMAL, median_deviations, thinned, worth
from profilers.profile.table import Float64

_FOUND = 1.644854  # of the normal distribution: 95 % lie below
_EDGES = (2.5, 97.5)  # percentiles of a 95 % interval
BETWEEN_RUNS = 0.025  # standard deviation of what a run as a whole is faster or slower than another
_MOST_WAITED = 0.95
BETWEEN_PROCESSES = 0.01  # of two processes that take turns on one machine: where memory lies
CORRELATION_ERRORS = 1.0  # of rounds: they can be made more, so caution costs no more than time
LEAST_STEPS = 3
LEAST_WORTH = 2.0  # independent values below which nothing is told


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def shows_from(self) -> float:
        """Share of change from which on 95 % of such intervals leave out that there is none.

        Half of the interval's width, and so much further that 19 of 20 intervals around a change of
        that size begin beyond zero.
        """
        half = math.log(self.high / self.low) / 2
        return math.expm1(half * (1 + _FOUND / NORMAL))

    def inverse(self) -> "Interval":
        return Interval(1 / self.value, 1 / self.high, 1 / self.low)

    def times(self, factor: float) -> "Interval":
        return Interval(self.value * factor, self.low * factor, self.high * factor)


def between_waiting_runs(waited_a: float, waited_b: float) -> float:
    """`BETWEEN_RUNS` of runs that waited for a processor such shares of their time, 0 to 1.

    A run that waits a half takes twice as long, if its waiting lies in all of its steps alike. So what
    the two differ by in this counts whole, and a half of what they share, for where it lies nobody
    knows.
    """
    longer = [-float(np.log(1 - min(waited, _MOST_WAITED))) for waited in (waited_a, waited_b)]
    apart = abs(longer[0] - longer[1]) + max(longer) / 2  # of both together
    return float(np.hypot(BETWEEN_RUNS, apart / np.sqrt(2)))


def between_turns(waited_a: float, waited_b: float) -> float:
    """`BETWEEN_PROCESSES` of two that took turns, and waited for a processor such shares of them.

    What slows both alike cancels out; that one was put beside a busy neighbour does not.
    """
    ours, theirs = (min(waited, _MOST_WAITED) for waited in (waited_a, waited_b))
    apart = abs(float(np.log((1 - ours) / (1 - theirs))))
    return float(np.hypot(BETWEEN_PROCESSES, apart / np.sqrt(2)))


def median_interval(values: ArrayLike, seed: int = 0) -> Interval | None:
    """The median of positive values; None where there are too few to tell how sure it is."""
    series = _logarithms(values)
    if worth_too_little(series):
        return None
    drawn = median_deviations(series, np.random.default_rng(seed))
    return _interval(float(np.median(series)), drawn)


def ratio_of_medians(
    a: ArrayLike, b: ArrayLike, seed: int = 0, between_runs: float = BETWEEN_RUNS
) -> Interval | None:
    """Median of `b` over median of `a`, of two runs that were made one after the other.

    Beside the steps' own spread it counts `between_runs`: one model run twice differs by more than
    its steps tell. None where a side has too few independent steps.
    """
    ours, theirs = _logarithms(a), _logarithms(b)
    if worth_too_little(ours) or worth_too_little(theirs):
        return None
    generator = np.random.default_rng(seed)
    drawn = median_deviations(theirs, generator) - median_deviations(ours, generator)
    drawn = drawn + generator.normal(0, between_runs * np.sqrt(2), len(drawn))
    return _interval(float(np.median(theirs) - np.median(ours)), drawn)


def ratio_of_runs(a: float, b: float, between_runs: float) -> Interval | None:
    """`b` over `a`, of which only that is known by which runs of one model differ; None where one is 0."""
    if a <= 0 or b <= 0:
        return None
    edge = float(np.exp(NORMAL * between_runs * np.sqrt(2)))
    return Interval(b / a, b / a / edge, b / a * edge)


def ratio_of_rounds(
    a: ArrayLike, b: ArrayLike, seed: int = 0, between: float = BETWEEN_PROCESSES
) -> Interval | None:
    """The same of rounds in which both took turns: one duration per round and side.

    What slows both down at a time cancels out; `between` is what one process differs from another.
    """
    differences = _logarithms(b) - _logarithms(a)
    if worth_too_little(differences, CORRELATION_ERRORS):
        return None
    generator = np.random.default_rng(seed)
    drawn = median_deviations(differences, generator, CORRELATION_ERRORS)
    drawn = drawn + generator.normal(0, between * np.sqrt(2), len(drawn))
    return _interval(float(np.median(differences)), drawn)


def worth_too_little(series: Float64, errors: float = 0.0) -> bool:
    return len(series) < LEAST_STEPS or worth(series, errors) < LEAST_WORTH


def _logarithms(values: ArrayLike) -> Float64:
    return np.log(np.maximum(thinned(values), np.finfo(float).tiny))


def _interval(centre: float, deviations: Float64) -> Interval:
    """Back from logarithms."""
    low, high = np.percentile(deviations, _EDGES)
    return Interval(
        float(np.exp(centre)), float(np.exp(centre + low)), float(np.exp(centre + high))
    )
