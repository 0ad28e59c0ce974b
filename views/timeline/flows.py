"""Steps from one slice to another: along its lane and along its arrows."""

import numpy as np

from profilers.profile import Flows, Slices


class FlowIndex:
    """Arrows of a slice, found by binary search in both directions.

    The arrows that leave a slice are its own or, where it has none, those of the slices it encloses:
    an operator launches kernels through the driver calls inside it.
    """

    def __init__(self, flows: Flows, slices: Slices) -> None:
        self._slices = slices
        out, into = (
            np.argsort(flows.source, kind="stable"),
            np.argsort(flows.target, kind="stable"),
        )
        self._source, self._target = flows.source[out], flows.target[out]
        self._by_target, self._back = flows.target[into], flows.source[into]

    def targets(self, row: int) -> list[int]:
        """Slices that this one leads to."""
        return [target for _, target in self._leaving(row)]

    def sources(self, row: int) -> list[int]:
        """Slices that lead to this one."""
        low, high = np.searchsorted(self._by_target, [row, row + 1])
        return [int(each) for each in self._back[low:high]]

    def touching(self, rows: list[int]) -> list[tuple[int, int]]:
        """(source, target) of every arrow that begins or ends at one of the slices."""
        out = [arrow for row in rows for arrow in self._leaving(row)]
        into = [(source, row) for row in rows for source in self.sources(row)]
        return list(dict.fromkeys(out + into))

    def _leaving(self, row: int) -> list[tuple[int, int]]:
        return self._between(row, row + 1) or self._between(row, self._end_of_family(row))

    def _between(self, begin: int, end: int) -> list[tuple[int, int]]:
        low, high = np.searchsorted(self._source, [begin, end])
        pairs = zip(self._source[low:high].tolist(), self._target[low:high].tolist(), strict=True)
        return list(pairs)

    def _end_of_family(self, row: int) -> int:
        """Rows of enclosed slices follow the row, since slices are ordered by track and start."""
        slices = self._slices
        last = int(np.searchsorted(slices.track, slices.track[row], "right"))
        end_ns = int(slices.start_ns[row]) + int(slices.duration_ns[row])
        return row + 1 + int(np.searchsorted(slices.start_ns[row + 1 : last], end_ns, "left"))


def neighbour(slices: Slices, row: int, direction: int) -> int:
    """The slice before (-1) or after (1) on the same track and depth, or -1."""
    begin = int(np.searchsorted(slices.track, slices.track[row], "left"))
    end = int(np.searchsorted(slices.track, slices.track[row], "right"))
    places = np.arange(row + 1, end) if direction > 0 else np.arange(row - 1, begin - 1, -1)
    same = places[slices.depth[places] == slices.depth[row]][:1]
    return int(same[0]) if len(same) else -1
