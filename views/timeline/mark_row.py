"""The row under the ruler: marked time ranges with their lengths, and signs where notes stand."""

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from profilers.units import format_duration
from views.plain_tooltip import plain_tooltip
from views.timeline.marks import Noted, TimeRange
from views.timeline.scene import Scene

_CROSS_WIDTH = 14
_SIGN = "✎"
_SIGN_WIDTH = 16


class MarkRow(QWidget):
    """Hidden while nothing is marked. A click on a mark zooms to it, one on its cross removes it.

    A pen stands where something was noted; a click on it shows the note.
    """

    note_wanted = Signal(object)  # the pin

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self.setFixedHeight(scene.heights.lane)
        self.setAccessibleName(self.tr("Marks"))
        scene.marks.changed.connect(self._follow)
        scene.changed.connect(self.update)
        self._follow()

    def box_of(self, mark: TimeRange) -> QRectF:
        """Where a mark's length is written: on its range, or beside it where that is too narrow."""
        scale = self._scene.scale(self.width())
        left, right = scale.x_of(mark[0]), scale.x_of(mark[1])
        width = self.fontMetrics().horizontalAdvance(_text(mark)) + _CROSS_WIDTH + 12
        if right - left >= width:
            shown_left, shown_right = max(left, 0.0), min(right, float(self.width()))
            if shown_right - shown_left >= width:
                return QRectF(shown_left, 1, shown_right - shown_left, self.height() - 2)
        return QRectF((left + right - width) / 2, 1, width, self.height() - 2)

    def mark_at(self, x: float) -> TimeRange | None:
        for mark in reversed(self._scene.marks.all):
            box = self.box_of(mark)
            if box.left() <= x <= box.right():
                return mark
        return None

    def sign_box(self, noted: Noted) -> QRectF:
        """Where the sign of a note is drawn: at the begin of what it is about."""
        x = self._scene.scale(self.width()).x_of(noted.time_range[0])
        return QRectF(x - _SIGN_WIDTH / 2, 1, _SIGN_WIDTH, self.height() - 2)

    def noted_at(self, x: float) -> Noted | None:
        for noted in reversed(self._scene.marks.noted):
            box = self.sign_box(noted)
            if box.left() <= x <= box.right():
                return noted
        return None

    def menu_of(self, mark: TimeRange | None) -> QMenu:
        marks, menu = self._scene.marks, QMenu(self)
        if mark is not None:
            menu.addAction(self.tr("Remove this mark"), lambda: marks.remove(mark))
        menu.addAction(self.tr("Remove all marks"), marks.clear)
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, marks = self._scene.context.theme, self._scene.marks
        painter.fillRect(self.rect(), theme.window)
        for mark in marks.all:
            box = self.box_of(mark)
            fill = QColor(theme.accent)
            fill.setAlpha(255 if mark in marks.kept else 120)
            painter.fillRect(box, fill)
            painter.setPen(theme.text_on(theme.accent) if mark in marks.kept else theme.text)
            painter.drawText(
                box.adjusted(4, 0, -_CROSS_WIDTH, 0), Qt.AlignmentFlag.AlignCenter, _text(mark)
            )
            cross = QRectF(box.right() - _CROSS_WIDTH, box.top(), _CROSS_WIDTH, box.height())
            painter.drawText(cross, Qt.AlignmentFlag.AlignCenter, "×")
        for noted in marks.noted:
            box = self.sign_box(noted)
            painter.fillRect(box, theme.warning)
            painter.setPen(theme.text_on(theme.warning))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _SIGN)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        noted, mark = self.noted_at(x), self.mark_at(x)
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if noted is not None:
            self.note_wanted.emit(noted.pin)
            return
        if mark is None:
            return
        if x >= self.box_of(mark).right() - _CROSS_WIDTH:
            self._scene.marks.remove(mark)
        else:
            origin_ns, margin = self._scene.context.origin_ns, 0.15 * (mark[1] - mark[0])
            self._scene.context.time_axis.show(
                mark[0] - origin_ns - margin, mark[1] - origin_ns + margin
            )

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu_of(self.mark_at(event.pos().x()))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tooltip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def _tooltip_at(self, x: float) -> str:
        noted, mark = self.noted_at(x), self.mark_at(x)
        if noted is not None:
            return plain_tooltip("\n".join(f"{_SIGN} {text}" for text in noted.texts))
        return self._tooltip_of(mark) if mark else ""

    def _tooltip_of(self, mark: TimeRange) -> str:
        begin = format_duration(mark[0] - self._scene.context.origin_ns)
        is_kept = mark in self._scene.marks.kept
        kind = self.tr("Kept mark") if is_kept else self.tr("Mark (Shift+M keeps it)")
        return self.tr("{}: {} from {}").format(kind, _text(mark), begin)

    def _follow(self) -> None:
        marks = self._scene.marks
        self.setVisible(bool(marks.all or marks.noted))
        self.update()


def _text(mark: TimeRange) -> str:
    return format_duration(mark[1] - mark[0])
