"""What the person picked in one column; every view follows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from profilers.profile import Profile
from profilers.profile.table import Int32

_HISTORY = 100


def _none() -> Int32:
    return np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Picked:
    """Rows that belong together through the profile's links.

    `focus` names the table and row that the person touched ("node", "slice", "group" or
    "allocation"), so that other views can bring its counterpart into sight; ("", -1) for none.
    """

    nodes: Int32 = field(default_factory=_none)
    slices: Int32 = field(default_factory=_none)
    groups: Int32 = field(default_factory=_none)
    allocations: Int32 = field(default_factory=_none)
    time_range_ns: tuple[int, int] | None = None
    focus: tuple[str, int] = ("", -1)

    @property
    def is_empty(self) -> bool:
        return not (len(self.nodes) or len(self.slices) or len(self.allocations)) and (
            self.time_range_ns is None
        )


class Selection(QObject):
    """Holds the current `Picked` and its history. One per column.

    Picking in any table resolves the links: a node brings its slices, fusion groups, allocations
    and weights; a slice brings its node; a fused kernel brings its members; a weight what reads it.
    """

    changed = Signal()

    def __init__(self, profile: Profile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._profile = profile
        self._history: list[Picked] = [Picked()]
        self._at = 0

    @property
    def picked(self) -> Picked:
        return self._history[self._at]

    def pick_nodes(self, nodes: Iterable[int], focus: tuple[str, int] | None = None) -> None:
        """Nodes of the authored graph, with all that is linked to them."""
        rows = np.unique(np.fromiter(nodes, np.int32))
        if focus is None:
            focus = ("node", int(rows[0])) if len(rows) else ("", -1)
        profile = self._profile
        members = profile.fusion.members
        groups = np.unique(members.group[np.isin(members.node, rows)]).astype(np.int32)
        in_nodes = np.isin(profile.trace.slices.node, rows)
        in_groups = np.isin(profile.trace.slices.group, groups)
        self._push(
            Picked(
                rows,
                np.flatnonzero(in_nodes | in_groups).astype(np.int32),
                groups,
                self._blocks_of(rows),
                focus=focus,
            )
        )

    def pick_slice(self, row: int) -> None:
        """One slice; with a link, its node or fused members and all that belongs to them."""
        slices = self._profile.trace.slices
        nodes = self._nodes_of_slice(row)
        if len(nodes):
            self.pick_nodes(nodes, ("slice", row))
        else:
            alone = np.array([row], np.int32)
            allocations = np.flatnonzero(self._profile.memory.allocations.slice == row)
            group = slices.group[row : row + 1]
            self._push(
                Picked(
                    slices=alone,
                    groups=group[group >= 0],
                    allocations=allocations.astype(np.int32),
                    focus=("slice", row),
                )
            )

    def pick_slices(self, rows: Sequence[int]) -> None:
        """These slices alone, with the nodes that they are linked to; the first is the focus."""
        chosen = np.array(rows, np.int32)
        nodes = np.unique(self._profile.trace.slices.node[chosen])
        self._push(
            Picked(
                nodes[nodes >= 0],
                np.sort(chosen),
                focus=("slice", int(rows[0])) if len(rows) else ("", -1),
            )
        )

    def pick_group(self, group: int) -> None:
        """A fused kernel with its members."""
        members = self._profile.fusion.members
        self.pick_nodes(members.node[members.group == group].tolist(), ("group", group))

    def pick_allocation(self, row: int) -> None:
        """A block with what made it, a weight with what reads it, and all that belongs to that."""
        made_in = self._profile.memory.allocations.slice[row : row + 1]
        nodes = self._nodes_of_block(row)
        if len(nodes):
            self.pick_nodes(nodes, ("allocation", row))
        else:
            alone = np.array([row], np.int32)
            self._push(
                Picked(slices=made_in[made_in >= 0], allocations=alone, focus=("allocation", row))
            )

    def pick_time_range(self, begin_ns: int, end_ns: int) -> None:
        self._push(Picked(time_range_ns=(min(begin_ns, end_ns), max(begin_ns, end_ns))))

    def clear(self) -> None:
        if not self.picked.is_empty:
            self._push(Picked())

    def back(self) -> None:
        """Undo the last pick."""
        if self._at > 0:
            self._at -= 1
            self.changed.emit()

    def forward(self) -> None:
        if self._at + 1 < len(self._history):
            self._at += 1
            self.changed.emit()

    def _nodes_of_slice(self, row: int) -> list[int]:
        slices = self._profile.trace.slices
        group = int(slices.group[row])
        if group >= 0:
            members = self._profile.fusion.members
            fused: list[int] = members.node[members.group == group].tolist()
            if fused:
                return fused
        node = int(slices.node[row])
        return [node] if node >= 0 else []

    def _nodes_of_block(self, row: int) -> Sequence[int]:
        allocations, uses = self._profile.memory.allocations, self._profile.authored.parameter_uses
        node, weight = int(allocations.node[row]), int(allocations.parameter[row])
        if node >= 0:
            return [node]
        readers: list[int] = uses.node[uses.parameter == weight].tolist()
        return readers

    def _blocks_of(self, nodes: Int32) -> Int32:
        """What these nodes made, and the weights that they read."""
        allocations, uses = self._profile.memory.allocations, self._profile.authored.parameter_uses
        weights = uses.parameter[np.isin(uses.node, nodes)]
        made, read = np.isin(allocations.node, nodes), np.isin(allocations.parameter, weights)
        return np.flatnonzero(made | read).astype(np.int32)

    def _push(self, picked: Picked) -> None:
        del self._history[self._at + 1 :]
        self._history.append(picked)
        del self._history[:-_HISTORY]
        self._at = len(self._history) - 1
        self.changed.emit()
