"""A counter's samples as values per pixel column."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import Counters
from profilers.profile.table import Float64, Int64


@dataclass(frozen=True, eq=False)
class CounterSeries:
    """Samples in time order; a value holds until the next sample."""

    time_ns: Int64
    value: Float64

    @property
    def lowest(self) -> float:
        return float(np.nanmin(self.value))

    @property
    def highest(self) -> float:
        return float(np.nanmax(self.value))

    def columns(self, edges: Float64) -> Float64:
        """The highest value within each pixel column; NaN before the first sample."""
        first = np.searchsorted(self.time_ns, np.floor(edges[:-1]).astype(np.int64), "right") - 1
        after = np.searchsorted(self.time_ns, np.ceil(edges[1:]).astype(np.int64), "left")
        is_known = after > 0
        begin = np.maximum(first, 0)
        end = np.maximum(after, begin + 1)
        bounds = np.column_stack((begin, end)).ravel()
        highest = np.maximum.reduceat(np.append(self.value, -np.inf), bounds)[::2]
        return np.where(is_known, highest, np.nan)


def series_by_track(counters: Counters) -> dict[int, CounterSeries]:
    """Every counter track's samples; values that are no numbers are left out."""
    keep = np.isfinite(counters.value)
    order = np.lexsort((counters.time_ns, counters.track))
    order = order[keep[order]]
    tracks, first = np.unique(counters.track[order], return_index=True)
    last = np.append(first, len(order))[1:]
    return {
        int(track): CounterSeries(
            counters.time_ns[order[begin:end]], counters.value[order[begin:end]]
        )
        for track, begin, end in zip(tracks, first, last, strict=True)
    }
