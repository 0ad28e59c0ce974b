"""Steps from one slice to another: along its lane and along its arrows."""

import numpy as np

from profilers.profile import Flows, Slices
from profilers.profile.table import Int32
from views.timeline.lanes import Lanes


class FlowIndex:
    """Arrows of a slice, found by binary search in both directions.

    The arrows that leave or reach a slice are its own or, where it has none, those of the slices it
    encloses: an operator launches kernels through the driver calls inside it, and what evaluates a
    backward encloses the slice that the forward's arrow leads to.
    """

    def __init__(self, flows: Flows, slices: Slices) -> None:
        self._slices = slices
        out, into = (
            np.argsort(flows.source, kind="stable"),
            np.argsort(flows.target, kind="stable"),
        )
        self._source, self._target = flows.source[out], flows.target[out]
        self._by_target, self._back = flows.target[into], flows.source[into]

    def targets(self, row: int) -> Int32:
        """Slices that this one leads to."""
        return self._target[self._leaving(row)]

    def sources(self, row: int) -> list[int]:
        """Slices that lead to this one."""
        end = end_of_family(self._slices, row)
        own, low, high = np.searchsorted(self._by_target, [row + 1, row, end])
        if low < own:
            return [*map(int, self._back[low:own])]
        inside = self._back[low:high]
        return [*map(int, inside[(inside < row) | (inside >= end)])]

    def touching(self, rows: list[int], most: int = 60) -> list[tuple[int, int]]:
        """(source, target) of arrows that begin or end at one of the slices, `most` for each."""
        out = []
        for row in rows:
            arrows = self._leaving(row)
            sources, targets = self._source[arrows][:most], self._target[arrows][:most]
            out += list(zip(sources.tolist(), targets.tolist(), strict=True))
        into = [(source, row) for row in rows for source in self.sources(row)[:most]]
        return list(dict.fromkeys(out + into))

    def _leaving(self, row: int) -> slice:
        """Where the arrows that leave a slice, or what it encloses, lie."""
        own = self._between(row, row + 1)
        return own if own.start < own.stop else self._between(row, end_of_family(self._slices, row))

    def _between(self, begin: int, end: int) -> slice:
        low, high = np.searchsorted(self._source, [begin, end]).tolist()
        return slice(low, high)


def end_of_family(slices: Slices, row: int) -> int:
    """Enclosed slices are the rows up to here: slices are ordered by track and start."""
    last = int(np.searchsorted(slices.track, slices.track[row], "right"))
    end_ns = int(slices.start_ns[row]) + int(slices.duration_ns[row])
    return row + 1 + int(np.searchsorted(slices.start_ns[row + 1 : last], end_ns, "left"))


def neighbour(lanes: Lanes, lane: int, row: int, direction: int) -> int:
    """The slice before (-1) or after (1) in the lane of a slice, or -1."""
    begin, end = int(lanes.bounds[lane]), int(lanes.bounds[lane + 1])
    place = begin + int(np.searchsorted(lanes.row[begin:end], row)) + direction
    return int(lanes.row[place]) if begin <= place < end else -1


def namesake(slices: Slices, row: int, direction: int) -> int:
    """The slice of the same name that starts before (-1) or after (1) a slice, or -1."""
    rows = np.flatnonzero(slices.name == slices.name[row])
    start_ns, here_ns = slices.start_ns[rows], slices.start_ns[row]
    if direction > 0:
        is_wanted = (start_ns > here_ns) | ((start_ns == here_ns) & (rows > row))
    else:
        is_wanted = (start_ns < here_ns) | ((start_ns == here_ns) & (rows < row))
    rows, start_ns = rows[is_wanted], start_ns[is_wanted]
    if not len(rows):
        return -1
    if direction > 0:
        return int(rows[np.argmin(start_ns)])
    return int(rows[len(rows) - 1 - np.argmax(start_ns[::-1])])
