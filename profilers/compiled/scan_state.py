"""What a scan of trace text remembers between calls; imports no compiler."""

from typing import NamedTuple

FULL = -2  # in place of a row: there is no room for another one


class Marks(NamedTuple):
    """Where each number lies in the scan's `marks`, an int64 array that lives across scans."""

    position: int = 0
    slices: int = 1
    flows: int = 2
    others: int = 3
    strings: int = 4
    arena: int = 5
    tracks: int = 6
    last_pair: int = 7
    last_track: int = 8
    needed: int = 9  # bytes that the next string takes, after NO_ROOM
    odd_times: int = 10  # times and durations that are no numbers
    negative: int = 11  # durations below zero, read as zero
    untimed: int = 12  # events without a time that can be read
    seed: int = 13


M = Marks()
MARKS = len(M)
RECENT_BITS = 10  # of the number of metadata events that are remembered
