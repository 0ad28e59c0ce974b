"""Times that lost digits on their way into the file."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity
from profilers.profile.table import Int64
from profilers.units import format_duration

_SAMPLES = 20_000
_FEWEST = 32  # distinct times below which a common divisor may be chance
_SHARE = 0.99  # the rest may come from a second writer or from a repair

_WHOLE = ((1_000_000, "milliseconds"), (1_000, "microseconds"))
# The distance of neighbouring float64 values at today's Unix time in µs, in µs before 2005 or since
# boot, and in ns.
_FLOAT_GRIDS_NS = (250, 125, 256)


def rounded_times(facts: TraceFacts) -> Iterator[Diagnostic]:
    starts, durations = _sample(facts)
    if len(np.unique(starts)) < _FEWEST:
        return
    for grid_ns, unit in _WHOLE:
        if _on_grid(starts, grid_ns) and (durations % grid_ns == 0).mean() >= _SHARE:
            short = int((facts.slices.duration_ns < 10 * grid_ns).sum())
            if short:
                yield Diagnostic(
                    Severity.INFO,
                    f"Times are whole {unit}, so slices shorter than "
                    f"{format_duration(10 * grid_ns)} may be off by more than 10 %.",
                    "Compare sums and averages over many of them, not single ones; recent PyTorch "
                    "versions write nanoseconds.",
                    short,
                )
            return
    for grid_ns in _FLOAT_GRIDS_NS:
        if _on_grid(starts, grid_ns):
            yield Diagnostic(
                Severity.WARNING,
                f"Start times lie {grid_ns} ns apart or a multiple of it, as 64-bit floating point "
                "numbers do; slices shorter than ten times that may seem to overlap or to leave "
                "gaps.",
                "Open the file as the profiler wrote it: a script that read and wrote it again "
                "rounded the times.",
                int((facts.slices.duration_ns < 10 * grid_ns).sum()),
            )
            return


def _sample(facts: TraceFacts) -> tuple[Int64, Int64]:
    every = slice(None, None, max(1, len(facts.slices) // _SAMPLES))
    return facts.slices.start_ns[every], facts.slices.duration_ns[every]


def _on_grid(times_ns: Int64, grid_ns: int) -> bool:
    """Whether nearly all leave the same remainder: the profile's time 0 may be off the grid."""
    _, counts = np.unique(times_ns % grid_ns, return_counts=True)
    return bool(counts.max() >= _SHARE * len(times_ns))
