"""Round marks on a time axis."""

import math

_ROUND = (1, 2, 5, 10)


def tick_spacing_ns(span_ns: float, width: int, wanted_pixels: int = 110) -> float:
    """The round distance between marks that comes nearest to `wanted_pixels`."""
    rough = max(span_ns * wanted_pixels / max(width, 1), 1.0)
    power = 10.0 ** math.floor(math.log10(rough))
    return float(min((step * power for step in _ROUND), key=lambda each: abs(each - rough)))


def ticks_ns(begin_ns: float, end_ns: float, width: int) -> list[float]:
    """Times of the marks in a visible range."""
    spacing = tick_spacing_ns(end_ns - begin_ns, width)
    first = math.ceil(begin_ns / spacing)
    return [at * spacing for at in range(first, math.floor(end_ns / spacing) + 1)]
