"""How sure a median is when values follow each other: a bootstrap of as many values as they are worth.

The steps of one run are no independent draws: they drift with temperature and load, and slow ones
come in bursts. A series of n steps whose correlation lasts over t of them is worth n / t
independent ones, so that many are drawn for each resample (the m-out-of-n bootstrap of Bickel,
Götze and van Zwet, 1997), and the spread of the drawn medians is widened by Student's t for that
number, as Hesterberg (2015, "What teachers should know about the bootstrap") advises for small
samples. `tests/benchmarks/comparison_power.py` shows how often that errs.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from profilers.profile.table import Float64

RESAMPLES = 2000
_MOST_VALUES = 5000  # longer series are thinned to medians of neighbours
_CHUNK = 2_000_000  # drawn values at a time
NORMAL = 1.959964  # of Student's t with endless degrees of freedom, 95 % on two sides
_FREEDOM = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 60, 120, np.inf])
_STUDENT = np.array(
    [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.179, 2.131, 2.086,
     2.042, 2.000, 1.980, NORMAL]
)  # fmt: skip


def thinned(values: ArrayLike) -> Float64:
    """The values as floats; of more than `_MOST_VALUES` the medians of neighbours."""
    series = np.asarray(values, np.float64)
    together = -(-len(series) // _MOST_VALUES)
    if together <= 1:
        return series
    whole = len(series) // together * together
    medians: Float64 = np.median(series[:whole].reshape(-1, together), axis=1)
    return medians


def correlation_time(series: Float64, errors: float = 0.0) -> float:
    """How many neighbouring values tell as much as one independent value; at least 1.

    Of few values nobody can tell that they are independent, so it is no less than `_floor` then.

    The larger of two estimates: that of a first-order process with the series' first
    autocorrelation, and one plus twice the sum of the autocorrelations up to where pairs of
    neighbouring lags cease to be positive (Geyer, 1992), which sees slow drifts. Autocorrelations
    are those of ranks, so that single slow steps do not hide the rest, and are freed of the bias of
    short series, about (1 + 4 r) / n (Kendall, 1954). The first is taken to be larger by so many of its
    standard `errors`.
    """
    count = len(series)
    if count < 2 or not np.ptp(series):
        return 1.0
    if count < 4:
        return _floor(count)
    ranks = np.argsort(np.argsort(series, kind="stable"), kind="stable").astype(np.float64)
    spectrum = np.fft.rfft(ranks - ranks.mean(), 2 * count)
    covariance = np.fft.irfft(spectrum * spectrum.conj())[: count // 2 + 1]
    raw = covariance / covariance[0]
    error = math.sqrt(max(1 - float(raw[1]) ** 2, 0.0) / count)
    first = min(float(raw[1] + (1 + 4 * max(raw[1], 0)) / count) + errors * error, 0.98)
    time = (1 + first) / (1 - first)
    pairs = raw[1:-1:2] + raw[2::2]
    ends = np.flatnonzero(pairs <= 0)
    slow = 1 + 2 * float(pairs[: ends[0] if len(ends) else None].sum())
    if slow > 1 + 4 / np.sqrt(count) * 2:
        time = max(time, slow)
    return float(np.clip(time, _floor(count), count))


def _floor(count: int) -> float:
    """Without it, five or seven correlated steps raise more than 5 % of false alarms."""
    return min(1 + 2 / math.sqrt(count) + 1.5 / count, count / 2)


def worth(series: Float64, errors: float = 0.0) -> float:
    """How many independent values a series is worth, but for its trend; `errors` as above."""
    return len(series) / correlation_time(series - trend(series), errors)


def trend(series: Float64) -> Float64:
    """The straight line through the medians of the first and the last third, around zero.

    Tukey's resistant line: single slow steps do not turn it.
    """
    count = len(series)
    third = count // 3
    if not third:
        return np.zeros(count)
    rise = float(np.median(series[-third:]) - np.median(series[:third])) / (count - third)
    along: Float64 = np.arange(count, dtype=np.float64) - (count - 1) / 2
    return rise * along


def median_deviations(
    series: Float64, generator: np.random.Generator, errors: float = 0.0
) -> Float64:
    """Drawn medians minus the median, widened for small samples; shape (RESAMPLES,).

    Of a trend nobody knows where it would have ended, so a quarter of what it amounts to is a
    standard deviation of its own. Of fewer than two independent values the deviations are endless.
    """
    line = trend(series)
    series = series - line
    effective = len(series) / correlation_time(series, errors)
    if effective < 2:
        return np.where(np.arange(RESAMPLES) % 2, np.inf, -np.inf)
    number = round(effective)
    drawn = np.empty(RESAMPLES)
    at_once = max(_CHUNK // number, 1)
    for first in range(0, RESAMPLES, at_once):
        rows = min(at_once, RESAMPLES - first)
        places = generator.integers(len(series), size=(rows, number))
        drawn[first : first + rows] = np.median(series[places], axis=1)
    deviations: Float64 = (drawn - np.median(series)) * widening(effective)
    deviations += generator.normal(0, float(np.ptp(line)) / 4, RESAMPLES)
    return deviations


@lru_cache(maxsize=256)
def widening(effective: float) -> float:
    """Of a normal interval, for a sample of so many independent values."""
    freedom = max(effective - 1, 1.0)
    student = float(np.interp(-1 / freedom, -1 / _FREEDOM, _STUDENT))
    return student / NORMAL * float(np.sqrt(effective / (effective - 1)))
