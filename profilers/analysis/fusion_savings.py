"""What fusing saved: a kernel's time against the time of its members where they ran one by one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.backward import backward_groups, in_backward, trains
from profilers.analysis.fusion_times import backward_node_times, group_times, node_times
from profilers.analysis.pairing.matching import NodePairs
from profilers.profile import Profile
from profilers.profile.table import Float64, Int32

_LEAST_NS = 1e-3  # so that kernels that took no time share equally


@dataclass(frozen=True, eq=False)
class FusionSavings:
    """Times per step; one value per fusion group, -1 where nobody knows.

    Attributes
    ----------
    kernel_ns : float64 array
        Of the fused kernel.
    apart_ns : float64 array
        Of its members in the other profile. A node that a library's kernel runs counts there alone;
        what is in several generated kernels is shared among them by their times. So sums over
        groups count nothing twice, and a kernel that only prepares a library's, such as a copy into
        another layout, has 0. Unknown where the other profile fused a member too, since it has no
        time of its own there.
    matched : float64 array
        Share of the group's members that have a twin in the other profile, 0 to 1.
    is_backward : bool array
        Whether the kernel belongs to a compiled backward. Then, and in a forward beside one, only what
        its members took in that part of the other profile's step counts.
    member_ns : float64 array
        One per node of the authored graph: its time in the other profile, -1 without a twin. Beside an
        inference that of the forward alone.
    """

    kernel_ns: Float64
    apart_ns: Float64
    matched: Float64
    member_ns: Float64
    is_backward: NDArray[np.bool_]

    @property
    def saved_ns(self) -> Float64:
        """What was saved, negative where the kernel takes longer; NaN where nobody knows."""
        known = (self.kernel_ns >= 0) & (self.apart_ns >= 0)
        saved: Float64 = np.where(known, self.apart_ns - self.kernel_ns, np.nan)
        return saved

    @property
    def is_known(self) -> bool:
        """Whether anything is known of any group."""
        return not bool(np.isnan(self.saved_ns).all())


def fusion_savings(fused: Profile, apart: Profile, pairs: NodePairs) -> FusionSavings:
    """Compare fused kernels with another profile of the same model.

    Parameters
    ----------
    fused : Profile
        With fusion groups.
    apart : Profile
        In which the same nodes ran one by one, as in eager mode.
    pairs : NodePairs
        Nodes of the authored graphs of `fused`, a, and `apart`, b.
    """
    members, kernel_ns = fused.fusion.members, group_times(fused)
    is_backward = backward_groups(fused)
    is_fused_there = _in_larger_groups(apart)[pairs.b]
    own, nodes = pairs.take(~is_fused_there), len(fused.authored.nodes)
    member_ns = _twin_times(node_times(apart), own, nodes)
    without_time = np.zeros(nodes, bool)
    without_time[pairs.a[is_fused_there]] = True
    backward_ns = _twin_times(backward_node_times(apart), own, nodes)
    if not trains(fused):
        member_ns = np.where(member_ns >= 0, member_ns - backward_ns, -1.0)
    forward_ns = member_ns - backward_ns if is_backward.any() else member_ns
    in_part = np.where(
        is_backward[members.group], backward_ns[members.node], forward_ns[members.node]
    )
    known = member_ns[members.node] >= 0
    share = _shares(fused, kernel_ns, is_backward)
    count = len(kernel_ns)
    held = np.bincount(members.group[known], minlength=count)
    sums = np.bincount(members.group[known], (share * in_part)[known], minlength=count)
    size = np.bincount(members.group, minlength=count)
    unclear = np.bincount(members.group, without_time[members.node], minlength=count) > 0
    unclear |= is_backward & ~in_backward(apart).any()
    return FusionSavings(
        kernel_ns,
        np.where((held > 0) & ~unclear, sums, -1.0),
        held / np.maximum(size, 1),
        member_ns,
        is_backward,
    )


def _in_larger_groups(profile: Profile) -> NDArray[np.bool_]:
    """For each authored node whether it was fused with others."""
    members = profile.fusion.members
    size = np.bincount(members.group, minlength=len(profile.fusion.groups))
    found = np.zeros(len(profile.authored.nodes), bool)
    found[members.node[size[members.group] > 1]] = True
    return found


def _twin_times(times_ns: Float64, pairs: NodePairs, count: int) -> Float64:
    """Time of each node's twins; a twin of several nodes is shared equally among them."""
    partners = np.bincount(pairs.b, minlength=len(times_ns))
    found: Float64 = np.full(count, -1.0)
    found[pairs.a] = 0.0
    np.add.at(found, pairs.a, times_ns[pairs.b] / partners[pairs.b])
    return found


def _shares(profile: Profile, kernel_ns: Float64, is_backward: NDArray[np.bool_]) -> Float64:
    """For each row of the members' table the part of its node's time that belongs to its group.

    The time of a node in the forward is shared among kernels of the forward, and so in the backward.
    """
    members, count = profile.fusion.members, len(profile.authored.nodes)
    node = members.node + np.where(is_backward[members.group], count, 0)
    is_library = _is_library(profile.fusion.groups.source)[members.group]
    in_library = np.zeros(2 * count, bool)
    in_library[node[is_library]] = True
    weight = np.where(
        is_library | ~in_library[node], np.maximum(kernel_ns[members.group], _LEAST_NS), 0.0
    )
    whole = np.bincount(node, weight, minlength=2 * count)
    shares: Float64 = weight / np.where(whole > 0, whole, 1.0)[node]
    return shares


def _is_library(source: Int32) -> NDArray[np.bool_]:
    """Kernels without generated source, where others have it: a library's, called as they are."""
    has_source = source >= 0
    return ~has_source & has_source.any()
