"""Fused groups with their members and times, as the view lists them. No Qt."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import Profile


@dataclass(frozen=True)
class Member:
    node: int
    operator: str
    name: str


@dataclass(frozen=True)
class Group:
    """One fused kernel; `step_ns` is its time per step, -1 if it was not seen running."""

    row: int
    name: str
    kind: str
    compiler: str
    step_ns: float
    members: tuple[Member, ...]


def fused_groups(profile: Profile) -> list[Group]:
    """All groups in the order of the profile's table."""
    groups, strings = profile.fusion.groups, profile.strings
    times = _times(profile)
    members = _members(profile)
    return [
        Group(
            row,
            strings[int(groups.name[row])],
            strings[int(groups.kind[row])],
            strings[int(groups.compiler[row])],
            float(times[row]),
            tuple(members.get(row, ())),
        )
        for row in range(len(groups))
    ]


def _times(profile: Profile) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    slices = profile.trace.slices
    rows = np.flatnonzero((slices.group >= 0) & ((slices.step >= 0) | (not len(profile.steps))))
    count = len(profile.fusion.groups)
    total = np.bincount(slices.group[rows], slices.duration_ns[rows], count)[:count]
    seen = np.bincount(slices.group[rows], minlength=count)[:count] > 0
    return np.where(seen, total / max(len(profile.steps), 1), -1.0)


def _members(profile: Profile) -> dict[int, list[Member]]:
    table, strings, nodes = profile.fusion.members, profile.strings, profile.authored.nodes
    found: dict[int, list[Member]] = {}
    for group, node in zip(table.group.tolist(), table.node.tolist(), strict=True):
        operator = strings[int(nodes.operator[node])]
        found.setdefault(group, []).append(Member(node, operator, strings[int(nodes.name[node])]))
    return found
