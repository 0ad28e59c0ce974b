"""Operators and kernels, summed by what they have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.intervals import rising_levels
from profilers.analysis.once import once
from profilers.analysis.self_time import self_time_ns
from profilers.profile import WORK_KINDS, Profile, SliceKind, Slices
from profilers.profile.table import Int32, Int64, Table, column

_DEEPEST = np.iinfo(np.int16).max  # depths beyond it are not told apart


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
    is_launched = np.zeros(max(SliceKind) + 1, np.bool_)
    is_launched[list(WORK_KINDS)] = True
    on_device = is_launched[slices.kind[flows.target]]
    operators = _enclosing_operator(slices, flows.source[on_device])
    known = operators >= 0
    operators, launched = operators[known], flows.target[on_device][known]
    operators.flags.writeable = launched.flags.writeable = False
    return operators, launched


def _enclosing_operator(slices: Slices, rows: Int32) -> Int32:
    """The slice itself or its nearest ancestor that is an operator; -1 if there is none."""
    rows = rows.copy()
    climbing = np.flatnonzero(slices.kind[rows] != SliceKind.OPERATOR)
    while len(climbing):
        rows[climbing] = slices.parent[rows[climbing]]
        is_inside = rows[climbing] >= 0
        climbing = climbing[is_inside]
        climbing = climbing[slices.kind[rows[climbing]] != SliceKind.OPERATOR]
    return rows


def _grouped(profile: Profile, rows: Int64, keys: Int32) -> OperatorStatistics:
    slices = profile.trace.slices
    if not len(rows):
        return OperatorStatistics.empty()
    distinct, group = _numbered(keys[rows])
    count = len(distinct)
    durations = slices.duration_ns[rows]
    inside = _inside_own_group(slices, rows, group, count)
    shortest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(shortest, group, durations)
    longest = np.zeros(count, np.int64)
    np.maximum.at(longest, group, durations)
    return OperatorStatistics.of(
        key=distinct,
        calls=np.bincount(group, minlength=count),
        total_ns=_sums(group, durations, count) - _sums(group[inside], durations[inside], count),
        self_ns=_sums(group, self_time_ns(slices)[rows], count),
        shortest_ns=shortest,
        longest_ns=longest,
        device_ns=_device_time_ns(profile, rows, group, count),
    )


def _numbered(keys: Int32) -> tuple[Int64, Int64]:
    """The distinct keys (>= -1) in order, and the place of each key among them.

    By a table: sorting, as np.unique does, takes ten times as long.
    """
    is_present = np.zeros(int(keys.max()) + 2, np.bool_)
    is_present[keys + np.int32(1)] = True
    place = np.cumsum(is_present) - 1
    return np.flatnonzero(is_present) - 1, place[keys + np.int32(1)]


def _device_time_ns(profile: Profile, rows: Int64, group: Int64, count: int) -> Int64:
    """Time of the device slices that the operators of each group launched themselves."""
    slices = profile.trace.slices
    operators, launched = launching_operator(profile)
    group_of = np.full(len(slices), -1, np.int32)
    group_of[rows] = group
    known = group_of[operators] >= 0
    launched_ns = slices.duration_ns[launched[known]]
    return _sums(group_of[operators[known]], launched_ns, count)


def _inside_own_group(slices: Slices, rows: Int64, group: Int64, count: int) -> Int64:
    """Places of the rows that lie within an earlier one of the same group and track."""
    at = np.flatnonzero(_may_enclose_own(slices, rows, group, count)[group])
    if not len(at):
        return at
    by_group = group[at].astype(np.uint16 if count <= 2**16 else np.int64)  # 16 bits sort by radix
    at = at[np.argsort(by_group, kind="stable")]
    ordered, groups = rows[at], group[at]
    tracks = slices.track[ordered]
    is_first = np.ones(len(at), np.bool_)
    is_first[1:] = (groups[1:] != groups[:-1]) | (tracks[1:] != tracks[:-1])
    ends = slices.start_ns[ordered] + slices.duration_ns[ordered]
    level = rising_levels(np.cumsum(is_first) - 1, ends)
    reached = np.maximum.accumulate(level)
    return at[1:][reached[:-1] >= level[1:]]


def _may_enclose_own(slices: Slices, rows: Int64, group: Int64, count: int) -> NDArray[np.bool_]:
    """For each group whether its slices lie at several depths: what encloses another is less deep."""
    depths = slices.depth[rows].astype(np.int64)  # as int16 what follows takes ten times as long
    lowest = np.full(count, _DEEPEST, np.int64)
    np.minimum.at(lowest, group, depths)
    highest = np.zeros(count, np.int64)
    np.maximum.at(highest, group, depths)
    is_spread: NDArray[np.bool_] = (lowest != highest) | (highest == _DEEPEST)
    return is_spread


def _sums(group: NDArray[np.integer], values: Int64, count: int) -> Int64:
    """Exact integer sums per group."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, group, values)
    return sums
