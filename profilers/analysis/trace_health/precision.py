"""Times that lost digits on their way into the file."""

from collections.abc import Iterator, Sequence

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity
from profilers.profile.table import Int64
from profilers.units import format_duration

_SAMPLES = 20_000
_FEWEST = 32  # distinct times below which a common divisor may be chance
_SHARE = 0.99  # the rest may come from a second writer or from a repair

_WHOLE = ((1_000_000, "milliseconds"), (1_000, "microseconds"))
# The distance of neighbouring float64 values at Unix times in ns, and in µs before 2005.
_QUARTERS_NS = ((0, 250, 500, 750), (0, 200, 500, 800))
_FLOAT_GRIDS_NS = ((256, "256 ns"), (125, "an eighth of a microsecond"))


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
                    "Compare sums and averages over many of them, not single ones"
                    f"{'; recent PyTorch versions write nanoseconds' if facts.is_kineto else ''}.",
                    short,
                )
            return
    if rounded := _float_grid(starts):
        grid_ns, words = rounded
        yield Diagnostic(
            Severity.WARNING,
            f"Start times are rounded to {words}, as 64-bit floating point numbers round Unix "
            f"times; slices shorter than {format_duration(10 * grid_ns)} may seem to overlap or to "
            "leave gaps.",
            "Open the file as the profiler wrote it: a script that read and wrote it again "
            "rounded the times.",
            int((facts.slices.duration_ns < 10 * grid_ns).sum()),
        )


def _sample(facts: TraceFacts) -> tuple[Int64, Int64]:
    every = slice(None, None, max(1, len(facts.slices) // _SAMPLES))
    return facts.slices.start_ns[every], facts.slices.duration_ns[every]


def _float_grid(starts_ns: Int64) -> tuple[int, str] | None:
    """The distance of the float64 values that the times seem to have been, and its name.

    Unix times in µs have quarters: they are written as .0, .25, .5, .75, or, as short as may be, as
    .0, .2, .5, .8.
    """
    found, counts = np.unique(starts_ns % 1_000, return_counts=True)
    common = np.argsort(counts)[-4:]
    is_few = len(counts) >= 3 and counts[common].sum() >= _SHARE * len(starts_ns)
    if is_few and any(_among(found[common], quarters) for quarters in _QUARTERS_NS):
        return 250, "a quarter of a microsecond"
    return next((grid for grid in _FLOAT_GRIDS_NS if _on_grid(starts_ns, grid[0])), None)


def _among(remainders_ns: Int64, quarters_ns: Sequence[int]) -> bool:
    """Whether all are quarters, counted from wherever the profile's time 0 lies between them."""
    first = int(remainders_ns[0])
    return any(
        bool(np.isin((remainders_ns - first + quarter) % 1_000, quarters_ns).all())
        for quarter in quarters_ns
    )


def _on_grid(times_ns: Int64, grid_ns: int) -> bool:
    """Whether nearly all leave the same remainder: the profile's time 0 may be off the grid."""
    _, counts = np.unique(times_ns % grid_ns, return_counts=True)
    return bool(counts.max() >= _SHARE * len(times_ns))
