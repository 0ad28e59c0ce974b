"""What Grappler and oneDNN made of the authored nodes: fused groups, and what does not run at all."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profilers.captures.tf.grappler_changes import (
    FOLDED,
    MERGED,
    PASSED_THROUGH,
    REMOVED,
    changes_of,
)
from profilers.captures.tf.names import NodeNames
from profilers.profile import (
    Diagnostic,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    NodeKind,
    Origins,
    Severity,
    StringPool,
)

_BASE = re.compile(r"_(?:Mkl|OneDnn)?(?:Native)?(?:Fused)?(?P<base>\w+)")  # of _FusedConv2D: Conv2D


@dataclass(frozen=True)
class GrapplerResult:
    """`group_of` maps the running name of a fused node to (group, its heaviest authored node)."""

    fusion: Fusion
    origins: Origins
    group_of: dict[str, tuple[int, int]]
    diagnostics: tuple[Diagnostic, ...]


def link_optimised(
    authored: Graph,
    optimised: Graph,
    stage: int,
    names: NodeNames,
    strings: Sequence[str],
    pool: StringPool,
) -> GrapplerResult:
    """Tie each node of the optimised graph to the authored nodes that it was made from.

    Parameters
    ----------
    stage : int
        Row of `optimised` among the profile's graphs.
    strings : sequence of str
        `pool` as a table.
    """
    running = [strings[name] for name in optimised.nodes.name]
    kinds = [strings[operator] for operator in optimised.nodes.operator]
    absorbed = _Absorbed(authored, {names.exact(name) for name in running}, strings)
    origins: dict[tuple[int, int], None] = {}
    groups: list[tuple[int, ...]] = []
    members: list[tuple[int, int]] = []
    group_of: dict[str, tuple[int, int]] = {}
    for row, (name, kind) in enumerate(zip(running, kinds, strict=True)):
        node = names.find(name)
        if node < 0:
            continue
        origins[row, node] = None
        base = _BASE.fullmatch(kind)
        if base is None or kind in ("_Arg", "_Retval"):
            continue
        made_of = absorbed.into(node, base["base"])
        origins.update(dict.fromkeys((row, member) for member in made_of))
        if len(made_of) > 1:
            group_of[name] = (len(groups), _heaviest(authored, made_of))
            members += [(len(groups), member) for member in made_of]
            groups.append(
                (pool.add(name), pool.add(kind), pool.add(_compiler(kind)), -1, stage, row)
            )
    rows = Origins.from_rows(origins)
    breaks = changes_of(authored, optimised, rows, absorbed.dependent, strings, pool)
    fusion = Fusion(FusionGroups.from_rows(groups), FusionMembers.from_rows(members), breaks)
    return GrapplerResult(fusion, rows, group_of, _told(breaks, pool.table()))


class _Absorbed:
    """Finds authored nodes that left no node of their own and so run within a later one.

    What depends on neither inputs nor variables was computed while optimising, so it is no member.
    """

    def __init__(self, authored: Graph, surviving: set[int], strings: Sequence[str]) -> None:
        self._surviving = surviving
        self._is_operator = authored.nodes.kind == NodeKind.OPERATOR
        self.operators = [strings[operator] for operator in authored.nodes.operator]
        self._sources: dict[int, list[int]] = {}
        targets: dict[int, list[int]] = {}
        edges = authored.edges
        for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
            self._sources.setdefault(target, []).append(source)
            targets.setdefault(source, []).append(target)
        inputs = np.flatnonzero(authored.nodes.kind == NodeKind.INPUT).tolist()
        reads = [row for row, kind in enumerate(self.operators) if kind == "ReadVariableOp"]
        self.dependent = _reachable(inputs + reads, targets)

    def into(self, node: int, base: str) -> list[int]:
        """The node and those that it took in, in the order of the graph.

        Parameters
        ----------
        base : str
            Operator at which the fused one begins ("Conv2D" of "_FusedConv2D").
        """
        found, open_nodes = {node}, [node]
        while open_nodes:
            reached = open_nodes.pop()
            if self.operators[reached] == base:
                continue
            for source in self._sources.get(reached, ()):
                if source not in found and self._is_absorbed(source):
                    found.add(source)
                    open_nodes.append(source)
        return sorted(each for each in found if self.operators[each] not in PASSED_THROUGH)

    def _is_absorbed(self, node: int) -> bool:
        return bool(
            node not in self._surviving and self._is_operator[node] and node in self.dependent
        )


def _reachable(starts: list[int], targets: dict[int, list[int]]) -> set[int]:
    found, open_nodes = set(starts), list(starts)
    while open_nodes:
        for target in targets.get(open_nodes.pop(), ()):
            if target not in found:
                found.add(target)
                open_nodes.append(target)
    return found


def _heaviest(authored: Graph, nodes: list[int]) -> int:
    """The node that stands for the group: the one with most FLOPs."""
    return nodes[int(np.argmax(authored.nodes.flops[nodes]))]


def _compiler(kind: str) -> str:
    return "oneDNN" if kind.startswith(("_Mkl", "_OneDnn")) else "Grappler"


def _told(breaks: FusionBreaks, strings: Sequence[str]) -> tuple[Diagnostic, ...]:
    """How many operators do not run, and why."""
    counts = Counter(strings[kind] for kind in breaks.kind.tolist())
    says = (
        (counts[FOLDED], "computed ahead of time, as constants"),
        (counts[REMOVED] + counts[MERGED], "removed or merged into others"),
    )
    return tuple(
        Diagnostic(Severity.INFO, f"Operators that Grappler {what}: {count}.")
        for count, what in says
        if count
    )
