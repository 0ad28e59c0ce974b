"""How busy other programs kept the machine while steps ran. Standard library only."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

LOAD_FACT = "Other programs"  # label among the run's facts
_STAT = Path("/proc/stat")
_IDLE, _WAITING = 3, 4  # columns of the line of all processors; the rest are kinds of work


@dataclass(frozen=True)
class _Reading:
    busy_s: float  # of all processors together, all programs
    own_s: float
    wall_s: float

    @classmethod
    def now(cls) -> "_Reading | None":
        try:
            fields = [int(word) for word in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):  # no Linux
            return None
        ticks = sum(fields) - fields[_IDLE] - fields[_WAITING]
        own_s = sum(os.times()[:4])  # with the processes that it started and that have ended
        return cls(ticks / os.sysconf("SC_CLK_TCK"), own_s, time.monotonic())


class LoadMeter:
    """Reads the machine's counters when it is made and again in `share`."""

    def __init__(self) -> None:
        self._begin = _Reading.now()

    def share(self) -> float | None:
        """Share of all processors' time that other programs took since; None where nobody tells."""
        end = _Reading.now()
        if self._begin is None or end is None or end.wall_s <= self._begin.wall_s:
            return None
        others = (end.busy_s - self._begin.busy_s) - (end.own_s - self._begin.own_s)
        capacity = (end.wall_s - self._begin.wall_s) * (os.cpu_count() or 1)
        return min(max(others / capacity, 0.0), 1.0)
