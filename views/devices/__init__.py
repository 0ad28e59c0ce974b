"""What each device did with its time, which kernels took it, and what a step had to wait for."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.device.work import TimeRange, work_rows
from profilers.profile import TrackKind
from profilers.units import format_duration
from views.background import Latest
from views.context import ViewContext
from views.devices.card import DeviceCard
from views.devices.figures import DeviceFigures, RangeFigures, range_figures
from views.devices.kernel_table import KernelTable
from views.devices.path_table import PathTable
from views.empty_note import EmptyNote, why_nothing_ran

__all__ = ["DevicesView"]

_BACKGROUND_FROM = 50_000  # pieces of device work, whose figures take 20 ms
_NARROW, _HIGH = 620, 400  # pixels


class DevicesView(QWidget):
    """A card for each device beside the tables; a picked time range limits cards and kernels.

    The range holds until something is picked elsewhere or the selection is cleared.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        profile = context.profile
        if not len(work_rows(profile)):
            layout.addWidget(self._why_empty())
            return
        self._shown_range: tuple[int, int] | None = None
        self.scope = QLabel()
        self.scope.setContentsMargins(6, 2, 6, 0)
        self._cards = QScrollArea()
        self._cards.setWidgetResizable(True)
        self._cards.setFrameShape(QFrame.Shape.NoFrame)
        self.kernels = KernelTable(context)
        self.path = PathTable(context)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(self.kernels, self.tr("Kernels"))
        tabs.addTab(self.path, self.tr("Critical path"))
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._cards)
        split.addWidget(tabs)
        split.setSizes([440, 560])
        layout.addWidget(self.scope)
        layout.addWidget(split, 1)
        self._body = split
        self._latest = Latest(self)
        self._latest.arrived.connect(self._take_figures)
        self._latest.failed.connect(
            lambda error: self.scope.setText(self.tr("The figures failed: {}").format(error))
        )
        context.selection.changed.connect(self._follow)
        self._shown_range = context.selection.picked.time_range_ns
        self._show_figures(range_figures(profile, self._shown_range))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow, high column the tables are below the cards, for which there is no room beside."""
        super().resizeEvent(event)
        is_narrow = self.width() < _NARROW and self.height() > _HIGH
        towards = Qt.Orientation.Vertical if is_narrow else Qt.Orientation.Horizontal
        if hasattr(self, "_body") and self._body.orientation() != towards:
            self._body.setOrientation(towards)
            self._body.setSizes([440, 560])

    def is_settled(self) -> bool:
        return not hasattr(self, "path") or (self.path.is_settled() and not self._latest.is_waiting)

    def _follow(self) -> None:
        """A pick in one of the tables keeps the range that it shows."""
        if self.kernels.is_picking or self.path.is_picking:
            return
        if self._context.selection.picked.time_range_ns != self._shown_range:
            self._show_range()
        self.kernels.follow()

    def _show_range(self) -> None:
        """The figures of the picked range; of a large trace a moment later."""
        profile = self._context.profile
        within_ns = self._shown_range = self._context.selection.picked.time_range_ns
        if len(work_rows(profile)) < _BACKGROUND_FROM:
            self._show_figures(range_figures(profile, within_ns))
        else:
            self.scope.setText(self.tr("{}  ·  computing…").format(self._scope_text(within_ns)))
            self._body.setEnabled(False)
            self._latest.ask(lambda: range_figures(profile, within_ns))

    def _take_figures(self, figures: object) -> None:
        assert isinstance(figures, RangeFigures)
        self._body.setEnabled(True)
        self._show_figures(figures)
        self.kernels.follow()

    def _scope_text(self, within_ns: TimeRange | None) -> str:
        if within_ns is None:
            return self.tr("The whole trace")
        return self.tr("<b>The selected range only:</b> {} from {}").format(
            format_duration(within_ns[1] - within_ns[0]),
            format_duration(within_ns[0] - self._context.origin_ns),
        )

    def _show_figures(self, figures: RangeFigures) -> None:
        self.scope.setText(self._scope_text(figures.within_ns))
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(4, 2, 4, 2)
        for each in figures.devices:
            title = self._title(each, figures.devices)
            column.addWidget(DeviceCard(each, title, self._context.theme))
        column.addStretch()
        self._cards.setWidget(body)
        self.kernels.show_statistics(figures.kernels)

    def _title(self, figures: DeviceFigures, found: Sequence[DeviceFigures]) -> str:
        if len({each.rank for each in found}) > 1:
            return self.tr("Rank {}, device {}").format(figures.rank, figures.device)
        return self.tr("Device {}").format(figures.device)

    def _why_empty(self) -> QLabel:
        profile = self._context.profile
        trace = profile.trace
        if not len(trace.slices):
            text = why_nothing_ran(
                profile, self.tr("This model was not run yet: there is no device time to show.")
            )
        elif not (trace.tracks.kind == TrackKind.STREAM).any():
            text = self.tr("No device took part: the host did all the work of this trace.")
        else:
            text = self.tr("The device streams of this trace hold no kernels.")
        return EmptyNote(text)
