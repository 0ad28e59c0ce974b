"""Operators and kernels, summed by what they have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile, SliceKind, Slices
from profilers.profile.table import Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class OperatorStatistics(Table):
    """One row per group of slices, over all profiled steps; `key` is what they share."""

    key: Int32 = column("i4")  # string row or node, -1 for slices without
    calls: Int64 = column("i8")
    total_ns: Int64 = column(
        "i8"
    )  # with children; a slice inside one of its own group adds nothing
    self_ns: Int64 = column("i8")
    shortest_ns: Int64 = column("i8")
    longest_ns: Int64 = column("i8")
    device_ns: Int64 = column("i8")  # of the kernels that these slices launched


def measured_rows(profile: Profile, kind: SliceKind) -> Int64:
    """Slices of one kind inside the profiled steps; all of them where there are no steps."""
    slices = profile.trace.slices
    chosen = slices.kind == kind
    if len(profile.steps):
        chosen &= slices.step >= 0
    return np.flatnonzero(chosen)


@once
def by_name(profile: Profile, kind: SliceKind = SliceKind.OPERATOR) -> OperatorStatistics:
    """Slices of one kind grouped by their name; `key` is the name's string row."""
    return _grouped(profile, measured_rows(profile, kind), profile.trace.slices.name)


@once
def by_node(profile: Profile) -> OperatorStatistics:
    """Operators grouped by node of the authored graph; `key` is the node, -1 for the unlinked.

    A fused kernel counts once, for the first of its members.
    """
    slices, members = profile.trace.slices, profile.fusion.members
    first_member = np.full(len(profile.fusion.groups), -1, np.int32)
    first_member[members.group[::-1]] = members.node[::-1]
    nodes = slices.node.copy()
    fused = (slices.group >= 0) & (nodes < 0)
    nodes[fused] = first_member[slices.group[fused]]
    return _grouped(profile, measured_rows(profile, SliceKind.OPERATOR), nodes)


@once
def launching_operator(profile: Profile) -> tuple[Int32, Int32]:
    """Pairs (operator slice, device slice) from launch flows; the innermost operator is named."""
    slices, flows = profile.trace.slices, profile.trace.flows
    on_device = np.isin(
        slices.kind[flows.target], (SliceKind.KERNEL, SliceKind.COPY, SliceKind.COMMUNICATION)
    )
    operators = _enclosing_operator(slices, flows.source[on_device])
    known = operators >= 0
    return operators[known], flows.target[on_device][known]


def _enclosing_operator(slices: Slices, rows: Int32) -> Int32:
    """The slice itself or its nearest ancestor that is an operator; -1 if there is none."""
    own = np.arange(len(slices), dtype=np.int32)
    way = np.where(slices.kind == SliceKind.OPERATOR, own, slices.parent)
    way = np.append(way, np.int32(-1))  # row -1 leads to itself
    while True:  # twice as far each time
        further = way[way]
        if (further == way).all():
            return way[rows]
        way = further


def _grouped(profile: Profile, rows: Int64, keys: Int32) -> OperatorStatistics:
    slices = profile.trace.slices
    if not len(rows):
        return OperatorStatistics.empty()
    distinct, group = np.unique(keys[rows], return_inverse=True)
    count = len(distinct)
    durations = slices.duration_ns[rows]
    outermost = ~_inside_own_group(slices, rows, group)
    shortest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(shortest, group, durations)
    longest = np.zeros(count, np.int64)
    np.maximum.at(longest, group, durations)
    return OperatorStatistics.of(
        key=distinct,
        calls=np.bincount(group, minlength=count),
        total_ns=_sums(group, durations * outermost, count),
        self_ns=_sums(group, self_time_ns(slices)[rows], count),
        shortest_ns=shortest,
        longest_ns=longest,
        device_ns=_sums(group, _device_time_ns(profile)[rows], count),
    )


def _device_time_ns(profile: Profile) -> Int64:
    """Time of the device slices that each operator launched itself."""
    slices = profile.trace.slices
    operators, launched = launching_operator(profile)
    return _sums(operators, slices.duration_ns[launched], len(slices))


def _inside_own_group(slices: Slices, rows: Int64, group: NDArray[np.intp]) -> NDArray[np.bool_]:
    """True for slices that lie within an earlier one of the same group and track."""
    order = np.lexsort((rows, group))
    ordered, groups = rows[order], group[order]
    tracks = slices.track[ordered]
    is_first = np.ones(len(rows), np.bool_)
    is_first[1:] = (groups[1:] != groups[:-1]) | (tracks[1:] != tracks[:-1])
    # Ends become ranks, higher in each family than in the one before: one running maximum serves all.
    _, rank = np.unique(slices.start_ns[ordered] + slices.duration_ns[ordered], return_inverse=True)
    level = rank + (np.cumsum(is_first) - 1) * len(rows)
    reached = np.maximum.accumulate(level)
    inside = np.zeros(len(rows), np.bool_)
    inside[order[1:]] = reached[:-1] >= level[1:]
    return inside


def _sums(group: NDArray[np.integer], values: Int64, count: int) -> Int64:
    """Exact integer sums per group."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, group, values)
    return sums
