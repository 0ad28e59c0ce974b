"""Steps from one slice to another: along its lane and along its arrows."""

import numpy as np

from profilers.profile import Flows, Slices
from profilers.profile.table import Int32, Int64


class FlowIndex:
    """Arrows of a slice, found by binary search in both directions."""

    def __init__(self, flows: Flows) -> None:
        self._by_source = np.argsort(flows.source, kind="stable")
        self._by_target = np.argsort(flows.target, kind="stable")
        self._flows = flows

    def targets(self, row: int) -> list[int]:
        found = _equal(self._flows.source, self._by_source, row)
        return [int(each) for each in self._flows.target[found]]

    def sources(self, row: int) -> list[int]:
        found = _equal(self._flows.target, self._by_target, row)
        return [int(each) for each in self._flows.source[found]]

    def touching(self, rows: list[int]) -> list[tuple[int, int]]:
        """(source, target) of every arrow that begins or ends at one of the slices."""
        out = [(row, target) for row in rows for target in self.targets(row)]
        into = [(source, row) for row in rows for source in self.sources(row)]
        return list(dict.fromkeys(out + into))


def neighbour(slices: Slices, row: int, direction: int) -> int:
    """The slice before (-1) or after (1) on the same track and depth, or -1."""
    begin = int(np.searchsorted(slices.track, slices.track[row], "left"))
    end = int(np.searchsorted(slices.track, slices.track[row], "right"))
    places = np.arange(row + 1, end) if direction > 0 else np.arange(row - 1, begin - 1, -1)
    same = places[slices.depth[places] == slices.depth[row]][:1]
    return int(same[0]) if len(same) else -1


def _equal(values: Int32, order: Int64, wanted: int) -> Int64:
    """Places in `order` whose value is the wanted one."""
    low = np.searchsorted(values, wanted, "left", sorter=order)
    high = np.searchsorted(values, wanted, "right", sorter=order)
    return order[low:high]
