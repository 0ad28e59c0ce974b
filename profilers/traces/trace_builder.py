"""From loose slice columns to an ordered, nested `Trace`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profilers.profile import (
    Counters,
    Flows,
    JsonColumn,
    JsonText,
    SliceKind,
    Slices,
    StringPool,
    Trace,
    TrackKind,
    Tracks,
)
from profilers.profile.table import Int64
from profilers.traces.nesting import inverse, nest, slice_order

OTHER = SliceKind.OTHER


@dataclass
class TraceBuilder:
    """Collects slices in any order; `build` sorts them by track and time and nests them."""

    pool: StringPool
    _rows: list[tuple[int, ...]] = field(default_factory=list)
    _arguments: list[dict[str, Any] | None] = field(default_factory=list)
    _tracks: list[tuple[int, ...]] = field(default_factory=list)
    _flows: list[tuple[int, int, int]] = field(default_factory=list)
    _counters: list[tuple[int, int, float]] = field(default_factory=list)

    def track(
        self,
        name: str,
        kind: TrackKind = TrackKind.THREAD,
        process: str = "",
        device: int = -1,
        rank: int = 0,
    ) -> int:
        self._tracks.append(
            (self.pool.add(name), int(kind), self.pool.add(process), device, rank, 0)
        )
        return len(self._tracks) - 1

    def slice(
        self,
        track: int,
        start_ns: int,
        duration_ns: int,
        name: str,
        kind: SliceKind = OTHER,
        category: str = "",
        *,
        correlation: int = -1,
        step: int = -1,
        node: int = -1,
        group: int = -1,
        arguments: Mapping[str, Any] | None = None,
    ) -> int:
        """Add one interval; the returned handle is good for `flow` and indexes `build`'s order."""
        self._rows.append((
            start_ns, duration_ns, self.pool.add(name), self.pool.add(category), int(kind), track,
            correlation, step, node, group,
        ))  # fmt: skip
        self._arguments.append(dict(arguments) if arguments else None)
        return len(self._rows) - 1

    def flow(self, source: int, target: int, kind: str) -> None:
        """An arrow between two slice handles."""
        self._flows.append((source, target, self.pool.add(kind)))

    def counter(self, track: int, time_ns: int, value: float) -> None:
        self._counters.append((track, time_ns, value))

    def build(self) -> tuple[Trace, Int64]:
        """The trace, and for each slice handle its row in it."""
        table = np.array(self._rows, np.int64).reshape(-1, 10)
        order = slice_order(table[:, 5].astype(np.int32), table[:, 0].copy(), table[:, 1].copy())
        row_of = inverse(order)
        table = table[order]
        depth, parent = nest(table[:, 5].astype(np.int32), table[:, 0], table[:, 1])
        start, duration, name, category, kind, track, correlation, step, node, group = table.T
        slices = Slices.of(
            start_ns=start,
            duration_ns=duration,
            name=name,
            category=category,
            kind=kind,
            track=track,
            depth=depth,
            parent=parent,
            correlation=correlation,
            step=step,
            node=node,
            group=group,
        )
        flows = Flows.from_rows((row_of[a], row_of[b], kind) for a, b, kind in self._flows)
        counters = Counters.from_rows(sorted(self._counters))
        arguments: JsonColumn = JsonText.from_objects(self._arguments[row] for row in order)
        return Trace(slices, Tracks.from_rows(self._tracks), flows, counters, arguments), row_of
