"""What the compiler merged: authored operators, the kernels made of them, and what stayed apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.fusion_savings import FusionSavings
from profilers.units import format_duration, format_percent
from views.column_table import ColumnTable
from views.context import ViewContext
from views.empty_note import EmptyNote
from views.fusion.break_list import BreakList
from views.fusion.canvas import FusionCanvas
from views.fusion.group_table import TIME_COLUMN, group_columns
from views.fusion.groups import Group, fused_groups
from views.fusion.savings import SavingsFinder
from views.fusion.source import SourceView
from views.fusion.why_nothing import why_nothing_fused
from views.one_stop import OneStop
from views.plain_label import PlainLabel

__all__ = ["FusionView"]


class FusionView(QWidget):
    """A diagram and a table of the same kernels, and the list of what stayed apart.

    One filter and one order hold for all; a click on either side picks, a double click shows the
    generated source.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_picking = False
        self._groups = fused_groups(context.profile)
        self._texts = [group.text for group in self._groups]
        self._savings = SavingsFinder(context, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        has_breaks = len(context.profile.fusion.breaks) > 0
        if not self._groups:
            layout.addWidget(EmptyNote(why_nothing_fused(context.profile)))
        if not self._groups and not has_breaks:
            layout.addStretch()
            return
        self.breaks = BreakList(context)
        self._make_bar()
        self._make_pages(has_breaks)
        layout.addLayout(self._bar)
        layout.addWidget(self._summary)
        layout.addWidget(self._split, 1)
        context.selection.changed.connect(self._follow)
        self._savings.changed.connect(self._show_savings)
        self._savings.find()
        self._apply()

    def open_finder(self) -> None:
        if hasattr(self, "filter"):
            self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def keys_go_to(self) -> QWidget | None:
        """The diagram or the table, whichever is shown."""
        if not hasattr(self, "pages") or self._shows_breaks:
            return None
        return self.table if self.pages.currentWidget() is self.table else self.canvas

    def is_settled(self) -> bool:
        return self._savings.is_settled

    def _make_bar(self) -> None:
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter by kernel, operator or module"))
        self.filter.setAccessibleName(self.tr("Filter"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._apply)
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Kind"))
        self.kind.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Order of the groups"))
        for title, key in (
            (self.tr("Longest first"), "time"),
            (self.tr("By name"), "name"),
            (self.tr("As compiled"), "row"),
        ):
            self.order.addItem(title, key)
        self.order.currentIndexChanged.connect(self._apply)
        self.against = QComboBox()
        self.against.setAccessibleName(self.tr("Compared with"))
        self.against.activated.connect(lambda at: self._savings.choose(self.against.itemText(at)))
        self.against.hide()
        self.source_button = QToolButton()
        self.source_button.setText(self.tr("Source"))
        self.source_button.setCheckable(True)
        self.source_button.setToolTip(self.tr("Show the generated source of the picked kernel"))
        self.source_button.toggled.connect(lambda is_on: self.source.setVisible(is_on))
        self.source_button.setVisible(bool((self._context.profile.fusion.groups.source >= 0).any()))
        self._summary = PlainLabel()
        self._summary.setWordWrap(True)
        self._summary.setContentsMargins(6, 0, 6, 0)
        self._bar = QHBoxLayout()
        self._bar.setContentsMargins(4, 2, 4, 0)
        for widget in (self.kind, self.order, self.against):
            self._bar.addWidget(widget)
        self._bar.addWidget(self.filter, 1)
        self._bar.addWidget(self.source_button)
        OneStop([self.kind, self.order, self.against, self.source_button], self)

    def _make_pages(self, has_breaks: bool) -> None:
        selection = self._context.selection
        self.canvas = FusionCanvas(self._context)
        self.canvas.group_picked.connect(selection.pick_group)
        self.canvas.group_opened.connect(self._open_source)
        self.canvas.node_picked.connect(lambda node: selection.pick_nodes([node]))
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self.canvas)
        self.table = ColumnTable(self._context.theme)
        self.table.setAccessibleName(self.tr("Fused kernels"))
        self.table.activated.connect(
            lambda index: self._open_source(self.table.columns.row_at(index))
        )
        self.table.selectionModel().selectionChanged.connect(self._pick_rows)
        self.pages = QTabWidget()
        self.pages.tabBar().setAccessibleName(self.tr("Fusion as"))
        self.pages.setDocumentMode(True)
        if self._groups:
            self.pages.addTab(self._scroll, self.tr("Diagram"))
            self.pages.addTab(self.table, self.tr("Table"))
        if has_breaks:
            count = len(self._context.profile.fusion.breaks)
            self.pages.addTab(self.breaks, self.tr("Stayed apart ({})").format(count))
        self.pages.currentChanged.connect(self._offer_kinds)
        self.source = SourceView(self._context.theme)
        self.source.hide()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(self.pages)
        self._split.addWidget(self.source)
        self._split.setSizes([3, 2])
        self._offer_kinds()
        self.kind.currentIndexChanged.connect(self._apply)

    @property
    def _shows_breaks(self) -> bool:
        return self.pages.currentWidget() is self.breaks

    def _offer_kinds(self) -> None:
        """Those of what is in sight, with how many there are."""
        kinds = self.breaks.kinds if self._shows_breaks else [each.kind for each in self._groups]
        self.kind.blockSignals(True)
        self.kind.clear()
        self.kind.addItem(self.tr("All kinds"), "")
        for kind in sorted(set(kinds)):
            self.kind.addItem(f"{kind} ({kinds.count(kind)})", kind)
        self.kind.blockSignals(False)
        for widget in (self.order, self.source_button):
            widget.setEnabled(not self._shows_breaks)
        self._apply()

    def _apply(self) -> None:
        """Filter and order what is in sight."""
        words, kind = self.filter.text().lower().split(), self.kind.currentData() or ""
        self.breaks.show_matching(words, kind if self._shows_breaks else "")
        if self._shows_breaks or not self._groups:
            return
        shown = [
            group
            for group, text in zip(self._groups, self._texts, strict=True)
            if (not kind or group.kind == kind) and all(word in text for word in words)
        ]
        self.canvas.show_groups(sorted(shown, key=self._key()))
        rows = {group.row for group in shown}
        self.table.columns.show_rows(np.array([group.row in rows for group in self._groups]))
        self._summary.setText(self._told(shown))

    def _key(self) -> Callable[[Group], Any]:
        against = self._savings.against
        saved = against.savings.saved_ns if against else None
        keys: dict[str, Callable[[Group], Any]] = {
            "time": lambda group: (-group.step_ns, group.row),
            "name": lambda group: (group.name, group.row),
            "row": lambda group: group.row,
            "saved": lambda group: (-_number(saved, group.row), group.row),
            "lost": lambda group: (_number(saved, group.row), group.row),
        }
        return keys[self.order.currentData()]

    def _show_savings(self) -> None:
        """Another column came, went or was chosen."""
        if not self._groups:
            return
        against = self._savings.against
        savings = against.savings if against and against.savings.is_known else None
        self.canvas.show_savings(savings)
        self.table.show_columns(group_columns(self._groups, savings), sort_by=TIME_COLUMN)
        titles = [each.title for each in self._savings.candidates]
        self.against.clear()
        self.against.addItems(titles)
        self.against.setCurrentText(against.title if against else "")
        self.against.setVisible(len(titles) > 1)
        self._offer_orders(has_savings=savings is not None)
        self._apply()

    def _offer_orders(self, *, has_savings: bool) -> None:
        known = self.order.findData("saved")
        if has_savings and known < 0:
            self.order.addItem(self.tr("Most saved first"), "saved")
            self.order.addItem(self.tr("Slowed down first"), "lost")
        elif not has_savings and known >= 0:
            self.order.removeItem(self.order.findData("lost"))
            self.order.removeItem(known)

    def _told(self, shown: list[Group]) -> str:
        """How much became how much, and what that saved."""
        members = len({member.node for group in shown for member in group.members})
        became = self.tr("{} operators became {} kernels")
        if len(shown) == 1:
            became = self.tr("{} operators became one kernel")
        elif any("backward" in group.part for group in shown):
            became = self.tr("{} operators and their backward became {} kernels")
        parts = [became.format(members, len(shown))]
        parts.append(", ".join(dict.fromkeys(group.compiler for group in shown)))
        times = [group.step_ns for group in shown if group.step_ns >= 0]
        if times:
            parts.append(
                self.tr("{} per step, {} of all work").format(
                    format_duration(sum(times)), format_percent(sum(each.share for each in shown))
                )
            )
        parts.append(self._unseen_told(len(times), len(shown)))
        return "  ·  ".join(filter(None, (*parts, self._saving_told([g.row for g in shown]))))

    def _unseen_told(self, seen: int, shown: int) -> str:
        """How many have no time, although steps were profiled."""
        if seen == shown or not len(self._context.profile.trace.slices):
            return ""
        if not seen:
            return self.tr("none was seen running in the profiled steps")
        return self.tr("{} not seen running").format(shown - seen)

    def _saving_told(self, rows: list[int]) -> str:
        against = self._savings.against
        if against is None:
            return ""
        known = [row for row in rows if not np.isnan(against.savings.saved_ns[row])]
        apart = float(against.savings.apart_ns[known].sum())
        kernels = float(against.savings.kernel_ns[known].sum())
        if not known or not apart:
            return ""
        pattern = (
            self.tr("one by one {} in {}: {} saved ({})")
            if apart >= kernels
            else self.tr("one by one {} in {}: {} slower ({})")
        )
        if len(known) < len(rows):
            pattern = self.tr("{} of them ").format(len(known)) + pattern
        whole = pattern.format(
            format_duration(apart),
            f"{against.title} ({against.mode})" if against.mode else against.title,
            format_duration(abs(apart - kernels)),
            format_percent(abs(apart - kernels) / apart),
        )
        return "  ·  ".join(filter(None, (whole, self._parts_told(against.savings, known))))

    def _parts_told(self, savings: FusionSavings, rows: list[int]) -> str:
        """The forward's share of what was saved and the backward's, where a step has both."""
        told = []
        for title, is_backward in ((self.tr("forward"), False), (self.tr("backward"), True)):
            part = [row for row in rows if savings.is_backward[row] == is_backward]
            if not part:
                return ""
            saved = float(savings.saved_ns[part].sum())
            pattern = self.tr("{} {} saved") if saved >= 0 else self.tr("{} {} slower")
            told.append(pattern.format(title, format_duration(abs(saved))))
        return ", ".join(told)

    def _follow(self) -> None:
        """Bring the picked group into sight and show its source."""
        picked = self._context.selection.picked
        if not self._groups:
            return
        if not self._is_picking:
            self._is_picking = True
            try:
                self.table.select(picked.groups)
            finally:
                self._is_picking = False
        if not len(picked.groups):
            return
        kind, row = picked.focus
        first = row if kind == "group" else int(picked.groups[0])
        self._scroll.ensureVisible(0, self.canvas.top_of(first) + 20, 0, 30)
        self._fill_source(first)

    def _pick_rows(self) -> None:
        rows = self.table.picked_rows()
        if self._is_picking or not rows:
            return
        members = self._context.profile.fusion.members
        self._is_picking = True  # the rows are selected already
        try:
            self._context.selection.pick_nodes(
                members.node[np.isin(members.group, rows)].tolist(), ("group", rows[0])
            )
        finally:
            self._is_picking = False

    def _open_source(self, group: int) -> None:
        self._fill_source(group)
        if self.source_button.isVisible():
            self.source_button.setChecked(True)

    def _fill_source(self, group: int) -> None:
        profile = self._context.profile
        source = int(profile.fusion.groups.source[group])
        name = profile.strings[int(profile.fusion.groups.name[group])]
        wraps = QPlainTextEdit.LineWrapMode
        self.source.setLineWrapMode(wraps.NoWrap if source >= 0 else wraps.WidgetWidth)
        self.source.setPlainText(
            profile.strings[source]
            if source >= 0
            else self.tr("// {} has no generated source: it is a library's kernel.").format(name)
        )


def _number(saved: NDArray[np.float64] | None, row: int) -> float:
    """What a group saved; where nobody knows, as nothing."""
    return 0.0 if saved is None or np.isnan(saved[row]) else float(saved[row])
