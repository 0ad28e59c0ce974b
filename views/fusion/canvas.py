"""Authored operators on the left, fused kernels on the right, their ties between."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from profilers.units import format_duration
from views.context import ViewContext
from views.fusion.groups import Group, Member

_ROW, _GAP, _MARGIN = 22, 12, 8
_GROUP_HEIGHT = 40
_SIDE_SHARE = 0.4


@dataclass(frozen=True)
class _Block:
    """One group with the vertical room that it and its members take."""

    group: Group
    top: int
    height: int


class FusionCanvas(QWidget):
    """As high as it needs to be; lies in a scroll area. Arrow keys walk from group to group."""

    group_picked = Signal(int)
    node_picked = Signal(int)

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._blocks: list[_Block] = []
        self._longest_ns = 1.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Fused groups and their members"))
        context.selection.changed.connect(self.update)

    def show_groups(self, groups: Sequence[Group]) -> None:
        self._blocks = []
        top = _MARGIN
        for group in groups:
            height = max(len(group.members) * _ROW, _GROUP_HEIGHT)
            self._blocks.append(_Block(group, top, height))
            top += height + _GAP
        self._longest_ns = max([group.step_ns for group in groups] + [1.0])
        self.setMinimumHeight(top)
        self.update()

    def top_of(self, group: int) -> int:
        """Where a group begins, 0 if it is not shown."""
        return next((block.top for block in self._blocks if block.group.row == group), 0)

    def sizeHint(self) -> QSize:
        return QSize(500, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._context.theme.panel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        sight = event.rect()
        for block in self._blocks:
            if block.top <= sight.bottom() and block.top + block.height >= sight.top():
                self._paint_block(painter, block)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        match self.thing_at(event.position()):
            case Group(row=row):
                self.group_picked.emit(row)
            case Member(node=node):
                self.node_picked.emit(node)
            case None:
                self._context.selection.clear()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            match self.thing_at(QPointF(event.pos())):
                case Group() as group:
                    text = "\n".join(
                        (f"{group.kind}  ·  {group.compiler}", group.name, _time(group))
                    )
                case Member() as member:
                    text = f"{member.operator}\n{member.name}"
                case None:
                    text = ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def thing_at(self, point: QPointF) -> Group | Member | None:
        """What lies under a point of the canvas."""
        for block in self._blocks:
            if self._group_box(block).contains(point):
                return block.group
            for at, member in enumerate(block.group.members):
                if self._member_box(block, at).contains(point):
                    return member
        return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None or not self._blocks:
            super().keyPressEvent(event)
            return
        picked = set(self._context.selection.picked.groups.tolist())
        rows = [block.group.row for block in self._blocks]
        here = next((at for at, row in enumerate(rows) if row in picked), -step)
        self.group_picked.emit(rows[min(max(here + step, 0), len(rows) - 1)])

    def _paint_block(self, painter: QPainter, block: _Block) -> None:
        theme, picked = self._context.theme, self._context.selection.picked
        is_picked = block.group.row in picked.groups
        nodes = set(picked.nodes.tolist())
        target = self._group_box(block)
        colour = theme.family_colour(block.group.kind or block.group.name)
        for at, member in enumerate(block.group.members):
            box = self._member_box(block, at)
            is_marked = is_picked or member.node in nodes
            self._paint_tie(painter, box, target, at, len(block.group.members), is_marked)
            fill = theme.family_colour(member.operator)
            self._paint_box(painter, box, fill, is_marked)
            painter.setPen(theme.text_on(fill))
            text = f"{_short(member.operator)}   {_tail(member.name)}"
            _draw(painter, box, text, Qt.AlignmentFlag.AlignVCenter)
        self._paint_box(painter, target, colour, is_picked)
        self._paint_time(painter, target, block.group.step_ns)
        painter.setPen(theme.text_on(colour))
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        _draw(painter, QRectF(target.x(), target.y() + 3, target.width(), 17), block.group.kind)
        font.setBold(False)
        painter.setFont(font)
        text = f"{_time(block.group)}  ·  {_tail(block.group.name)}"
        _draw(painter, QRectF(target.x(), target.y() + 20, target.width(), 17), text)

    def _paint_box(self, painter: QPainter, box: QRectF, fill: QColor, is_marked: bool) -> None:
        theme = self._context.theme
        painter.setBrush(fill)
        painter.setPen(QPen(theme.selection, 2.5) if is_marked else QPen(fill.darker(130), 1))
        painter.drawRoundedRect(box, 4, 4)

    def _paint_time(self, painter: QPainter, box: QRectF, step_ns: float) -> None:
        """A bar at the foot: the share of the slowest group."""
        if step_ns > 0:
            width = (box.width() - 8) * step_ns / self._longest_ns
            colour = QColor(self._context.theme.text)
            colour.setAlpha(120)
            painter.fillRect(QRectF(box.x() + 4, box.bottom() - 4, width, 2.5), colour)

    def _paint_tie(
        self, painter: QPainter, box: QRectF, target: QRectF, at: int, count: int, is_marked: bool
    ) -> None:
        """A band from a member's right side to its share of the kernel's left side."""
        share = target.height() / count
        upper, lower = target.top() + share * at, target.top() + share * (at + 1)
        left, right = box.right(), target.left()
        middle = (left + right) / 2
        path = QPainterPath(QPointF(left, box.top()))
        path.cubicTo(QPointF(middle, box.top()), QPointF(middle, upper), QPointF(right, upper))
        path.lineTo(right, lower)
        path.cubicTo(
            QPointF(middle, lower), QPointF(middle, box.bottom()), QPointF(left, box.bottom())
        )
        path.closeSubpath()
        theme = self._context.theme
        colour = QColor(theme.selection if is_marked else theme.muted)
        colour.setAlpha(110 if is_marked else 45)
        painter.fillPath(path, colour)

    def _member_box(self, block: _Block, at: int) -> QRectF:
        rows = len(block.group.members) * _ROW
        top = block.top + (block.height - rows) / 2 + at * _ROW
        return QRectF(_MARGIN, top + 1, self.width() * _SIDE_SHARE - _MARGIN, _ROW - 3)

    def _group_box(self, block: _Block) -> QRectF:
        width = self.width() * _SIDE_SHARE
        top = block.top + (block.height - _GROUP_HEIGHT) / 2
        return QRectF(self.width() - width, top, width - _MARGIN, _GROUP_HEIGHT)


def _draw(
    painter: QPainter,
    box: QRectF,
    text: str,
    vertical: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignVCenter,
) -> None:
    inside = box.adjusted(7, 0, -5, 0)
    elided = painter.fontMetrics().elidedText(
        text, Qt.TextElideMode.ElideRight, int(inside.width())
    )
    painter.drawText(inside, vertical | Qt.AlignmentFlag.AlignLeft, elided)


def _time(group: Group) -> str:
    """Per step."""
    if group.step_ns < 0:
        return QCoreApplication.translate("FusionCanvas", "not seen running")
    return format_duration(group.step_ns)


def _short(operator: str) -> str:
    return operator.removeprefix("aten.").removeprefix("aten::")


def _tail(name: str) -> str:
    """The last two parts of a path."""
    return "/".join(name.split("/")[-2:])
