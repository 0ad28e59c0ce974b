"""Time to pixels and back, and ruler ticks at round times."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TimeScale:
    """Profile times `begin_ns` to `end_ns` drawn over `width` pixels."""

    begin_ns: float
    end_ns: float
    width: int

    @property
    def ns_per_pixel(self) -> float:
        return (self.end_ns - self.begin_ns) / max(self.width, 1)

    def x_of(self, time_ns: float) -> float:
        return (time_ns - self.begin_ns) / self.ns_per_pixel

    def time_at(self, x: float) -> float:
        return self.begin_ns + x * self.ns_per_pixel


@dataclass(frozen=True)
class Ticks:
    """`times_ns` count from the first step; `step_ns` lies between two of them."""

    times_ns: tuple[float, ...]
    step_ns: float

    def text(self, time_ns: float) -> str:
        """The tick's time in one unit for the whole ruler, with the digits that tell ticks apart."""
        if time_ns == 0:
            return "0"
        largest = max(abs(time) for time in self.times_ns)
        scale, unit = next((each for each in _UNITS if each[0] <= max(largest, 1.0)), _UNITS[-1])
        digits = max(0, math.ceil(-math.log10(self.step_ns / scale) - 1e-9))
        return f"{time_ns / scale:,.{digits}f} {unit}"


_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))


def ticks(begin_ns: float, end_ns: float, width: int, spacing: int = 110) -> Ticks:
    """Ticks 1, 2 or 5 times a power of ten apart, at least `spacing` pixels."""
    wanted = (end_ns - begin_ns) * spacing / max(width, 1)
    power = 10.0 ** math.floor(math.log10(max(wanted, 1e-3)))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * 0.999)
    first = math.ceil(begin_ns / step)
    last = math.floor(end_ns / step)
    return Ticks(tuple(step * at for at in range(first, last + 1)), step)
