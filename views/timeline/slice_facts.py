"""What is known of one slice, as pairs of a label and a text; each costs far less than a pass in Python.

Nothing here walks over all slices but for the statistics of a name, one comparison in numpy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from profilers.profile import WORK_KINDS, Profile, SliceKind, Slices, decode
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent
from views.context import Peer, ViewContext
from views.timeline.colouring import scope_path
from views.timeline.flows import FlowIndex, end_of_family

Fact = tuple[str, str]

_STACK_ARGUMENT = "Call stack"
_MOST_MEMBERS = 12
_FORWARD_TO_BACKWARD = "fwdbwd"  # this kind of flow


@dataclass(frozen=True)
class DurationStats:
    """Of the durations of several slices, in ns."""

    count: int
    total_ns: int
    shortest_ns: int
    longest_ns: int

    @classmethod
    def of(cls, duration_ns: Int64) -> "DurationStats | None":
        """None for no slices."""
        if not len(duration_ns):
            return None
        return cls(
            len(duration_ns), int(duration_ns.sum()), int(duration_ns.min()), int(duration_ns.max())
        )

    @property
    def mean_ns(self) -> float:
        return self.total_ns / self.count


class SliceFacts(QObject):
    """Statistics of a name are kept for the name that was asked for last."""

    def __init__(
        self, context: ViewContext, flows: FlowIndex, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._flows = flows
        self._profile = context.profile
        self._slices = context.profile.trace.slices
        self._stats_name = -1
        self._stats: DurationStats | None = None

    def of(self, row: int) -> list[Fact]:
        """In the order of what people ask first."""
        return [
            *self._times(row),
            *self._launch(row),
            *self._pairs(row),
            *self._links(row),
            *self._statistics(row),
            *self._surroundings(row),
            *self._arguments(row),
        ]

    def _times(self, row: int) -> Iterator[Fact]:
        slices, strings = self._slices, self._profile.strings
        duration_ns, own_ns = int(slices.duration_ns[row]), own_time_ns(slices, row)
        start_ns = int(slices.start_ns[row]) - self._context.origin_ns
        track = int(slices.track[row])
        yield self.tr("Category"), strings[int(slices.category[row])]
        yield self.tr("Start"), format_duration(start_ns)
        yield self.tr("Duration"), format_duration(duration_ns)
        if own_ns != duration_ns:
            share = format_percent(own_ns / duration_ns)
            yield self.tr("Without children"), f"{format_duration(own_ns)}  ({share})"
        yield self.tr("Track"), strings[int(self._profile.trace.tracks.name[track])]
        parent = int(slices.parent[row])
        if slices.depth[row] > (slices.depth[parent] + 1 if parent >= 0 else 0):
            yield self.tr("Overlap"), self.tr("partly overlaps another slice of its row")
        step = int(slices.step[row])
        if step >= 0:
            yield self.tr("Step"), str(int(self._profile.steps.number[step]))

    def _launch(self, row: int) -> Iterator[Fact]:
        """Of device work: who launched it, how long it waited. Of others: what they launched."""
        slices = self._slices
        if slices.kind[row] not in WORK_KINDS:
            launched = self._flows.targets(row)
            launched = launched[np.isin(slices.kind[launched], WORK_KINDS)]
            if len(launched):
                total = format_duration(int(slices.duration_ns[launched].sum()))
                text = (
                    self._name_of(int(launched[0]))
                    if len(launched) == 1
                    else self.tr("{:,} kernels and copies").format(len(launched))
                )
                yield self.tr("Launched"), f"{text}  ·  {total}"
            return
        call = self._launching_call(row)
        if call < 0:
            return
        operator = call
        while operator >= 0 and slices.kind[operator] != SliceKind.OPERATOR:
            operator = int(slices.parent[operator])
        name = self._name_of(call)
        if operator >= 0:
            name = f"{self._name_of(operator)}  ·  {name}"
        delay_ns = int(slices.start_ns[row] - slices.start_ns[call] - slices.duration_ns[call])
        yield self.tr("Launched by"), name
        yield (
            self.tr("Launch delay"),
            self.tr("{} after the launch call returned").format(format_duration(delay_ns))
            if delay_ns >= 0
            else self.tr("none: it began {} before the launch call returned").format(
                format_duration(-delay_ns)
            ),
        )

    def _pairs(self, row: int) -> Iterator[Fact]:
        """Of an operator: its backward, or the forward that it is the backward of."""
        flows = self._profile.trace.flows
        if self._slices.kind[row] != SliceKind.OPERATOR or not len(flows):
            return
        is_pair = flows.kind == self._profile.strings.find(_FORWARD_TO_BACKWARD)
        forward, backward = flows.source[is_pair], flows.target[is_pair]
        end = end_of_family(self._slices, row)
        for title, ours, theirs in (
            (self.tr("Backward"), forward, backward),
            (self.tr("Forward"), backward, forward),
        ):
            others = np.unique(theirs[(ours >= row) & (ours < end)])
            others = others[(others < row) | (others >= end)]
            if len(others):
                names = list(dict.fromkeys(map(self._name_of, others.tolist())))
                told = ", ".join(names[:_MOST_MEMBERS])
                total = format_duration(int(self._slices.duration_ns[others].sum()))
                yield title, f"{told}  ·  {total}"

    def _launching_call(self, row: int) -> int:
        """By the arrow that leads to device work, else by the launch id that they share."""
        slices = self._slices
        for source in self._flows.sources(row):
            if slices.track[source] != slices.track[row]:
                return source
        launch_id = int(slices.correlation[row])
        if launch_id < 0:
            return -1
        calls = np.flatnonzero(slices.correlation == launch_id)
        calls = calls[slices.kind[calls] == SliceKind.RUNTIME]
        return int(calls[0]) if len(calls) else -1

    def _links(self, row: int) -> Iterator[Fact]:
        node, group = int(self._slices.node[row]), int(self._slices.group[row])
        if node >= 0:
            nodes, strings = self._profile.authored.nodes, self._profile.strings
            name, operator = strings[int(nodes.name[node])], strings[int(nodes.operator[node])]
            yield self.tr("Graph node"), f"{name}  ·  {operator}"
            scope = scope_path(self._context, int(nodes.scope[node]))
            if scope:
                yield self.tr("Scope"), scope
        if group >= 0:
            yield self.tr("Fused kernel"), self._group_text(group)
        elif node >= 0:
            members = self._profile.fusion.members
            for each in np.unique(members.group[members.node == node]).tolist():
                yield self.tr("Fused into"), self._group_text(each)

    def _statistics(self, row: int) -> Iterator[Fact]:
        """Of all slices of this name, here and in the other columns; of the twin node's there."""
        name = int(self._slices.name[row])
        if name != self._stats_name:
            durations = self._slices.duration_ns[self._slices.name == name]
            self._stats_name, self._stats = name, DurationStats.of(durations)
        if self._stats is None:
            return
        yield self.tr("All of this name"), self._stats_text(self._stats)
        for peer in self._context.peers():
            there = stats_of_name(peer.profile, self._profile.strings[name])
            label = self.tr("In {}").format(peer.title)
            if there is not None:
                yield label, self._stats_text(there) + self._difference(there, self._stats)
            else:
                yield from self._twin_statistics(row, peer, label)

    def _twin_statistics(self, row: int, peer: Peer, label: str) -> Iterator[Fact]:
        """Of slices of the same kind that belong to the node matched with this slice's."""
        node, slices = int(self._slices.node[row]), peer.profile.trace.slices
        twins = peer.twins(np.array([node], np.int32)) if node >= 0 else np.empty(0, np.int32)
        if not len(twins):
            yield label, self.tr("nothing of this name")
            return
        kind = self._slices.kind[row]
        theirs = np.flatnonzero(np.isin(slices.node, twins))
        theirs = theirs[slices.kind[theirs] == kind]
        ours = (self._slices.node == node) & (self._slices.kind == kind)
        there = DurationStats.of(slices.duration_ns[theirs])
        here = DurationStats.of(self._slices.duration_ns[ours])
        if there is None or here is None:
            yield label, self.tr("nothing of this name")
            return
        name = peer.profile.strings[int(slices.name[theirs[0]])]
        yield label, f"{name}:  {self._stats_text(there)}{self._difference(there, here)}"

    def _stats_text(self, stats: DurationStats) -> str:
        total = format_duration(stats.total_ns)
        if stats.count == 1:
            return self.tr("once, {}").format(total)
        return self.tr("{:,} times, mean {} ({} to {}), {} together").format(
            stats.count,
            format_duration(stats.mean_ns),
            format_duration(stats.shortest_ns),
            format_duration(stats.longest_ns),
            total,
        )

    def _difference(self, there: DurationStats, here: DurationStats) -> str:
        if not here.mean_ns:
            return ""
        change = there.mean_ns / here.mean_ns - 1
        if abs(change) < 0.0005:
            return "  ·  " + self.tr("mean is the same")
        text = self.tr("mean {} longer") if change > 0 else self.tr("mean {} shorter")
        return "  ·  " + text.format(format_percent(abs(change)))

    def _surroundings(self, row: int) -> Iterator[Fact]:
        """What encloses the slice, the innermost first; Python frames apart from all else."""
        slices = self._slices
        frames: list[str] = []
        others: list[str] = []
        around = int(slices.parent[row])
        while around >= 0:
            names = frames if slices.kind[around] == SliceKind.PYTHON else others
            names.append(self._name_of(around))
            around = int(slices.parent[around])
        if others:
            yield self.tr("Inside"), "\n".join(others)
        if frames:
            yield self.tr("Called from"), "\n".join(frames)

    def _arguments(self, row: int) -> Iterator[Fact]:
        arguments: dict[str, Any] = decode(self._profile.trace.arguments, row)
        for key, value in arguments.items():
            text = str(value)
            yield str(key), text.replace(";", "\n") if key == _STACK_ARGUMENT else text

    def _group_text(self, group: int) -> str:
        profile, groups = self._profile, self._profile.fusion.groups
        members = profile.fusion.members
        nodes = members.node[members.group == group].tolist()
        inside = ", ".join(
            profile.strings[int(profile.authored.nodes.name[node])]
            for node in nodes[:_MOST_MEMBERS]
        )
        more = f" + {len(nodes) - _MOST_MEMBERS}" if len(nodes) > _MOST_MEMBERS else ""
        return f"{profile.strings[int(groups.name[group])]}  ·  {inside}{more}"

    def _name_of(self, row: int) -> str:
        return self._profile.strings[int(self._slices.name[row])]


def own_time_ns(slices: Slices, row: int) -> int:
    """Duration of one slice less the union of its direct children's intervals."""
    begin_ns = int(slices.start_ns[row])
    end_ns = begin_ns + int(slices.duration_ns[row])
    family = slice(row + 1, end_of_family(slices, row))
    is_child: NDArray[np.bool_] = slices.parent[family] == row
    starts = slices.start_ns[family][is_child]
    ends = np.minimum(starts + slices.duration_ns[family][is_child], end_ns)
    if not len(starts):
        return end_ns - begin_ns
    covered_until = np.append(begin_ns, np.maximum.accumulate(ends)[:-1])
    covered = np.maximum(ends - np.maximum(starts, covered_until), 0).sum()
    return end_ns - begin_ns - int(covered)


def stats_of_name(profile: Profile, name: str) -> DurationStats | None:
    """Of all slices with a name; None where there are none."""
    entry = profile.strings.find(name)
    slices = profile.trace.slices
    return DurationStats.of(slices.duration_ns[slices.name == entry]) if entry >= 0 else None
