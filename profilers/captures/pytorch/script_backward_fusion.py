"""Kernels of NNC in the backward that TorchScript derives by itself, as fusion groups of their own.

PyTorch tells what it executes of a forward alone. A kernel of a backward runs between operators that
are tied to the forward, so that what it differentiates lies between these.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from profilers.captures.pytorch.links import DIFFERENTIABLE_FORWARD
from profilers.captures.pytorch.script_backward import (
    BACKWARD,
    has_own_derivative,
    operators_within,
)
from profilers.captures.pytorch.script_fusion import COMPILER, NNC, NNC_KERNEL, STAGE
from profilers.graphs.builder import GraphBuilder
from profilers.profile import (
    Fusion,
    FusionGroups,
    FusionMembers,
    Graph,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32

BACKWARD_STAGE = f"{STAGE} backward"


@dataclass(frozen=True)
class BackwardKernels:
    """`nodes` and `groups` have a row per slice; `stages` has none where there are no kernels."""

    stages: tuple[Graph, ...]
    fusion: Fusion
    nodes: Int32
    groups: Int32


@dataclass(frozen=True)
class _Run:
    row: int  # of slices
    name: str
    members: tuple[int, ...]


def with_backward_kernels(
    found: BackwardKernels, authored: Graph, slices: Slices, pool: StringPool
) -> BackwardKernels:
    """With a group for each kernel of a step's backward, in a stage after those that are found."""
    strings = pool.table()
    builder = GraphBuilder(pool, BACKWARD_STAGE)
    nodes, groups, stage = found.nodes.copy(), found.groups.copy(), 1 + len(found.stages)
    numbers: dict[tuple[str, int], int] = {}
    rows: list[tuple[int, ...]] = []
    members: dict[tuple[int, int], None] = {}
    first = len(found.fusion.groups)
    for run, count in _counted(_runs(found, authored, slices, strings)):
        number = numbers.setdefault((run.name, count), first + len(numbers))
        if number == first + len(rows):
            row = builder.node(f"{run.name}_{count}", run.name)
            rows.append((pool.add(run.name), pool.add(NNC), pool.add(COMPILER), -1, stage, row))
        for node in run.members:
            members[number, node] = None
            builder.origin(number - first, node)
        groups[run.row] = number
        if run.members and nodes[run.row] not in run.members:
            nodes[run.row] = run.members[-1]
    if not rows:
        return found
    fusion = replace(
        found.fusion,
        groups=FusionGroups.joined([found.fusion.groups, FusionGroups.from_rows(rows)]),
        members=FusionMembers.joined([found.fusion.members, FusionMembers.from_rows(members)]),
    )
    return BackwardKernels((*found.stages, builder.build()), fusion, nodes, groups)


def _counted(runs: Iterator[tuple[int, _Run]]) -> Iterator[tuple[_Run, int]]:
    """Each run with how many of its kernel's ran before it in the step."""
    counts: Counter[tuple[int, str]] = Counter()
    for step, run in runs:
        yield run, counts[step, run.name]
        counts[step, run.name] += 1


def _runs(
    found: BackwardKernels, authored: Graph, slices: Slices, strings: StringTable
) -> Iterator[tuple[int, _Run]]:
    """Step and run of each kernel of a backward, in order of time."""
    forward = operators_within(DIFFERENTIABLE_FORWARD, slices, strings)
    backward = operators_within(BACKWARD, slices, strings)
    operators = [strings[row] for row in authored.nodes.operator.tolist()]
    for step in np.unique(slices.step[backward]).tolist():
        order = list(_executed(forward[slices.step[forward] == step], found))
        place_of = {node: at for at, node in enumerate(order)}  # where it ran last
        rows = backward[slices.step[backward] == step].tolist()
        names = [strings[int(slices.name[row])] for row in rows]
        others = [
            -1 if name.startswith(NNC_KERNEL) else place_of.get(int(found.nodes[row]), -1)
            for row, name in zip(rows, names, strict=True)
        ]
        for at, (row, name) in enumerate(zip(rows, names, strict=True)):
            if name.startswith(NNC_KERNEL):
                end = next((place for place in others[at::-1] if place >= 0), len(order))
                begin = next((place for place in others[at:] if place >= 0), -1)
                between = dict.fromkeys(order[begin + 1 : end])
                fused = [node for node in between if not has_own_derivative(operators[node])]
                own = [int(found.nodes[row])] if found.nodes[row] >= 0 else []
                yield step, _Run(row, name, tuple(fused or own))


def _executed(rows: Int32, found: BackwardKernels) -> Iterator[int]:
    """Nodes of a forward in their order, those of a kernel one after the other."""
    members = found.fusion.members
    for row in rows.tolist():
        group = found.groups[row]
        if group >= 0:
            yield from members.node[members.group == group].tolist()
        elif found.nodes[row] >= 0:
            yield int(found.nodes[row])
