"""The pane that tells what is picked: one slice in full, or a time range summed by name."""

from functools import cached_property
from typing import Any

import numpy as np
from PySide6.QtWidgets import (
    QLabel,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile, decode
from profilers.profile.table import Int64
from profilers.units import format_count, format_duration, format_percent
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.timeline.range_sums import RangeSums, sums_by_name

_LONGEST_VALUE = 2000


class DetailsPane(QWidget):
    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.title = QLabel()
        self.title.setContentsMargins(6, 2, 6, 2)
        self.facts = QTreeWidget()
        self.facts.setHeaderHidden(True)
        self.facts.setColumnCount(2)
        self.facts.setRootIsDecorated(False)
        self.facts.setUniformRowHeights(True)
        self.facts.setAlternatingRowColors(True)
        self.facts.setAccessibleName(self.tr("About the slice"))
        self.sums = ColumnTable(context.theme)
        self.sums.setAccessibleName(self.tr("Sums within the range"))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.facts)
        self._pages.addWidget(self.sums)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addWidget(self._pages, 1)

    def show_slice(self, row: int) -> None:
        """Name, times, step, links and arguments of one slice."""
        profile = self._context.profile
        slices = profile.trace.slices
        self.title.setText(
            f"{profile.strings[int(slices.name[row])][:200]}  ·  "
            f"{format_duration(int(slices.duration_ns[row]))}"
        )
        facts = [*self._facts(row), *_argument_facts(profile, row)]
        self.facts.clear()
        self.facts.addTopLevelItems([_item(label, text) for label, text in facts])
        self.facts.resizeColumnToContents(0)
        self._pages.setCurrentWidget(self.facts)

    def show_range(self, begin_ns: int, end_ns: int) -> None:
        """Sums by name of what ran within the range."""
        begin_text = format_duration(begin_ns - self._context.origin_ns)
        sums = self._show_sums(begin_ns, end_ns)
        self.title.setText(
            self.tr("{} from {}: {} slices of {} names").format(
                format_duration(end_ns - begin_ns),
                begin_text,
                int(sums.count.sum()),
                len(sums.name),
            )
        )

    def show_whole(self) -> None:
        """Sums by name over the whole trace, for when nothing is picked."""
        begin_ns, end_ns = self._extent
        sums = self._show_sums(begin_ns, end_ns)
        self.title.setText(
            self.tr("The whole trace: {} slices in {}. Click one, or drag on the ruler.").format(
                format_count(int(sums.count.sum())), format_duration(end_ns - begin_ns)
            )
        )

    def _show_sums(self, begin_ns: int, end_ns: int) -> RangeSums:
        profile = self._context.profile
        sums = sums_by_name(profile.trace.slices, begin_ns, end_ns)
        names = [profile.strings[row] for row in sums.name.tolist()]
        share = sums.total_ns / max(end_ns - begin_ns, 1)
        columns = [
            Column(self.tr("Name"), np.array(names, str), names.__getitem__),
            Column(
                self.tr("Time"),
                sums.total_ns,
                lambda at: format_duration(sums.total_ns[at]),
                share,
                self.tr("Only what lies within the range; enclosed slices count again"),
            ),
            Column(
                self.tr("Of range"),
                share,
                lambda at: format_percent(share[at]),
                tooltip=self.tr("Above 100 % where tracks ran at the same time"),
            ),
            Column(self.tr("Slices"), sums.count, lambda at: str(int(sums.count[at]))),
        ]
        self.sums.show_columns(columns, sort_by=1)
        self._pages.setCurrentWidget(self.sums)
        return sums

    @cached_property
    def _extent(self) -> tuple[int, int]:
        slices = self._context.profile.trace.slices
        if not len(slices):
            return 0, 0
        return int(slices.start_ns.min()), int((slices.start_ns + slices.duration_ns).max())

    @cached_property
    def _self_ns(self) -> Int64:
        return self_time_ns(self._context.profile.trace.slices)

    def _facts(self, row: int) -> list[tuple[str, str]]:
        profile = self._context.profile
        slices, strings = profile.trace.slices, profile.strings
        duration_ns, own_ns = int(slices.duration_ns[row]), int(self._self_ns[row])
        share = f"  ({format_percent(own_ns / duration_ns)})" if duration_ns else ""
        track = int(slices.track[row])
        facts = [
            (self.tr("Category"), strings[int(slices.category[row])]),
            (
                self.tr("Start"),
                format_duration(int(slices.start_ns[row]) - self._context.origin_ns),
            ),
            (self.tr("Duration"), format_duration(duration_ns)),
            (self.tr("Without children"), format_duration(own_ns) + share),
            (self.tr("Track"), strings[int(profile.trace.tracks.name[track])]),
        ]
        step, group = int(slices.step[row]), int(slices.group[row])
        if step >= 0:
            facts.append((self.tr("Step"), str(int(profile.steps.number[step]))))
        if slices.node[row] >= 0:
            facts += self._node_facts(int(slices.node[row]))
        members = profile.fusion.members
        if group >= 0:
            facts.append((self.tr("Fused kernel"), self._group_text(group)))
        elif slices.node[row] >= 0:
            groups = np.unique(members.group[members.node == slices.node[row]]).tolist()
            facts += [(self.tr("Fused into"), self._group_text(each)) for each in groups]
        return facts

    def _node_facts(self, node: int) -> list[tuple[str, str]]:
        profile, graph = self._context.profile, self._context.profile.authored
        strings = profile.strings
        name = strings[int(graph.nodes.name[node])]
        facts = [(self.tr("Graph node"), f"{name}  ·  {strings[int(graph.nodes.operator[node])]}")]
        path, scope = [], int(graph.nodes.scope[node])
        while scope >= 0:
            path.append(strings[int(graph.scopes.name[scope])])
            scope = int(graph.scopes.parent[scope])
        if path:
            facts.append((self.tr("Scope"), "/".join(reversed(path))))
        return facts

    def _group_text(self, group: int) -> str:
        profile, groups = self._context.profile, self._context.profile.fusion.groups
        members = profile.fusion.members
        nodes = members.node[members.group == group].tolist()
        inside = ", ".join(
            profile.strings[int(profile.authored.nodes.name[node])] for node in nodes[:12]
        )
        more = f" + {len(nodes) - 12}" if len(nodes) > 12 else ""
        return f"{profile.strings[int(groups.name[group])]}  ·  {inside}{more}"


def _argument_facts(profile: Profile, row: int) -> list[tuple[str, str]]:
    arguments: dict[str, Any] = decode(profile.trace.arguments, row)
    return [(str(key), str(value)) for key, value in arguments.items()]


def _item(label: str, text: str) -> QTreeWidgetItem:
    short = text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
    item = QTreeWidgetItem([label, short.replace("\n", "  ")])
    item.setToolTip(1, short)
    return item
