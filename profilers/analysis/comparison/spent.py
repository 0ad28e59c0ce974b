"""What one side's step was spent on: nodes, scopes of the graph, and names without a place in it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from profilers.analysis.operators import launching_operator
from profilers.analysis.scope_ranges import scope_of_range
from profilers.analysis.wall_time import WallTime, wall_time
from profilers.profile import Profile, SliceKind, Slices
from profilers.profile.table import Int32, Int64


@dataclass(frozen=True)
class Share:
    """Wall-clock ns per step, and the slice that had most of it.

    `calls` are the slices per step that it is of, and `pause_ns` is what of the time lay just before these.
    """

    time_ns: float
    slice: int
    calls: float = 0.0
    pause_ns: float = 0.0

    def __add__(self, other: "Share") -> "Share":
        longest = self if self.time_ns >= other.time_ns else other
        return Share(
            self.time_ns + other.time_ns,
            longest.slice,
            self.calls + other.calls,
            self.pause_ns + other.pause_ns,
        )


NOTHING = Share(0.0, -1)
RANGES = "(code of modules)"


@dataclass(frozen=True, eq=False)
class Spent:
    """All of a side's step; the parts add up to ``whole_ns``.

    Attributes
    ----------
    nodes, scopes : dict
        Shares by row of the authored graph; a scope's is what its range took beside its operators.
    names : dict
        Shares of what is tied to neither, by name.
    joined : list of list of int
        Nodes that ran as one fused kernel: their time is that of the first.
    between_ns, around_ns : float
        Longer pauses in which nothing that was recorded worked, and the time before the first and
        after the last that did.
    profiled_ns, taken_off_ns, scaled_by : float
        The step as it was profiled, what was taken off the parts for the profiler, and what all parts
        were multiplied by afterwards, see `without_profiler`.
    whole_ns : float
        The mean of the steps that count, see `middle_steps`.
    call_ns : float
        What half of the operators took at most, for each call that was recorded of them or in them.
    """

    nodes: dict[int, Share] = field(default_factory=dict)
    scopes: dict[int, Share] = field(default_factory=dict)
    names: dict[str, Share] = field(default_factory=dict)
    joined: list[list[int]] = field(default_factory=list)
    between_ns: float = 0.0
    around_ns: float = 0.0
    profiled_ns: float = 0.0
    taken_off_ns: float = 0.0
    scaled_by: float = 1.0
    whole_ns: float = 0.0
    call_ns: float = 0.0
    steps: int = 0
    on_device: bool = False

    @property
    def dispatch_ns(self) -> float:
        """Of all shares, the pauses just before what they are shares of."""
        return sum(share.pause_ns for share in self.shares)

    @property
    def shares(self) -> Iterator[Share]:
        for kind in (self.nodes, self.scopes, self.names):
            yield from kind.values()


def with_shares(spent: Spent, changed: Callable[[Share], Share]) -> Spent:
    """The same with other shares."""
    return replace(
        spent,
        nodes={node: changed(share) for node, share in spent.nodes.items()},
        scopes={scope: changed(share) for scope, share in spent.scopes.items()},
        names={name: changed(share) for name, share in spent.names.items()},
    )


def has_ranges(profile: Profile) -> bool:
    """Whether the trace tells of scopes of the graph beside its operators."""
    return bool((scope_of_range(profile) >= 0).any())


def middle_steps(profile: Profile) -> tuple[int, ...] | None:
    """The half of the profiled steps around the median, by their durations; None for all.

    One step in which another program had the processor says nothing of either model. Of fewer than
    four steps none is left out.
    """
    steps = profile.steps
    left_out = len(steps) // 4
    if not left_out:
        return None
    order = np.argsort(steps.duration_ns, kind="stable")[left_out : len(steps) - left_out]
    return tuple(np.sort(order).tolist())


def spent_by_graph(profile: Profile, *, with_ranges: bool = True) -> Spent:
    """Shares by node and scope of the authored graph where slices are tied to them.

    Without ranges, the code of modules around their operators counts as the pauses between these.
    """
    wall, slices = _counted(profile, with_ranges=with_ranges), profile.trace.slices
    rows = np.flatnonzero(wall.slice_ns > 0)
    groups, joined = _ran_fused(profile, slices.group[rows])
    first_member = {group: nodes[0] for group, nodes in zip(groups, joined, strict=True)}
    node = _nodes(profile)[rows]
    scope = _enclosing_scope(profile)[rows]
    spent = _empty(profile, wall, joined)
    for key, share in _summed(wall, rows, _owner(profile, rows, node, scope, first_member)).items():
        kind, of = key
        {"node": spent.nodes, "scope": spent.scopes, "name": spent.names}[kind][of] = share  # type: ignore[index]
    return spent


def spent_by_name(profile: Profile, *, with_ranges: bool = True) -> Spent:
    """Shares by the name of the operator, or of the operator that launched the kernel."""
    wall = _counted(profile, with_ranges=with_ranges)
    rows = np.flatnonzero(wall.slice_ns > 0)
    spent = _empty(profile, wall, [])
    keys: list[_Key] = [("name", name) for name in _plain_names(profile, rows)]
    spent.names.update({str(of): share for (_, of), share in _summed(wall, rows, keys).items()})
    return spent


def _counted(profile: Profile, *, with_ranges: bool) -> WallTime:
    return wall_time(profile, middle_steps(profile), with_ranges=with_ranges)


def _empty(profile: Profile, wall: WallTime, joined: list[list[int]]) -> Spent:
    steps = max(wall.steps, 1)
    dispatch_ns = float(wall.dispatch_ns.sum())
    return Spent(
        joined=joined,
        between_ns=max(wall.between_ns - wall.around_ns - dispatch_ns, 0.0) / steps,
        around_ns=wall.around_ns / steps,
        profiled_ns=wall.whole_ns / steps,
        whole_ns=wall.whole_ns / steps,
        call_ns=_call_ns(profile.trace.slices, wall),
        steps=wall.steps,
        on_device=wall.on_device,
    )


def _call_ns(slices: Slices, wall: WallTime) -> float:
    rows = np.flatnonzero(wall.slice_ns > 0)
    outermost = _outermost(slices)[rows]
    taken = np.bincount(outermost, (wall.slice_ns + wall.dispatch_ns)[rows], len(slices))
    calls = np.bincount(outermost, minlength=len(slices))
    operators = np.flatnonzero((calls > 0) & (slices.kind == SliceKind.OPERATOR))
    if not len(operators):
        return 0.0
    return float(np.median(taken[operators] / calls[operators]))


_Key = tuple[str, int | str]


def _owner(
    profile: Profile, rows: Int64, nodes: Int32, scopes: Int32, first_member: dict[int, int]
) -> list[_Key]:
    names = _operator_names(profile)[rows].tolist()
    groups = profile.trace.slices.group[rows].tolist()
    found: list[_Key] = []
    for node, scope, group, name in zip(
        nodes.tolist(), scopes.tolist(), groups, names, strict=True
    ):
        if group in first_member:
            found.append(("node", first_member[group]))
        elif node >= 0:
            found.append(("node", node))
        elif scope >= 0:
            found.append(("scope", scope))
        else:
            found.append(("name", profile.strings[name]))
    return found


def _summed(wall: WallTime, rows: Int64, keys: list[_Key]) -> dict[_Key, Share]:
    steps = max(wall.steps, 1)
    sums: dict[_Key, float] = defaultdict(float)
    pauses: dict[_Key, float] = defaultdict(float)
    calls: dict[_Key, int] = defaultdict(int)
    longest: dict[_Key, tuple[float, int]] = {}
    before = wall.dispatch_ns[rows]
    times = (wall.slice_ns[rows] + before).tolist()
    for key, row, time_ns, pause_ns in zip(
        keys, rows.tolist(), times, before.tolist(), strict=True
    ):
        sums[key] += time_ns
        pauses[key] += pause_ns
        calls[key] += 1
        if time_ns > longest.get(key, (0.0, -1))[0]:
            longest[key] = (time_ns, row)
    return {
        key: Share(total / steps, longest[key][1], calls[key] / steps, pauses[key] / steps)
        for key, total in sums.items()
    }


def _ran_fused(profile: Profile, group: Int32) -> tuple[list[int], list[list[int]]]:
    """Groups among the given ones whose members are known, with these."""
    ran = np.unique(group[group >= 0])
    members = profile.fusion.members
    by_group: dict[int, list[int]] = defaultdict(list)
    chosen = np.isin(members.group, ran)
    for number, node in zip(
        members.group[chosen].tolist(), members.node[chosen].tolist(), strict=True
    ):
        by_group[number].append(node)
    return list(by_group), list(by_group.values())


def _nodes(profile: Profile) -> Int32:
    """The node of each slice; a kernel without one has that of the operator that launched it."""
    nodes = profile.trace.slices.node.copy()
    operators, launched = launching_operator(profile)
    lacking = nodes[launched] < 0
    nodes[launched[lacking]] = nodes[operators[lacking]]
    return nodes


def node_of_slices(profile: Profile) -> Int32:
    """The node that each slice's time counts for: the first of those that ran as one kernel."""
    nodes, slices = _nodes(profile), profile.trace.slices
    first = np.full(len(profile.fusion.groups) + 1, -1, np.int32)  # the last stands for no group
    members = profile.fusion.members
    first[members.group[::-1]] = members.node[::-1]
    return np.where(first[slices.group] >= 0, first[slices.group], nodes).astype(np.int32)


def _operator_names(profile: Profile) -> Int32:
    names = profile.trace.slices.name.copy()
    operators, launched = launching_operator(profile)
    names[launched] = profile.trace.slices.name[operators]
    return names


def _plain_names(profile: Profile, rows: Int64) -> list[str]:
    """What the graph calls the operator, else what the trace calls the outermost one."""
    graph, strings, slices = profile.authored, profile.strings, profile.trace.slices
    nodes = _nodes(profile)[rows].tolist()
    names = np.where(
        slices.kind == SliceKind.OPERATOR, slices.name[_outermost(slices)], _operator_names(profile)
    )[rows].tolist()
    is_range = (slices.kind[rows] == SliceKind.SCOPE).tolist()
    found = []
    for node, name, ranged in zip(nodes, names, is_range, strict=True):
        if node >= 0:
            found.append(strings[int(graph.nodes.operator[node])])
        else:
            found.append(RANGES if ranged else without_instance(strings[name]))
    return found


def _outermost(slices: Slices) -> Int64:
    """The outermost operator around each slice, or the slice itself."""
    found = np.arange(len(slices))
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        above = found[slices.parent[rows]]
        inside = slices.kind[above] == SliceKind.OPERATOR
        found[rows[inside]] = above[inside]
    return found


def without_instance(name: str) -> str:
    """``Conv2D`` for TensorFlow's ``block/conv/Conv2D:Conv2D``."""
    before, _, kind = name.rpartition(":")
    return kind if "/" in before or (before and "::" not in name) else name


def _enclosing_scope(profile: Profile) -> Int32:
    """The scope of the innermost range around each slice, itself included; -1 for none."""
    slices = profile.trace.slices
    found = scope_of_range(profile).copy()
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (found < 0) & (slices.parent >= 0))
        found[rows] = found[slices.parent[rows]]
    return found
