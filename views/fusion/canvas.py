"""Authored operators on the left, fused kernels on the right, their ties between."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
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

from profilers.analysis.fusion_savings import FusionSavings
from profilers.units import format_duration, format_percent
from views.context import ViewContext
from views.focus_frame import FocusFrame
from views.fusion.groups import Group, Member
from views.fusion.keys import KEYS

_ROW, _GAP, _MARGIN = 22, 12, 8  # a row at least, where the font asks for no more
_LINE, _GROUP_LINES, _FOOT = 16, 3, 8
_SIDE_SHARE = 0.42
_WIDE = 260  # room for the share beside the time
_MOST_MEMBERS = 10  # of one group in sight; a line says how many more there are


@dataclass(frozen=True)
class _Block:
    """One group with the vertical room that it and its members take."""

    group: Group
    top: int
    height: int

    @property
    def members(self) -> tuple[Member, ...]:
        """Those in sight."""
        members = self.group.members
        return members if len(members) <= _MOST_MEMBERS + 1 else members[:_MOST_MEMBERS]

    @property
    def hidden(self) -> int:
        return len(self.group.members) - len(self.members)

    @property
    def rows(self) -> int:
        return len(self.members) + (self.hidden > 0)


class FusionCanvas(QWidget):
    """As high as it needs to be; lies in a scroll area. Arrow keys walk from group to group."""

    group_picked = Signal(int)
    group_opened = Signal(int)
    node_picked = Signal(int)

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._blocks: list[_Block] = []
        self._tops: list[int] = []
        self._longest_ns = 1.0
        self._savings: FusionSavings | None = None
        text = self.fontMetrics().height()
        self._row, self._line = max(text + 4, _ROW), max(text, _LINE)
        self._group_height = _GROUP_LINES * self._line + _FOOT
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusFrame(self, context.theme.accent)
        self.setAccessibleName(self.tr("Fused groups and their members"))
        context.selection.changed.connect(self.update)

    def show_groups(self, groups: Sequence[Group]) -> None:
        self._blocks = []
        top = _MARGIN
        for group in groups:
            rows = min(len(group.members), _MOST_MEMBERS + 1)
            height = max(rows * self._row, self._group_height)
            self._blocks.append(_Block(group, top, height))
            top += height + _GAP
        self._tops = [block.top for block in self._blocks]
        self._longest_ns = max([group.step_ns for group in groups] + [1.0])
        self.setMinimumHeight(top)
        self.resize(self.width(), top)
        self.update()

    def show_savings(self, savings: FusionSavings | None) -> None:
        """Times of the members and of what fusing saved, from another column."""
        self._savings = savings
        self.update()

    def top_of(self, group: int) -> int:
        """Where a group begins, 0 if it is not shown."""
        return next((block.top for block in self._blocks if block.group.row == group), 0)

    def _blocks_between(self, top: float, bottom: float) -> Sequence[_Block]:
        first = max(bisect_right(self._tops, top) - 1, 0)
        return self._blocks[first : bisect_right(self._tops, bottom)]

    def sizeHint(self) -> QSize:
        return QSize(500, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self._context.theme.panel)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picked = self._context.selection.picked
        groups, nodes = set(picked.groups.tolist()), set(picked.nodes.tolist())
        sight = event.rect()
        for block in self._blocks_between(sight.top(), sight.bottom()):
            self._paint_block(painter, block, block.group.row in groups, nodes)

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

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        match self.thing_at(event.position()):
            case Group(row=row):
                self.group_opened.emit(row)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            match self.thing_at(QPointF(event.pos())):
                case Group() as group:
                    text = self._told(group)
                case Member() as member:
                    text = "\n".join(filter(None, (member.operator, member.name, member.scope)))
                case None:
                    text = ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def thing_at(self, point: QPointF) -> Group | Member | None:
        """What lies under a point of the canvas."""
        for block in self._blocks_between(point.y(), point.y()):
            if self._group_box(block).contains(point):
                return block.group
            for at, member in enumerate(block.members):
                if self._member_box(block, at).contains(point):
                    return member
            if block.hidden and self._member_box(block, len(block.members)).contains(point):
                return block.group
        return None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = KEYS.action_of(event)
        is_clear = self._context.selection.picked.is_empty
        if action == "clear" and not is_clear:
            self._context.selection.clear()
        elif action in (None, "clear") or not self._blocks:
            super().keyPressEvent(event)
        elif action == "open":
            for row in self._picked_rows()[:1]:
                self.group_opened.emit(row)
        else:
            self._step(1 if action == "next" else -1)

    def _picked_rows(self) -> list[int]:
        """The picked groups that are shown, from the top."""
        picked = set(self._context.selection.picked.groups.tolist())
        return [block.group.row for block in self._blocks if block.group.row in picked]

    def _step(self, by: int) -> None:
        rows, picked = [block.group.row for block in self._blocks], self._picked_rows()
        here = rows.index(picked[0]) if picked else -by
        self.group_picked.emit(rows[min(max(here + by, 0), len(rows) - 1)])

    def _paint_block(
        self, painter: QPainter, block: _Block, is_picked: bool, nodes: Collection[int]
    ) -> None:
        target = self._group_box(block)
        for at, member in enumerate(block.members):
            box = self._member_box(block, at)
            is_marked = is_picked or member.node in nodes
            self._paint_tie(painter, box, target, at, block.rows, is_marked)
            self._paint_member(painter, box, member, is_marked)
        if block.hidden:
            at = len(block.members)
            box = self._member_box(block, at)
            self._paint_tie(painter, box, target, at, block.rows, is_picked)
            painter.setPen(self._context.theme.muted)
            _draw(painter, box, self.tr("and {} more").format(block.hidden))
        self._paint_group(painter, target, block.group, is_picked)

    def _paint_member(
        self, painter: QPainter, box: QRectF, member: Member, is_marked: bool
    ) -> None:
        """Operator, module, and what it takes by itself in the other column."""
        fill = self._context.theme.family_colour(member.operator)
        self._paint_box(painter, box, fill, is_marked)
        painter.setPen(self._context.theme.text_on(fill))
        right = 0.0
        if self._savings is not None and self._savings.member_ns[member.node] >= 0:
            time = format_duration(float(self._savings.member_ns[member.node]))
            right = _draw_right(painter, box, time)
        operator = _short(member.operator)
        _draw(painter, box.adjusted(0, 0, -right, 0), operator)
        taken = painter.fontMetrics().horizontalAdvance(f"{operator}   ")
        beside = box.adjusted(taken, 0, -right, 0)  # modules differ in what their paths end with
        where = member.scope or _tail(member.name)
        _draw(painter, beside, where, Qt.TextElideMode.ElideLeft)

    def _paint_group(self, painter: QPainter, box: QRectF, group: Group, is_picked: bool) -> None:
        """Kind and time, the name, then the module and what fusing saved."""
        colour = self._context.theme.family_colour(group.kind or group.name)
        self._paint_box(painter, box, colour, is_picked)
        self._paint_time(painter, box, group.step_ns)
        painter.setPen(self._context.theme.text_on(colour))
        lines = [
            QRectF(box.x(), box.y() + at, box.width(), self._line + 1)
            for at in range(2, _GROUP_LINES * self._line, self._line)
        ]
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        is_wide = group.step_ns >= 0 and box.width() > _WIDE
        share = f"  ·  {format_percent(group.share)}" if is_wide else ""
        right = _draw_right(painter, lines[0], f"{_time(group)}{share}")
        _draw(painter, lines[0].adjusted(0, 0, -right, 0), group.heading)
        font.setBold(False)
        painter.setFont(font)
        _draw(painter, lines[1], _tail(group.name), Qt.TextElideMode.ElideMiddle)
        right = _draw_right(painter, lines[2], self._saved(group))
        _draw(painter, lines[2].adjusted(0, 0, -right, 0), group.scope, Qt.TextElideMode.ElideLeft)

    def _saved(self, group: Group) -> str:
        if self._savings is None or np.isnan(saved := self._savings.saved_ns[group.row]):
            return ""
        if saved >= 0:
            return self.tr("saved {}").format(format_duration(saved))
        return self.tr("{} slower").format(format_duration(-saved))

    def _told(self, group: Group) -> str:
        """The tooltip."""
        lines = [f"{group.heading}  ·  {group.compiler}", group.name, group.scope, _time(group)]
        if self._saved(group) and self._savings is not None:
            apart = format_duration(float(self._savings.apart_ns[group.row]))
            lines.append(self.tr("One by one {}: {}").format(apart, self._saved(group)))
        return "\n".join(filter(None, lines))

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
        top = block.top + (block.height - block.rows * self._row) / 2 + at * self._row
        return QRectF(_MARGIN, top + 1, self.width() * _SIDE_SHARE - _MARGIN, self._row - 3)

    def _group_box(self, block: _Block) -> QRectF:
        width = self.width() * _SIDE_SHARE
        top = block.top + (block.height - self._group_height) / 2
        return QRectF(self.width() - width, top, width - _MARGIN, self._group_height)


def _draw(
    painter: QPainter,
    box: QRectF,
    text: str,
    mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    inside = box.adjusted(7, 0, -5, 0)
    elided = painter.fontMetrics().elidedText(text, mode, int(inside.width()))
    painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)


def _draw_right(painter: QPainter, box: QRectF, text: str) -> float:
    """Returns how much room is taken."""
    if not text:
        return 0.0
    inside = box.adjusted(5, 0, -7, 0)
    painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
    return painter.fontMetrics().horizontalAdvance(text) + 8.0


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
