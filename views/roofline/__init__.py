"""How near operators and layers come to what the device can do."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from profilers.analysis.peaks import peak_of
from profilers.analysis.roof_points import kernel_points, layer_points, operator_points
from profilers.units import format_count, format_percent
from views.context import ViewContext
from views.empty_note import EmptyNote
from views.plain_label import PlainLabel
from views.roofline.plot import RoofPlot

__all__ = ["RooflineView"]


class RooflineView(QWidget):
    """A click on a point picks its nodes; what is picked elsewhere is ringed."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        peak = peak_of(context.profile)
        has_graph = len(context.profile.authored.nodes) > 0
        if peak is None or not has_graph or not len(operator_points(context.profile, peak)):
            layout.addWidget(EmptyNote(self._why_empty(peak is not None)))
            return
        self._peak = peak
        self.by = QComboBox()
        self.by.setAccessibleName(self.tr("What a point stands for"))
        self.by.addItem(self.tr("By operator"), operator_points)
        self.by.addItem(self.tr("By layer"), layer_points)
        self.by.addItem(self.tr("By kernel"), kernel_points)
        self._told = PlainLabel()
        self._told.setWordWrap(True)
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.by)
        bar.addWidget(self._told, 1)
        self.plot = RoofPlot(context.theme, peak)
        self.plot.nodes_picked.connect(context.selection.pick_nodes)
        context.selection.changed.connect(self._follow)
        self.by.currentIndexChanged.connect(self._show)
        self.keys_go_to = self.plot
        layout.addLayout(bar)
        layout.addWidget(self.plot, 1)
        self._show()

    def _show(self) -> None:
        points = self.by.currentData()(self._context.profile, self._peak)
        reached = float(points.least_ns.sum() / points.time_ns.sum())
        peak = self._peak
        told = self.tr("{} at {} of its roof: {} in float32").format(
            peak.name, format_percent(min(reached, 1.0)), format_count(peak.float32, "FLOP/s")
        )
        if peak.float16 is not None:
            told += self.tr(", {} in 16 bits").format(format_count(peak.float16, "FLOP/s"))
        told += f", {format_count(peak.bandwidth, 'B/s')} ({peak.source})"
        options = self._context.profile.environment.request.get("options")
        if isinstance(options, dict) and options.get("run") == "training":
            told += self.tr("; FLOPs are the forward's, times are the whole step's")
        self._told.setText(told)
        self._told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.plot.show_points(points)
        self._follow()

    def _follow(self) -> None:
        self.plot.ring(set(self._context.selection.picked.nodes.tolist()))

    def _why_empty(self, has_peak: bool) -> str:
        if has_peak:
            return self.tr(
                "No operator that ran has known FLOPs and bytes, and a roof for its type."
            )
        return self.tr(
            "What this device can do at most is not known, so there is no roof to hold the model "
            "against. Known are common GPUs of NVIDIA, and processors, which a run measures itself."
        )
