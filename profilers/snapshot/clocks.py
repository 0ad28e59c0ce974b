"""Clocks that tick more slowly than once a nanosecond: times as numbers of ticks.

ARM's counters tick every 10 or 40 ns, those of accelerators every 8 or 32; once such times are
written in nanoseconds, the ticks can no longer be seen in their digits. Telling them again takes a
third of what the times take.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from profilers.profile.table import Bool, Int8, Int32, Int64

_WINDOW_NS = 1 << 18
_FEWEST_TIMES, _FEWEST_IN_WINDOW = 500, 64
_LONGEST_NS, _SHORTEST_NS = 200.0, 3.0
_SURE = 0.5  # of all times in the window are in step
_EXACT = 0.8  # of all times are whole ticks
_MOST_OFF = 127
_LARGEST = 2.0**53


@dataclass(frozen=True)
class Clock:
    """Tick `n` is at ``rint(n * period_ns + phase_ns)``."""

    period_ns: float
    phase_ns: float

    def ticks(self, times_ns: Int64) -> Int64:
        ticks: Int64 = np.rint((times_ns - self.phase_ns) / self.period_ns).astype(np.int64)
        return ticks

    def times_ns(self, ticks: Int64) -> Int64:
        times_ns: Int64 = np.rint(ticks * self.period_ns + self.phase_ns).astype(np.int64)
        return times_ns

    def can_tell(self, ticks: Int64) -> bool:
        """Whether these ticks are in a range where nothing is rounded away."""
        is_sound = 1.0 < self.period_ns < _MOST_OFF and abs(self.phase_ns) < _LARGEST
        return is_sound and float(np.abs(ticks).max(initial=0)) * self.period_ns < _LARGEST


Clocks = Mapping[int, Clock]  # by track


def clocks_of(track: Int32, times_ns: Int64) -> dict[int, Clock]:
    """The clocks of those tracks that have one.

    Parameters
    ----------
    track, times_ns : array of shape (times,)
    """
    found: dict[int, Clock] = {}
    tracks, counts = np.unique(track, return_counts=True)
    for each in tracks[np.argsort(-counts, kind="stable")].tolist():
        times = np.unique(times_ns[track == each])
        if len(times) < _FEWEST_TIMES:
            continue
        known = (clock for clock in found.values() if _tells(clock, times))  # threads share theirs
        clock = next(known, None) or _clock_of(times)
        if clock is not None and _tells(clock, times):
            found[each] = clock
    return found


def in_ticks(clocks: Clocks, track: Int32, times_ns: Int64) -> tuple[Int64, Int8]:
    """Times of tracks with a clock as ticks, the others as they are; and how far off the ticks are."""
    values, rest = times_ns.copy(), np.zeros(len(times_ns), np.int8)
    for clock, rows in _on_clocks(clocks, track):
        values[rows] = clock.ticks(times_ns[rows])
        rest[rows] = times_ns[rows] - clock.times_ns(values[rows])
    return values, rest


def in_ns(clocks: Clocks, track: Int32, values: Int64, rest: Int8) -> Int64:
    """The inverse of `in_ticks`.

    Raises
    ------
    ValueError
        If a clock does not fit the values.
    """
    times_ns = values.copy()
    for clock, rows in _on_clocks(clocks, track):
        if not clock.can_tell(values[rows]):
            raise ValueError("its clock does not fit its times")
        times_ns[rows] = clock.times_ns(values[rows]) + rest[rows]
    return times_ns


def _on_clocks(clocks: Clocks, track: Int32) -> Iterator[tuple[Clock, Bool]]:
    for each, clock in clocks.items():
        yield clock, track == each


def _clock_of(times_ns: Int64) -> Clock | None:
    """What may be the clock of sorted times, no two of them alike."""
    common = int(np.gcd.reduce(np.diff(times_ns)))
    if common > 1:
        return Clock(float(common), float(times_ns[0] % common))
    period_ns = _rough_period(times_ns)
    return None if period_ns is None else _refined(times_ns, period_ns)


def _tells(clock: Clock, times_ns: Int64) -> bool:
    ticks = clock.ticks(times_ns)
    off = np.abs(times_ns - clock.times_ns(ticks))
    is_close = (off == 0).mean() >= _EXACT and int(off.max()) <= _MOST_OFF
    return is_close and clock.can_tell(ticks)


def _rough_period(times_ns: Int64) -> float | None:
    """The strongest rhythm of a window with many times, as far as it is one."""
    window = _densest(times_ns)
    if len(window) < _FEWEST_IN_WINDOW:
        return None
    is_there = np.zeros(_WINDOW_NS, np.float32)
    is_there[window - window[0]] = 1
    strength = np.abs(np.fft.rfft(is_there))
    slowest, fastest = int(_WINDOW_NS / _LONGEST_NS), int(_WINDOW_NS / _SHORTEST_NS)
    at = slowest + int(np.argmax(strength[slowest:fastest]))
    if strength[at] < _SURE * len(window):
        return None
    for parts in range(at // slowest, 0, -1):  # a rhythm is also heard at its multiples
        near = round(at / parts)
        if strength[near - 1 : near + 2].max() >= 0.6 * strength[at]:
            return _WINDOW_NS * parts / at
    return None


def _densest(times_ns: Int64) -> Int64:
    last = np.searchsorted(times_ns, times_ns + _WINDOW_NS)
    begin = int(np.argmax(last - np.arange(len(times_ns))))
    return times_ns[begin : last[begin]]


def _refined(times_ns: Int64, period_ns: float) -> Clock:
    """A line through ever more times, so long as the next ones are told to less than half a tick."""
    begin = int(np.searchsorted(times_ns, _densest(times_ns)[0]))
    origin_ns, phase_ns = int(times_ns[begin]), 0.0
    span_ns = period_ns * 64
    whole_ns = int(times_ns[-1] - times_ns[0])
    while True:
        low, high = np.searchsorted(times_ns, [origin_ns - span_ns, origin_ns + span_ns])
        near = (times_ns[low:high] - origin_ns).astype(float)
        for _ in range(2):
            turn = np.exp(2j * np.pi * (near - phase_ns) / period_ns).mean()
            phase_ns += float(np.angle(turn)) / (2 * np.pi) * period_ns
            ticks = np.rint((near - phase_ns) / period_ns)
            is_near = np.abs(near - phase_ns - ticks * period_ns) < 0.6
            if is_near.sum() > 2 and np.ptp(ticks[is_near]) > 0:
                slope, phase = np.polyfit(ticks[is_near], near[is_near], 1)
                period_ns, phase_ns = float(slope), float(phase)
        if span_ns > whole_ns:
            return Clock(period_ns, (origin_ns + phase_ns) % period_ns)
        span_ns *= 2
