"""From one step time to the other: a bar for each part that made it longer or shorter."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from profilers.analysis.comparison.explained import Explanation
from profilers.analysis.comparison.rows import ExplainedRow, RowKind
from profilers.analysis.comparison.words import format_share
from profilers.analysis.shared_scopes import shared_scope, without_scope
from profilers.units import format_difference, format_duration
from views.comparison.row_names import RowNames
from views.theme import Theme

_LINE = 22  # px
_AXIS = 20
_MOST_NAME_SHARE = 0.36  # of the width
_NAME_MARGIN = 20
_VALUE_MARGIN = 14
_FAR_FROM_ZERO = 0.6  # of the longest: where all is beyond this share, the axis begins later
_MOST_BARS = 24
_BREAK = 6  # px between the cuts of a bar that the axis cuts off


@dataclass(frozen=True)
class _Bar:
    """`begin` and `end` in ns; `row` is its place among the explanation's rows, -1 for none."""

    name: str
    begin: float
    end: float
    value: str
    colour: QColor
    row: int = -1


class Waterfall(QWidget):
    """The rows that explain most, as many as there is room for, and the others as one."""

    row_picked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._names = RowNames(self)
        self._explanation: Explanation | None = None
        self._scope = ""  # that of nearly all names: it is not drawn
        self.setMinimumHeight(5 * _LINE + _AXIS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Waterfall from A's step time to B's"))

    def show_explanation(self, explanation: Explanation | None) -> None:
        self._explanation = explanation
        rows = explanation.rows if explanation else ()
        self._scope = shared_scope([self._names.of(row) for row in rows])
        self.update()

    @property
    def bars(self) -> list[_Bar]:
        """From the top, as they are drawn now."""
        found = self._explanation
        if found is None or not (found.a_ns and found.b_ns):
            return []
        room = min(max((self.height() - _AXIS) // _LINE - 3, 1), _MOST_BARS)
        leading = found.leading(room)
        shown = [(at, found.rows[at]) for at in leading if found.rows[at].difference_ns]
        bars = [_Bar("A", 0, found.a_ns, format_duration(found.a_ns), self._theme.accent)]
        level = found.a_ns
        for at, row in shown:
            bars.append(self._change(self._names.of(row), level, row.difference_ns, at))
            level += row.difference_ns
        rest = found.b_ns - level
        if len(found.rows) > len(shown):
            count = len(found.rows) - len(shown)
            bars.append(self._change(self.tr("Others: %n", "", count), level, rest, -1))
        bars.append(_Bar("B", 0, found.b_ns, format_duration(found.b_ns), self._theme.accent))
        return bars

    def _change(self, name: str, level: float, difference: float, row: int) -> _Bar:
        colour = self._theme.error if difference > 0 else self._theme.good
        return _Bar(name, level, level + difference, format_difference(difference), colour, row)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.panel)
        bars = self.bars
        if not bars:
            return
        low, high = _range(bars)
        plot = self._plot(bars)
        self._paint_axis(painter, plot, low, high, len(bars))
        for at, bar in enumerate(bars):
            self._paint_bar(painter, plot, low, high, at, bar)
            if at + 1 < len(bars):
                painter.setPen(QPen(self._theme.muted, 1, Qt.PenStyle.DotLine))
                x = _place(bar.end, low, high, plot)
                top = at * _LINE + _LINE - 4
                painter.drawLine(QPointF(x, top), QPointF(x, top + 8))

    def _plot(self, bars: Sequence[_Bar]) -> QRectF:
        names = [self.fontMetrics().horizontalAdvance(self._shown(bar)) for bar in bars]
        left = min(self.width() * _MOST_NAME_SHARE, max(names) + _NAME_MARGIN)
        right = self.width() - _VALUE_MARGIN - self._value_width(bars)
        return QRectF(left, 0, max(right - left, 10), self.height() - _AXIS)

    def _value_width(self, bars: Sequence[_Bar]) -> int:
        font = self.font()
        font.setBold(True)
        return max(map(QFontMetrics(font).horizontalAdvance, (bar.value for bar in bars)))

    def _shown(self, bar: _Bar) -> str:
        return without_scope(bar.name, self._scope)

    def _paint_axis(
        self, painter: QPainter, plot: QRectF, low: float, high: float, count: int
    ) -> None:
        bottom = count * _LINE
        widest = max(
            painter.fontMetrics().horizontalAdvance(format_duration(x)) for x in (low, high)
        )
        has_room = plot.width() > 4 * widest
        for part in (0, 1, 2) if has_room else (0, 2):
            value = low + (high - low) * part / 2
            x = _place(value, low, high, plot)
            painter.setPen(QPen(self._theme.grid))
            painter.drawLine(QPointF(x, 0), QPointF(x, bottom))
            painter.setPen(self._theme.muted)
            flag = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)[part]  # fmt: skip
            left = x - (0, 60, 120)[part]
            painter.drawText(QRectF(left, bottom + 2, 120, _AXIS), flag, format_duration(value))

    def _paint_bar(
        self, painter: QPainter, plot: QRectF, low: float, high: float, at: int, bar: _Bar
    ) -> None:
        top = at * _LINE
        begin, end = (_place(value, low, high, plot) for value in (bar.begin, bar.end))
        box = QRectF(min(begin, end), top + 4, max(abs(end - begin), 1.5), _LINE - 8)
        painter.fillRect(box, bar.colour)
        if min(bar.begin, bar.end) < low:
            self._paint_break(painter, box)
        middle = Qt.AlignmentFlag.AlignVCenter
        font = painter.font()
        font.setBold(bar.row < 0 and bar.name in ("A", "B"))
        painter.setFont(font)
        painter.setPen(self._theme.text)
        name = QRectF(6, top, plot.left() - 14, _LINE)
        shown = self._shown(bar)
        cut = Qt.TextElideMode.ElideMiddle if " " in shown else Qt.TextElideMode.ElideLeft
        text = painter.fontMetrics().elidedText(shown, cut, int(name.width()))
        painter.drawText(name, middle | Qt.AlignmentFlag.AlignRight, text)
        value = QRectF(plot.right() + 4, top, self.width() - plot.right() - 10, _LINE)
        painter.drawText(value, middle | Qt.AlignmentFlag.AlignRight, bar.value)

    def _paint_break(self, painter: QPainter, box: QRectF) -> None:
        """Two slanted cuts: the bar begins at zero, left of where the axis does."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.panel, 2))
        for left in (_BREAK, 2 * _BREAK):
            foot = QPointF(box.left() + left, box.bottom() + 1)
            painter.drawLine(foot, foot + QPointF(_BREAK / 2, -box.height() - 2))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _bar_at(self, y: float) -> _Bar | None:
        at, bars = int(y // _LINE), self.bars
        return bars[at] if 0 <= at < len(bars) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bar = self._bar_at(event.position().y())
        if bar is not None and bar.row >= 0:
            self.row_picked.emit(bar.row)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            bar = self._bar_at(event.pos().y())
            QToolTip.showText(event.globalPos(), self._told(bar) if bar else "", self)
            return True
        return super().event(event)

    def _told(self, bar: _Bar) -> str:
        if self._explanation is None:
            return ""
        if bar.row < 0:
            return self._told_whole(bar, self._explanation)
        row: ExplainedRow = self._explanation.rows[bar.row]
        told = self.tr("{}: {} in A, {} in B, {} of the difference").format(
            bar.name,
            format_duration(row.a_ns),
            format_duration(row.b_ns),
            format_share(self._explanation, row),
        )
        if row.kind != RowKind.CALL:
            return told
        parts = [f"{side}: {each}" for side, each in zip("AB", row.operators, strict=True) if each]
        return "\n".join((told, *parts))

    def _told_whole(self, bar: _Bar, found: Explanation) -> str:
        if bar.name not in ("A", "B") or not found.is_unprofiled:
            return f"{bar.name}: {bar.value}"
        profiled = found.profiled_ns["AB".index(bar.name)]
        return self.tr("{}: {} without the profiler, {} with it, which tells the parts").format(
            bar.name, bar.value, format_duration(profiled)
        )


def _range(bars: Sequence[_Bar]) -> tuple[float, float]:
    """What the axis spans; it begins beyond zero where all of the changes are far from it."""
    levels = [bar.end for bar in bars]
    low, high = min(levels), max(levels)
    if low < _FAR_FROM_ZERO * high:
        return min(low, 0.0), max(high, 1.0)
    margin = 0.2 * (high - low) or 0.2 * high or 1.0
    return max(low - margin, 0.0), high + 0.1 * margin


def _place(value: float, low: float, high: float, plot: QRectF) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return float(plot.left() + share * plot.width())
