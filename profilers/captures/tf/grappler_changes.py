"""What Grappler did besides fusing: constants folded, operators removed or merged, layouts changed."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from profilers.profile import FusionBreaks, Graph, NodeKind, Origins, StringPool, decode

FOLDED, REMOVED, MERGED = "constant folded", "removed", "merged"
LAYOUT = "layout changed"
PASSED_THROUGH = frozenset({"Identity", "StopGradient", "Snapshot"})

_ADDED_BY_LAYOUT = "LayoutOptimizer"  # ends the names of the transposes that it puts in
_FORMAT = "data_format"


def changes_of(
    authored: Graph,
    optimised: Graph,
    origins: Origins,
    dependent: set[int],
    strings: Sequence[str],
    pool: StringPool,
) -> FusionBreaks:
    """A row for each authored operator that does not run, and for each layout that is another.

    Parameters
    ----------
    dependent : set of int
        Authored nodes that depend on inputs or variables; others are known ahead of time.
    """
    rows = [
        *_not_run(authored, optimised, origins, dependent, strings),
        *_layouts(authored, optimised, origins, strings),
    ]
    return FusionBreaks.from_rows(
        (pool.add(kind), pool.add(reason), -1, node) for kind, reason, node in sorted(
            rows, key=lambda row: row[2]
        )
    )  # fmt: skip


def _not_run(
    authored: Graph,
    optimised: Graph,
    origins: Origins,
    dependent: set[int],
    strings: Sequence[str],
) -> Iterator[tuple[str, str, int]]:
    becomes_constant = optimised.nodes.kind[origins.node] == NodeKind.CONSTANT
    runs = np.zeros(len(authored.nodes), bool)
    runs[origins.authored[~becomes_constant]] = True
    ahead = np.ones(len(authored.nodes), bool)
    ahead[list(dependent)] = False
    ahead[origins.authored[becomes_constant]] = True
    operators = [strings[operator] for operator in authored.nodes.operator]
    computes = ~np.isin(operators, list(PASSED_THROUGH))
    idle = (authored.nodes.kind == NodeKind.OPERATOR) & computes & ~runs
    twins = _twins(authored, operators, runs)
    needed = _needed(authored, runs)
    rewritten = _rewritten(authored, optimised, origins, strings)
    for row in np.flatnonzero(idle).tolist():
        if ahead[row]:
            yield FOLDED, "It depends on no input and no variable that changes: computed once.", row
        elif row in twins:
            other = strings[int(authored.nodes.name[twins[row]])]
            yield MERGED, f"{other} computes the same, and runs for both.", row
        elif row in rewritten:
            reader, how = rewritten[row]
            yield MERGED, f"{reader}, which was rewritten as {how}, computes it too.", row
        elif row in needed:
            yield REMOVED, "Grappler found another way to its result.", row
        else:
            yield REMOVED, "Nothing that runs needs its result.", row


def _rewritten(
    authored: Graph, optimised: Graph, origins: Origins, strings: Sequence[str]
) -> dict[int, tuple[str, str]]:
    """What an operator reads that runs as others than it was written for: its name, and those."""
    runs_as: dict[int, list[int]] = {}
    for node, own in zip(origins.node.tolist(), origins.authored.tolist(), strict=True):
        runs_as.setdefault(own, []).append(int(optimised.nodes.operator[node]))
    found: dict[int, tuple[str, str]] = {}
    edges = authored.edges
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        operators = runs_as.get(target, [])
        if set(operators) - {int(authored.nodes.operator[target])}:
            how = " and ".join(dict.fromkeys(strings[each] for each in operators))
            found.setdefault(source, (strings[int(authored.nodes.name[target])], how))
    return found


def _needed(authored: Graph, runs: NDArray[np.bool_]) -> set[int]:
    """What something that runs depends on."""
    sources: dict[int, list[int]] = {}
    edges = authored.edges
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        sources.setdefault(target, []).append(source)
    waiting = np.flatnonzero(runs | (authored.nodes.kind == NodeKind.OUTPUT)).tolist()
    found = set(waiting)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def _twins(authored: Graph, operators: Sequence[str], runs: NDArray[np.bool_]) -> dict[int, int]:
    """Operators that do not run, to one that runs with the same inputs and attributes."""
    inputs: dict[int, list[tuple[int, int]]] = {}
    edges = authored.edges
    columns = (edges.target, edges.source, edges.tensor)
    for target, source, tensor in zip(*(c.tolist() for c in columns), strict=True):
        inputs.setdefault(target, []).append((source, tensor))
    first: dict[object, int] = {}
    keys: dict[int, object] = {}
    for row, operator in enumerate(operators):
        if row in inputs:
            attributes = authored.attributes.text(row)
            keys[row] = operator, tuple(inputs[row]), attributes, int(authored.nodes.subgraph[row])
            if runs[row]:
                first.setdefault(keys[row], row)
    return {row: first[key] for row, key in keys.items() if not runs[row] and key in first}


def _layouts(
    authored: Graph, optimised: Graph, origins: Origins, strings: Sequence[str]
) -> Iterator[tuple[str, str, int]]:
    made_of: dict[int, int] = {}
    for node, own in zip(origins.node.tolist(), origins.authored.tolist(), strict=True):
        made_of.setdefault(node, own)
    for row, name in enumerate(optimised.nodes.name.tolist()):
        if strings[name].endswith(_ADDED_BY_LAYOUT):
            yield LAYOUT, f"Grappler put a transpose here: {strings[name]}.", made_of.get(row, -1)
    for node, own in made_of.items():
        before, after = _format(authored, own), _format(optimised, node)
        if before and after and before != after:
            yield LAYOUT, f"It was written for {before} and runs in {after}.", own


def _format(graph: Graph, row: int) -> str:
    """The layout that a node states, "" if it states none."""
    told = _FORMAT.encode() in graph.attributes.text(row)  # few do, and decoding takes long
    return str(decode(graph.attributes, row).get(_FORMAT, "")) if told else ""
