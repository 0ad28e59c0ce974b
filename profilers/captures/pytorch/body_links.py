"""Ties what eager mode runs in branches and loops to the nodes of their bodies."""

import numpy as np
from numpy.typing import NDArray

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.control_program import program_of_bodies, program_with_bodies
from profilers.captures.pytorch.files import BRANCH_MARK, COMPILED_REGION
from profilers.captures.pytorch.links import linked_by_order, operator_name, outermost_operators
from profilers.captures.sequence_alignment import align
from profilers.profile import Graph, SliceKind, Slices, StringTable
from profilers.profile.table import Int32


def linked_with_bodies(slices: Slices, strings: StringTable, graph: Graph) -> Int32:
    """Nodes of slices by the order of execution, where the graph holds branches, loops and the like.

    Eager mode runs each call of such an operator in a region of its own. That is one place of the main
    graph; what it holds is told by the operator's bodies. What no body names, such as reading the
    predicate or writing a result of a round, belongs to the operator itself.
    """
    is_region = np.array([text.startswith(COMPILED_REGION) for text in strings], np.bool_)
    regions = is_region[slices.name] if len(strings) else np.zeros(len(slices), np.bool_)
    called = slices.replace(kind=np.where(regions, SliceKind.OPERATOR, slices.kind))
    plain = StringTable(
        COMPILED_REGION if is_region[row] else text for row, text in enumerate(strings)
    )
    nodes = linked_by_order(called, plain, *program_with_bodies(graph, strings))
    outermost, _ = outermost_operators(called, plain)
    held = np.zeros(len(slices), np.bool_)
    held[outermost] = True
    return _inside(slices, strings, graph, nodes, held & regions & (nodes >= 0))


def _inside(
    slices: Slices, strings: StringTable, graph: Graph, nodes: Int32, regions: NDArray[np.bool_]
) -> Int32:
    """With the nodes of what lies inside of these regions."""
    rows = np.arange(len(slices), dtype=np.int32)
    region_of = inherited(slices, np.where(regions, rows, np.int32(-1)))
    linked = np.where((region_of >= 0) & ~regions, np.int32(-1), nodes)
    branches = {
        row: text.removeprefix(BRANCH_MARK)
        for row, text in enumerate(strings)
        if text.startswith(BRANCH_MARK)
    }
    is_branch = np.isin(slices.name, list(branches))
    branch_of = inherited(slices, np.where(is_branch, slices.name, np.int32(-1)))
    branches[-1] = ""
    outermost, _ = outermost_operators(slices, strings)
    inside: dict[int, list[int]] = {}
    for row in sorted(outermost, key=lambda each: int(slices.start_ns[each])):
        inside.setdefault(int(region_of[row]), []).append(row)
    programs, found = {}, {}
    for region in np.flatnonzero(regions).tolist():
        owner, ran = int(nodes[region]), inside.get(region, [])
        executed = tuple(
            (operator_name(strings[int(slices.name[row])]), branches[int(branch_of[row])])
            for row in ran
        )
        if owner not in programs:
            programs[owner] = program_of_bodies(graph, strings, owner)
        places, nodes_of = programs[owner]
        if (owner, executed) not in found:
            found[owner, executed] = align(executed, places, 0)
        for row, place in zip(ran, found[owner, executed], strict=True):
            if place >= 0:
                linked[row] = nodes_of[place]
    return inherited(slices, linked)
