"""What is picked in the timeline, in words: one slice, or the sums of a range of time."""

import numpy as np
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from profilers.analysis.self_time import self_time_ns
from profilers.profile import decode
from profilers.units import format_duration
from views.context import ViewContext

_MOST_SUMS = 100


class SliceDetails(QTreeWidget):
    """Two columns of text; follows the selection."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._self_ns: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.setAccessibleName(self.tr("Details of the picked slice or range"))
        context.selection.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        self.clear()
        picked = self._context.selection.picked
        if picked.time_range_ns is not None:
            self._show_range(*picked.time_range_ns)
        elif picked.focus[0] == "slice":
            self._show_slice(picked.focus[1])
        elif len(picked.slices):
            self._show_slices(picked.slices)
        else:
            self._line(self.tr("Click a slice, or drag on the ruler to sum a range of time."), "")

    def _show_slice(self, row: int) -> None:
        profile = self._context.profile
        slices, strings = profile.trace.slices, profile.strings
        if self._self_ns is None:
            self._self_ns = self_time_ns(slices)
        duration, own = int(slices.duration_ns[row]), int(self._self_ns[row])
        self._line(self.tr("Name"), strings[int(slices.name[row])])
        self._line(self.tr("Duration"), format_duration(duration))
        share = f" ({own / duration:.0%})" if duration else ""
        self._line(self.tr("Self"), format_duration(own) + share)
        begin = int(slices.start_ns[row]) - self._context.origin_ns
        self._line(self.tr("Start"), format_duration(begin))
        self._line(self.tr("Category"), strings[int(slices.category[row])])
        track = int(slices.track[row])
        self._line(self.tr("Track"), strings[int(profile.trace.tracks.name[track])])
        if slices.step[row] >= 0:
            self._line(self.tr("Step"), str(int(profile.steps.number[slices.step[row]])))
        self._show_links(row)
        for name, value in decode(profile.trace.arguments, row).items():
            self._line(str(name), str(value))

    def _show_links(self, row: int) -> None:
        profile = self._context.profile
        slices, strings, graph = profile.trace.slices, profile.strings, profile.authored
        node, group = int(slices.node[row]), int(slices.group[row])
        if node >= 0:
            self._line(self.tr("Graph node"), strings[int(graph.nodes.name[node])])
            path = []
            scope = int(graph.nodes.scope[node])
            while scope >= 0:
                path.append(strings[int(graph.scopes.name[scope])])
                scope = int(graph.scopes.parent[scope])
            if path:
                self._line(self.tr("Module"), "/".join(reversed(path)))
        if group >= 0:
            members = profile.fusion.members.node[profile.fusion.members.group == group]
            names = ", ".join(strings[int(graph.nodes.name[each])] for each in members.tolist())
            self._line(self.tr("Fused of"), names)

    def _show_slices(self, rows: np.ndarray[tuple[int], np.dtype[np.int32]]) -> None:
        durations = self._context.profile.trace.slices.duration_ns[rows]
        self._line(self.tr("Slices"), str(len(rows)))
        self._line(self.tr("Longest"), format_duration(int(durations.max())))
        steps = max(len(self._context.profile.steps), 1)
        self._line(self.tr("Sum per step"), format_duration(int(durations.sum()) / steps))

    def _show_range(self, begin_ns: int, end_ns: int) -> None:
        """Sums by name of what lies in the range, cut at its ends."""
        profile = self._context.profile
        slices = profile.trace.slices
        inside = np.minimum(slices.start_ns + slices.duration_ns, end_ns) - np.maximum(
            slices.start_ns, begin_ns
        )
        rows = np.flatnonzero(inside > 0)
        names, group = np.unique(slices.name[rows], return_inverse=True)
        sums = np.zeros(len(names), np.int64)
        np.add.at(sums, group, inside[rows])
        counts = np.bincount(group, minlength=len(names))
        self._line(self.tr("Range"), format_duration(end_ns - begin_ns))
        self._line(self.tr("Slices"), f"{len(rows):,}")
        for at in np.argsort(-sums)[:_MOST_SUMS].tolist():
            text = f"{format_duration(int(sums[at]))}  × {int(counts[at])}"
            self._line(profile.strings[int(names[at])], text)

    def _line(self, name: str, value: str) -> None:
        item = QTreeWidgetItem([name, value])
        item.setToolTip(1, value)
        self.addTopLevelItem(item)
