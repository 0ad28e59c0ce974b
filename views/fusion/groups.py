"""Fused groups with their members, places and times, as the view lists them. No Qt."""

from collections.abc import Sequence
from dataclasses import dataclass

from profilers.analysis.fusion_times import group_times, work_time
from profilers.profile import Profile


@dataclass(frozen=True)
class Member:
    """`scope` is the path of the module around it, "" at the top."""

    node: int
    operator: str
    name: str
    scope: str


@dataclass(frozen=True)
class Group:
    """One fused kernel.

    Parameters
    ----------
    row : int
        In the profile's table.
    scope : str
        Path of the innermost module around all members.
    step_ns : float
        Its time per step, -1 if it was not seen running.
    share : float
        Of the time of all operators or device work, 0 to 1.
    part : str
        Of the compiled step where it has several, such as "backward".
    """

    row: int
    name: str
    kind: str
    compiler: str
    scope: str
    step_ns: float
    share: float
    members: tuple[Member, ...]
    part: str = ""

    @property
    def heading(self) -> str:
        return f"{self.kind}  ·  {self.part}" if self.part else self.kind

    @property
    def text(self) -> str:
        """What a filter looks in, in lower case."""
        members = (f"{each.operator} {each.name} {each.scope}" for each in self.members)
        return " ".join((self.name, self.kind, self.part, self.scope, *members)).lower()


def fused_groups(profile: Profile) -> list[Group]:
    """All groups in the order of the profile's table."""
    groups, strings = profile.fusion.groups, profile.strings
    if not len(groups):  # nor need the times of a large trace be summed
        return []
    times, whole = group_times(profile).tolist(), max(work_time(profile), 1.0)
    members = _members(profile)
    return [
        Group(
            row,
            strings[int(groups.name[row])],
            strings[int(groups.kind[row])],
            strings[int(groups.compiler[row])],
            _common([member.scope for member in members[row]]),
            times[row],
            max(times[row], 0.0) / whole,
            tuple(members[row]),
            _part(profile, int(groups.stage[row])),
        )
        for row in range(len(groups))
    ]


def _part(profile: Profile, stage: int) -> str:
    """What the name of a later stage adds to that of the first one that was compiled."""
    if stage < 2:
        return ""
    return profile.graphs[stage].stage.removeprefix(profile.graphs[1].stage).strip()


def _members(profile: Profile) -> list[list[Member]]:
    table, strings, nodes = profile.fusion.members, profile.strings, profile.authored.nodes
    paths = _scope_paths(profile)
    found: list[list[Member]] = [[] for _ in range(len(profile.fusion.groups))]
    for group, node in zip(table.group.tolist(), table.node.tolist(), strict=True):
        scope = int(nodes.scope[node])
        found[group].append(
            Member(
                node,
                strings[int(nodes.operator[node])],
                strings[int(nodes.name[node])],
                paths[scope] if scope >= 0 else "",
            )
        )
    return found


def _scope_paths(profile: Profile) -> list[str]:
    scopes, paths = profile.authored.scopes, list[str]()
    for name, parent in zip(scopes.name.tolist(), scopes.parent.tolist(), strict=True):
        own = profile.strings[name]
        paths.append(f"{paths[parent]}.{own}" if parent >= 0 else own)
    return paths


def _common(paths: Sequence[str]) -> str:
    """The path that all begin with, part by part."""
    parts = [path.split(".") for path in dict.fromkeys(paths)]
    if not parts:
        return ""
    shortest = min(map(len, parts))
    at = next((at for at in range(shortest) if len({each[at] for each in parts}) > 1), shortest)
    return ".".join(parts[0][:at])
