"""Kernels of a replayed CUDA graph: one launch on the host stands for all of them.

A replay runs what was captured once, in the same order, so its kernels are the compiled graph's calls
in order. Triton's kernels bear the names of their calls; the library kernels between two of them are
those of the operators called between them.
"""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.graphs.torch_inductor_code import KernelCall
from profilers.graphs.torch_inductor_graph import CompiledGraph
from profilers.profile import Graph, NodeKind, SliceKind, Slices, StringTable
from profilers.profile.table import Int32

_LAUNCH = "cudaGraphLaunch"
_SECOND_HALF = ("splitKreduce", "reduce_1Block", "splitk_reduce")  # of the product before them


def replayed_groups(graphs: Sequence[CompiledGraph], slices: Slices, strings: StringTable) -> Int32:
    """The kernel call of each slice that a replay ran, numbered through all graphs; else -1."""
    groups: Int32 = np.full(len(slices), -1, np.int32)
    firsts = np.cumsum([0, *(len(graph.code.calls) for graph in graphs)]).tolist()
    known: dict[tuple[str, ...], list[int]] = {}
    for rows in _replays(slices, strings):
        names = tuple(strings[int(slices.name[row])] for row in rows)
        if names not in known:
            known[names] = _calls_of(names, graphs, firsts)
        groups[rows] = known[names]
    return groups


def with_copied_inputs(
    nodes: Int32, authored: Graph, slices: Slices, strings: StringTable
) -> Int32:
    """Before a replay the inputs are copied to where the graph reads them: the first stands for all."""
    inputs = np.flatnonzero((authored.nodes.kind == NodeKind.INPUT) & (authored.nodes.subgraph < 0))
    launches = slices.name == strings.find(_LAUNCH)
    around = slices.parent[launches & (slices.parent >= 0)]
    is_copy = (slices.kind == SliceKind.OPERATOR) & np.isin(slices.parent, around) & (nodes < 0)
    if not len(inputs) or not is_copy.any():
        return nodes
    return inherited(slices, np.where(is_copy, inputs[0], nodes).astype(np.int32))


def _replays(slices: Slices, strings: StringTable) -> list[list[int]]:
    """Kernels of each replay in their order."""
    launch = strings.find(_LAUNCH)
    if launch < 0:
        return []
    launched = np.unique(slices.correlation[slices.name == launch])
    launched = launched[launched >= 0]
    is_kernel = (slices.kind == SliceKind.KERNEL) & np.isin(slices.correlation, launched)
    kernels = np.flatnonzero(is_kernel)
    order = np.lexsort((slices.start_ns[kernels], slices.correlation[kernels]))
    rows = kernels[order].tolist()
    return [list(replay) for _, replay in groupby(rows, key=lambda row: slices.correlation[row])]


def _calls_of(
    names: Sequence[str], graphs: Sequence[CompiledGraph], firsts: Sequence[int]
) -> list[int]:
    """Calls of the graph that most of the generated kernels are from."""
    best = max(
        range(len(graphs)),
        key=lambda number: len({call.name for call in graphs[number].code.calls} & set(names)),
        default=-1,
    )
    if best < 0:
        return [-1] * len(names)
    found = align_replay(names, graphs[best].code.calls)
    return [firsts[best] + call if call >= 0 else -1 for call in found]


def align_replay(names: Sequence[str], calls: Sequence[KernelCall]) -> list[int]:
    """The call of each kernel, by name where it was generated, else by its place between those."""
    found = [-1] * len(names)
    at = 0
    for number, name in enumerate(names):
        place = next((i for i in range(at, len(calls)) if calls[i].name == name), -1)
        if place >= 0:
            found[number], at = place, place + 1
    begin, reached = 0, 0
    for end in [*(i for i, call in enumerate(found) if call >= 0), len(names)]:
        limit = found[end] if end < len(names) else len(calls)
        between = [i for i in range(reached, limit) if not calls[i].is_generated]
        for number, place in zip(
            range(begin, end), _spread(names[begin:end], between), strict=True
        ):
            found[number] = place
        begin, reached = end + 1, limit + 1
    return found


def _spread(names: Sequence[str], calls: Sequence[int]) -> list[int]:
    """Calls in order, one kernel each; what is left over belongs to the call before it."""
    spare = len(names) - len(calls)
    found: list[int] = []
    at = -1
    for name in names:
        joins = spare > 0 and at >= 0 and any(sign in name for sign in _SECOND_HALF)
        if joins or at + 1 >= len(calls):
            spare -= 1
        else:
            at += 1
        found.append(calls[at] if at >= 0 else -1)
    return found
