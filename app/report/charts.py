"""Charts as SVG text, for a page that colours by style sheet or for a painter that cannot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from app.report.content import Bars, Stack, Waterfall
from profilers.units import format_bytes, format_difference, format_duration
from profilers.visible_text import visible

SERIES = 8
_LEFT, _TOP, _BOTTOM, _TICKS = 74, 12, 24, 4
_TOOLTIP_LINES = 8


@dataclass(frozen=True)
class Canvas:
    """`paint` gives the attribute that fills with a role's colour; sizes are pixels."""

    width: int
    height: int
    paint: Callable[[str], str]
    text_size: int = 12


def chart_svg(block: Bars | Stack | Waterfall, canvas: Canvas) -> str:
    """The chart of a block."""
    if isinstance(block, Bars):
        return bars_svg(block, canvas)
    return stack_svg(block, canvas) if isinstance(block, Stack) else waterfall_svg(block, canvas)


def legend_names(block: Bars | Stack | Waterfall) -> Sequence[str]:
    """What its colours stand for, in the order of the series; none where bars bear their names."""
    if isinstance(block, Waterfall):
        return ()
    return block.names if isinstance(block, Stack) else [name for name, _ in block.series]


def bars_svg(bars: Bars, canvas: Canvas) -> str:
    """Groups of bars from zero up, with a strip per group that tells its values: bars may be short."""
    highest = max((max(values) for _, values in bars.series), default=0.0) or 1.0
    scale = _Scale(canvas, highest)
    count = max(len(bars.labels), 1)
    slot = scale.inner_width / count
    width = max(slot * 0.8 / max(len(bars.series), 1), 0.5)
    parts = [*scale.axis(lambda value: _value(value, bars.unit))]
    for number, (_, values) in enumerate(bars.series):
        for at, value in enumerate(values):
            x = _LEFT + slot * at + slot * 0.1 + width * number
            y = scale.y(value)
            parts.append(_box(canvas, x, y, width, scale.floor - y, f"s{number % SERIES}"))
    every = max(1, -(-count // max(int(scale.inner_width // 40), 1)))
    for at in range(0, count, every):
        middle = _LEFT + slot * (at + 0.5)
        parts.append(_text(canvas, middle, canvas.height - 8, bars.labels[at], "middle"))
    for at in range(len(bars.labels)):
        height = scale.floor - _TOP
        told = _group_told(bars, at)
        parts.append(_box(canvas, _LEFT + slot * at, _TOP, slot, height, "clear", told))
    return _svg(canvas, parts)


def stack_svg(stack: Stack, canvas: Canvas) -> str:
    """Areas upon each other over time, with a strip per moment that tells its levels."""
    totals = [sum(levels) for levels in zip(*stack.levels, strict=True)]
    scale = _Scale(canvas, max(totals, default=0) or 1)
    begin, span = stack.times_ns[0], max(stack.times_ns[-1] - stack.times_ns[0], 1)
    xs = [_LEFT + scale.inner_width * (time - begin) / span for time in stack.times_ns]
    parts = [*scale.axis(format_bytes)]
    floor = [0] * len(xs)
    for number, levels in enumerate(stack.levels):
        top = [below + level for below, level in zip(floor, levels, strict=True)]
        outline = [*_steps(xs, top, scale), *reversed([*_steps(xs, floor, scale)])]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in outline) + "Z"
        parts.append(f"<path d='{path}' {canvas.paint(f's{number % SERIES}')}/>")
        floor = top
    for mark in stack.marks_ns:
        x = _LEFT + scale.inner_width * (mark - begin) / span
        if _LEFT <= x <= canvas.width:
            parts.append(_box(canvas, x, _TOP, 0.6, scale.floor - _TOP, "muted"))
    for share in (0.0, 0.5, 1.0):
        x = _LEFT + scale.inner_width * share
        anchor = {0.0: "start", 0.5: "middle", 1.0: "end"}[share]
        told = format_duration(begin + span * share)
        parts.append(_text(canvas, x, canvas.height - 8, told, anchor))
    for at, x in enumerate(xs):
        right = xs[at + 1] if at + 1 < len(xs) else x + 2
        parts.append(
            _box(canvas, x, _TOP, max(right - x, 0.5), scale.floor - _TOP, "clear",
                 _levels_told(stack, at, totals[at]))
        )  # fmt: skip
    return _svg(canvas, parts)


def waterfall_svg(waterfall: Waterfall, canvas: Canvas) -> str:
    """Rows from top to bottom; each change begins where the one before ended."""
    rows = [waterfall.begin, *waterfall.changes, waterfall.end]
    row_height = 26
    canvas = Canvas(canvas.width, row_height * len(rows) + 8, canvas.paint, canvas.text_size)
    reached, level = [0.0, waterfall.begin[1], waterfall.end[1]], waterfall.begin[1]
    for _, change in waterfall.changes:
        level += change
        reached.append(level)
    low, high = min(reached), max(reached) or 1.0
    label = min(max(canvas.width * 0.34, 130), 300)
    inner = canvas.width - label - 84
    parts, level = [], 0.0
    for at, (name, value) in enumerate(rows):
        is_end = at in (0, len(rows) - 1)
        begin, end = (0.0, value) if is_end else (level, level + value)
        level = end
        left, right = sorted(label + inner * (edge - low) / (high - low) for edge in (begin, end))
        y = at * row_height + 6
        tone = "s0" if is_end else ("bad" if value > 0 else "good")
        told = format_duration(value) if is_end else format_difference(value)
        letters = int((label - 8) / (canvas.text_size * 0.6))
        short = name if len(name) <= letters else name[: letters - 1] + "…"
        parts.append(_text(canvas, label - 8, y + 13, short, "end"))
        parts.append(_box(canvas, left, y, max(right - left, 1.0), row_height - 8, tone))
        parts.append(_text(canvas, right + 5, y + 13, told, "start"))
        parts.append(_box(canvas, 0, y - 4, canvas.width, row_height, "clear", f"{name}: {told}"))
    return _svg(canvas, parts)


class _Scale:
    """The value axis: zero at the floor."""

    def __init__(self, canvas: Canvas, highest: float) -> None:
        self._canvas = canvas
        self._highest = highest * 1.04
        self.floor = canvas.height - _BOTTOM
        self.inner_width = canvas.width - _LEFT - 8

    def y(self, value: float) -> float:
        return self.floor - (self.floor - _TOP) * value / self._highest

    def axis(self, told: Callable[[float], str]) -> Iterator[str]:
        for tick in range(_TICKS + 1):
            value = self._highest * tick / _TICKS
            y = self.y(value)
            yield _box(self._canvas, _LEFT, y, self.inner_width, 0.6, "grid")
            yield _text(self._canvas, _LEFT - 6, y + 4, told(value), "end")


def _steps(xs: list[float], values: list[int], scale: _Scale) -> Iterator[tuple[float, float]]:
    """A level holds until the next moment."""
    for at, (x, value) in enumerate(zip(xs, values, strict=True)):
        if at:
            yield x, scale.y(values[at - 1])
        yield x, scale.y(value)


def _group_told(bars: Bars, at: int) -> str:
    told = [
        f"{name}: {_value(values[at], bars.unit)}"
        for name, values in bars.series
        if at < len(values)
    ]
    return "\n".join([bars.labels[at], *told[:_TOOLTIP_LINES]])


def _levels_told(stack: Stack, at: int, total: int) -> str:
    lines = [f"{format_duration(stack.times_ns[at])}: {format_bytes(total)}"]
    held = [(levels[at], name) for name, levels in zip(stack.names, stack.levels, strict=True)]
    lines += [f"{name} {format_bytes(size)}" for size, name in sorted(held, reverse=True) if size]
    return "\n".join(lines[:_TOOLTIP_LINES])


def _value(value: float, unit: str) -> str:
    return format_bytes(value) if unit == "B" else format_duration(value)


def _box(
    canvas: Canvas, x: float, y: float, width: float, height: float, role: str, tip: str = ""
) -> str:
    told = f" data-tip='{_attribute(tip)}'" if tip else ""
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 0):.1f}' height='{max(height, 0):.1f}' "
        f"{canvas.paint(role)}{told}/>"
    )


def _text(canvas: Canvas, x: float, y: float, text: str, anchor: str) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{canvas.text_size}' text-anchor='{anchor}' "
        f"{canvas.paint('text')}>{escape(visible(text))}</text>"
    )


def _attribute(text: str) -> str:
    return "&#10;".join(escape(visible(line)) for line in text.split("\n"))


def _svg(canvas: Canvas, parts: list[str]) -> str:
    return (
        f"<svg viewBox='0 0 {canvas.width} {canvas.height}' "
        f"width='{canvas.width}' height='{canvas.height}' font-family='sans-serif' role='img'>"
        + "".join(parts)
        + "</svg>"
    )
