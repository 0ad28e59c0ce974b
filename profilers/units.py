"""Numbers as people read them: four significant digits, binary bytes."""

_TIME_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNT_UNITS = ("", "k", "M", "G", "T", "P", "E")


def format_duration(duration_ns: float) -> str:
    """``12.34 ms``, ``−3 µs``; exact below a microsecond."""
    if duration_ns <= -1:
        return f"−{format_duration(-duration_ns)}"
    size = duration_ns
    for scale, unit in _TIME_UNITS:
        if size >= scale:
            value = duration_ns / scale
            return (
                f"{value:,.0f} {unit}" if value >= 1000 or unit == "ns" else f"{value:.4g} {unit}"
            )
    return "0 ns"


def format_difference(difference_ns: float) -> str:
    """``+12.34 ms``, ``−3 µs``, ``0 ns`` for what is less than one."""
    told = format_duration(difference_ns)
    return f"+{told}" if difference_ns >= 1 else told


def format_bytes(size: float) -> str:
    """``1.5 MiB``; negative sizes (unknown) read as ``?``."""
    if size < 0:
        return "?"
    value = float(size)
    for unit in _BYTE_UNITS:
        if value < 1024 or unit == _BYTE_UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.4g} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def format_count(count: float, unit: str = "") -> str:
    """``4.09 GFLOPs`` for (4.09e9, "FLOPs"); negative counts (unknown) read as ``?``."""
    if count < 0:
        return "?"
    value = float(count)
    for prefix in _COUNT_UNITS:
        if value < 1000 or prefix == _COUNT_UNITS[-1]:
            text = f"{value:.0f}" if not prefix else f"{value:.4g}"
            return f"{text} {prefix}{unit}".strip()
        value /= 1000
    raise AssertionError("unreachable")


def format_factor(factor: float) -> str:
    """``1.25``, ``125``, ``2,410``: three digits, or all of those before the point."""
    return f"{factor:,.0f}" if factor >= 1000 else f"{factor:.3g}"


def format_percent(share: float) -> str:
    """``12.3 %`` for 0.123; what is not nothing never reads as nothing."""
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
