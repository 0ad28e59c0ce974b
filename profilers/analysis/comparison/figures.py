"""Two profiles figure by figure, each with how sure the difference is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

from profilers.analysis.comparison import side
from profilers.analysis.comparison.ratios import (
    Interval,
    between_turns,
    between_waiting_runs,
    median_interval,
    ratio_of_medians,
    ratio_of_rounds,
)
from profilers.profile import Profile, TimingPhase
from profilers.profile.table import Float64


class Unit(Enum):
    DURATION = "ns"
    BYTES = "B"
    RATE = "1/s"
    COUNT = "count"
    FLOPS = "FLOPs"
    FLOP_RATE = "FLOPs/s"
    SHARE = "share"


class Basis(IntEnum):
    """What tells how sure a figure is."""

    STEPS = 0  # each step was timed
    COUNTED = 1  # not timed but counted, step by step
    ONCE = 2  # one value per run: nothing tells its noise


class Verdict(IntEnum):
    BETTER = 0  # b is
    WORSE = 1
    SAME = 2  # no difference beyond the noise
    OTHER = 3  # a difference that is neither good nor bad
    UNSURE = 4  # too few steps, or measured but once
    MISSING = 5  # one side does not tell


@dataclass(frozen=True)
class Metric:
    """`values` gives a profile's series; `lower_is_better` is None where neither is."""

    id: str
    title: str
    unit: Unit
    basis: Basis
    lower_is_better: bool | None
    values: Callable[[Profile], Float64]


@dataclass(frozen=True)
class FigurePair:
    """One metric of both sides.

    Attributes
    ----------
    a, b : float or None
        Medians; None where a side does not tell.
    a_interval, b_interval : Interval or None
        95 % intervals of the medians, where steps tell them.
    ratio : Interval or None
        b over a.
    """

    metric: Metric
    a: float | None
    b: float | None
    a_interval: Interval | None
    b_interval: Interval | None
    ratio: Interval | None
    verdict: Verdict

    @property
    def worsened_by(self) -> float:
        """By which share b is worse than a, 0 where it is not, or not beyond the noise."""
        if self.verdict != Verdict.WORSE or self.ratio is None:
            return 0.0
        return self.ratio.value - 1 if self.metric.lower_is_better else 1 - self.ratio.value


@dataclass(frozen=True)
class Rounds:
    """Median step durations in ns of rounds in which both sides took turns; equally many.

    `waited` are the shares of their time that both waited for a processor.
    """

    a_ns: Float64
    b_ns: Float64
    waited: tuple[float, float] = (0.0, 0.0)

    def turned(self) -> "Rounds":
        return Rounds(self.b_ns, self.a_ns, self.waited[::-1])


LATENCY = "latency"
COUNTED_METRICS: tuple[Metric, ...] = (
    Metric("peak", "Peak memory", Unit.BYTES, Basis.COUNTED, True, side.peak_bytes),
    Metric("load", "Start-up: loading the model", Unit.DURATION, Basis.ONCE, True, side.load_time),
    Metric("compile", "Compiling, or the first step's excess", Unit.DURATION, Basis.ONCE, True,
           side.compile_time),
    Metric("kernels", "Kernels per step", Unit.COUNT, Basis.COUNTED, None, side.kernels),
    Metric("launches", "Launches per step", Unit.COUNT, Basis.COUNTED, None, side.launch_calls),
    Metric("operators", "Operator calls per step", Unit.COUNT, Basis.COUNTED, None,
           side.operator_calls),
    Metric("flops", "FLOPs per step", Unit.FLOPS, Basis.COUNTED, None, side.flops),
    Metric("busy", "Device busy", Unit.SHARE, Basis.STEPS, None, side.device_busy),
)  # fmt: skip


def compare_figures(
    a: Profile, b: Profile, rounds: Rounds | None = None, *, per_sample: bool = False
) -> tuple[FigurePair, ...]:
    """Latency, throughput and what they rest on; what neither side tells is left out.

    Raises
    ------
    ValueError
        If figures are wanted per sample and a batch size is not known.
    """
    samples = _samples(a), _samples(b)
    if per_sample and not all(samples):
        raise ValueError("a side does not tell its batch size")
    scales = samples if per_sample else (1, 1)
    latency = _latency(a, b, rounds, scales)
    throughput, flop_rate = _derived(latency, a, b, samples if all(samples) else (1, 1), scales)
    counted = [_counted(metric, a, b) for metric in COUNTED_METRICS]
    found = (latency, throughput, counted[0], flop_rate, *counted[1:])
    return tuple(pair for pair in found if pair.a is not None or pair.b is not None)


def timed_phase(a: Profile, b: Profile) -> TimingPhase:
    """Steps without the profiler where both have them, else the profiled ones of both."""
    is_measured = all(len(side.step_durations(each, TimingPhase.MEASURED)) for each in (a, b))
    return TimingPhase.MEASURED if is_measured else TimingPhase.PROFILED


def _samples(profile: Profile) -> int:
    return side.samples_per_step(profile) or 0


def _latency(a: Profile, b: Profile, rounds: Rounds | None, scales: tuple[int, int]) -> FigurePair:
    phase = timed_phase(a, b)
    what = "interleaved" if rounds else "unprofiled"
    title = "Step, profiled" if phase == TimingPhase.PROFILED and not rounds else f"Step, {what}"
    if scales != (1, 1):
        title += ", per sample"
    metric = Metric(LATENCY, title, Unit.DURATION, Basis.STEPS, True, lambda profile: side.NONE)
    if rounds is not None:
        ours, theirs = rounds.a_ns / scales[0], rounds.b_ns / scales[1]
        ratio = ratio_of_rounds(ours, theirs, between=between_turns(*rounds.waited))
    else:
        ours, theirs = (
            side.step_durations(each, phase) / scale
            for each, scale in zip((a, b), scales, strict=True)
        )
        between = between_waiting_runs(*(side.waited(each.environment.facts) for each in (a, b)))
        ratio = ratio_of_medians(ours, theirs, between_runs=between)
    return _pair(metric, ours, theirs, ratio)


def _derived(
    latency: FigurePair, a: Profile, b: Profile, samples: tuple[int, int], scales: tuple[int, int]
) -> tuple[FigurePair, FigurePair]:
    """Throughput and rate of FLOPs, which are as sure as the latency is."""
    throughput = Metric(
        "throughput", "Samples per second" if _samples(a) and _samples(b) else "Steps per second", Unit.RATE,
        Basis.STEPS, False, lambda profile: side.NONE,
    )  # fmt: skip
    rate = Metric(
        "flop_rate",
        "FLOPs per second",
        Unit.FLOP_RATE,
        Basis.STEPS,
        None,
        lambda profile: side.NONE,
    )
    work = [side.flops(each) for each in (a, b)]
    amounts = tuple(float(each[0]) if len(each) else None for each in work)
    return (
        _per_second(throughput, latency, samples, scales),
        _per_second(rate, latency, amounts, scales),
    )


def _per_second(
    metric: Metric,
    latency: FigurePair,
    amounts: tuple[float | None, ...],
    scales: tuple[int, int],
) -> FigurePair:
    values: list[float | None] = []
    intervals: list[Interval | None] = []
    sides = ((latency.a, latency.a_interval), (latency.b, latency.b_interval))
    for (median, interval), amount, scale in zip(sides, amounts, scales, strict=True):
        known = median is not None and median > 0 and amount is not None
        factor = 1e9 * (amount or 0) / scale
        values.append(factor / median if known and median else None)
        intervals.append(interval.inverse().times(factor) if known and interval else None)
    ratio = None
    if latency.ratio is not None and amounts[0] and amounts[1]:
        per_step = amounts[1] / scales[1] / (amounts[0] / scales[0])
        ratio = latency.ratio.inverse().times(per_step)
    verdict = _verdict(metric, values[0], values[1], ratio)
    return FigurePair(metric, values[0], values[1], intervals[0], intervals[1], ratio, verdict)


def _counted(metric: Metric, a: Profile, b: Profile) -> FigurePair:
    ours, theirs = metric.values(a), metric.values(b)
    ratio = None
    if len(ours) and len(theirs) and metric.basis != Basis.ONCE:
        if np.ptp(ours) or np.ptp(theirs):
            positive = bool(ours.min() > 0 and theirs.min() > 0)
            ratio = ratio_of_medians(ours, theirs, between_runs=0.0) if positive else None
        elif ours[0]:
            ratio = Interval(*[float(theirs[0] / ours[0])] * 3)
    return _pair(metric, ours, theirs, ratio)


def _pair(metric: Metric, ours: Float64, theirs: Float64, ratio: Interval | None) -> FigurePair:
    a, b = (float(np.median(each)) if len(each) else None for each in (ours, theirs))
    intervals = [
        median_interval(each)
        if metric.basis != Basis.ONCE and len(each) and each.min() > 0
        else None
        for each in (ours, theirs)
    ]
    verdict = _verdict(metric, a, b, ratio)
    return FigurePair(metric, a, b, intervals[0], intervals[1], ratio, verdict)


def _verdict(metric: Metric, a: float | None, b: float | None, ratio: Interval | None) -> Verdict:
    if a is None or b is None:
        return Verdict.MISSING
    if ratio is None:
        return Verdict.UNSURE
    if ratio.low <= 1 <= ratio.high:
        return Verdict.SAME
    if metric.lower_is_better is None:
        return Verdict.OTHER
    return Verdict.BETTER if (ratio.value < 1) == metric.lower_is_better else Verdict.WORSE
