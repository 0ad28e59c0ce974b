"""How long a queue of runs still takes, by those that ended."""

import time
from collections.abc import Callable

_MINUTES_FROM_S = 90


class Pace:
    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._ended = count, 0
        self._clock = clock
        self._begun_s = self._ended_s = clock()

    def end_one(self) -> None:
        self._ended += 1
        self._ended_s = self._clock()

    @property
    def left(self) -> str:
        """``3 min``, ``40 s``; "" before the first run ended, and once the last one did."""
        if not 0 < self._ended < self._count:
            return ""
        each_s = (self._ended_s - self._begun_s) / self._ended
        left_s = each_s * (self._count - self._ended) - (self._clock() - self._ended_s)
        if left_s > _MINUTES_FROM_S:
            return f"{left_s / 60:.0f} min"
        return f"{10 * max(round(left_s / 10), 1)} s"
