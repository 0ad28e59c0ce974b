"""A counter's samples as values per pixel column."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from profilers.profile import Counters, MemoryCounters
from profilers.profile.table import Float64, Int32, Int64
from profilers.units import format_bytes

_BLOCK = 64  # samples whose highest value is kept, so that no frame looks at all of them


def _plain(value: float) -> str:
    return f"{value:,.6g}"


@dataclass(frozen=True, eq=False)
class CounterSeries:
    """Samples in time order; a value holds until the next sample. `text` writes a value."""

    time_ns: Int64
    value: Float64
    text: Callable[[float], str] = _plain

    @cached_property
    def lowest(self) -> float:
        return float(np.nanmin(self.value))

    @cached_property
    def highest(self) -> float:
        return float(np.nanmax(self.value))

    def columns(self, edges: Float64) -> Float64:
        """The highest value within each pixel column; NaN before the first sample."""
        first = np.searchsorted(self.time_ns, np.floor(edges[:-1]).astype(np.int64), "right") - 1
        after = np.searchsorted(self.time_ns, np.ceil(edges[1:]).astype(np.int64), "left")
        is_known = after > 0
        begin = np.maximum(first, 0)
        end = np.maximum(after, begin + 1)
        # Whole blocks inside a column, and the samples before and after them.
        first_block = np.minimum(-(-begin // _BLOCK), end // _BLOCK)
        last_block = np.maximum(end // _BLOCK, first_block)
        has_blocks = last_block > first_block
        head_end = np.where(has_blocks, first_block * _BLOCK, end)
        tail_begin = np.where(has_blocks, last_block * _BLOCK, end)
        highest = np.maximum(
            _highest(self._samples, begin, head_end), _highest(self._samples, tail_begin, end)
        )
        highest = np.maximum(highest, _highest(self._blocks, first_block, last_block))
        return np.where(is_known, highest, np.nan)

    @cached_property
    def _samples(self) -> Float64:
        return np.append(self.value, -np.inf)

    @cached_property
    def _blocks(self) -> Float64:
        """The highest value of every whole block."""
        whole = len(self.value) // _BLOCK * _BLOCK
        return np.append(self.value[:whole].reshape(-1, _BLOCK).max(axis=1), -np.inf)


def _highest(values: Float64, begin: Int64, end: Int64) -> Float64:
    """Of ``values[begin:end]`` for each pair, -inf for an empty one; the last value is -inf."""
    bounds = np.column_stack((begin, np.maximum(end, begin))).ravel()
    highest = np.maximum.reduceat(values, bounds)[::2]
    return np.where(end > begin, highest, -np.inf)


def series_by_track(counters: Counters) -> dict[int, CounterSeries]:
    """Every counter track's samples; values that are no numbers are left out."""
    return _by_key(counters.track, counters.time_ns, counters.value, _plain)


def allocated_by_device(counters: MemoryCounters) -> dict[int, CounterSeries]:
    """Bytes that each device's allocator said it had given out, by the row of the device's name."""
    value = counters.allocated_bytes.astype(np.float64)
    return _by_key(counters.device, counters.time_ns, value, format_bytes)


def _by_key(
    keys: Int32, time_ns: Int64, value: Float64, text: Callable[[float], str]
) -> dict[int, CounterSeries]:
    keep = np.isfinite(value)
    order = np.lexsort((time_ns, keys))
    order = order[keep[order]]
    found, first = np.unique(keys[order], return_index=True)
    last = np.append(first, len(order))[1:]
    return {
        int(key): CounterSeries(time_ns[order[begin:end]], value[order[begin:end]], text)
        for key, begin, end in zip(found, first, last, strict=True)
    }
