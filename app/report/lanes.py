"""Slices of a track apart where they overlap, for programs that show none that is not nested."""

import numpy as np

from profilers.profile import Slices
from profilers.profile.table import Int32


def lanes(slices: Slices) -> Int32:
    """The lane of each slice within its track: 0 but for what begins in another and outlasts it."""
    found = np.zeros(len(slices), np.int32)
    open_ends: list[list[int]] = []
    last_track = -1
    ends = (slices.start_ns + slices.duration_ns).tolist()
    rows = zip(slices.track.tolist(), slices.start_ns.tolist(), ends, strict=True)
    for row, (track, start_ns, end_ns) in enumerate(rows):
        if track != last_track:
            open_ends, last_track = [], track
        lane = _free_lane(open_ends, start_ns, end_ns)
        if lane:
            found[row] = lane
        open_ends[lane].append(end_ns)
    return found


def _free_lane(open_ends: list[list[int]], start_ns: int, end_ns: int) -> int:
    for lane, ends in enumerate(open_ends):
        while ends and ends[-1] <= start_ns:
            ends.pop()
        if not ends or ends[-1] >= end_ns:
            return lane
    open_ends.append([])
    return len(open_ends) - 1
