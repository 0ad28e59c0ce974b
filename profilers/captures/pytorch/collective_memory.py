"""Memory around collectives: parameters that FSDP gathers, and buffers that nobody sees freed."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from profilers.captures.enclosing_slices import inherited
from profilers.profile import Allocations, Graph, MemoryCategory, SliceKind, Slices, StringTable
from profilers.profile.table import Int32, Int64

_CALL = "c10d::"
_RANGES = ("gloo:", "mpi:", "ucc:")  # of the threads that carry collectives out
_UNIT = re.compile(
    r"FSDP::(?P<what>all_gather|all_gather_copy_out|pre_forward|pre_backward|post_backward_reduce)"
    r"(?: \((?P<unit>.*)\))?$"
)
_FLAT, _REDUCTION = "all_gather", "post_backward_reduce"


def ends_of_collectives(slices: Slices, strings: StringTable, blocks: Allocations) -> Int64:
    """When the collective of each block is over; -1 for blocks that belong to none.

    A thread that carries collectives out drops its buffers right after them. A block that was made
    around such calls belongs to the call that it was made in, else to the next one.
    """
    calls, ranges = _paired(slices, strings)
    if not len(calls):
        return np.full(len(blocks), -1, np.int64)
    kind = np.append(slices.kind, -1)[blocks.slice]
    ends = slices.start_ns[ranges] + slices.duration_ns[ranges]
    call_of = np.full(len(slices) + 1, -1, np.int64)
    call_of[:-1] = _enclosing(slices, calls)
    call_of[:-1] = np.maximum(call_of[:-1], _enclosing(slices, ranges))
    following = np.searchsorted(slices.start_ns[calls], blocks.allocated_ns)
    number = np.where(call_of[blocks.slice] >= 0, call_of[blocks.slice], following)
    is_around = (kind == SliceKind.RUNTIME) | (call_of[blocks.slice] >= 0)
    found = np.append(ends, -1)[np.minimum(number, len(ends))]
    return np.where(is_around & (found > blocks.allocated_ns), found, -1)


def with_units(
    blocks: Allocations,
    slices: Slices,
    strings: StringTable,
    graph: Graph,
    units: Mapping[str, Sequence[str]],
) -> Allocations:
    """Blocks in which FSDP gathers parameters or reduces gradients, with the node that reads them.

    Parameters
    ----------
    units : mapping
        The names of the parameters that a module gathers, by the module's path.
    """
    told = [_UNIT.match(text) for text in strings]
    is_range = np.array([each is not None for each in told], np.bool_)[slices.name]
    calls, ranges = _paired(slices, strings)
    unit = np.append(_enclosing_rows(slices, np.flatnonzero(is_range)), -1)
    by_thread = _enclosing(slices, ranges)
    rows = np.flatnonzero(by_thread >= 0)
    unit[rows] = unit[calls[by_thread[rows]]]
    category, node = blocks.category.copy(), blocks.node.copy()
    parameter = blocks.parameter.copy()
    readers = {path: _first_reader(graph, strings, names) for path, names in units.items()}
    of_block = unit[blocks.slice]
    for row in np.unique(of_block[of_block >= 0]).tolist():
        match = told[int(slices.name[row])]
        assert match is not None
        path, mine = match["unit"] or "", np.flatnonzero(of_block == row)
        is_reduction, is_flat = match["what"] == _REDUCTION, match["what"] == _FLAT
        category[mine] = (
            MemoryCategory.GRADIENT if is_reduction else MemoryCategory.GATHERED_PARAMETER
        )
        node[mine] = readers.get(path, -1)
        if not is_reduction and not is_flat and len(mine) == len(units.get(path, ())):
            parameter[mine] = _parameter_rows(graph, strings, units[path])
    return blocks.replace(category=category, node=node, parameter=parameter)


def _paired(slices: Slices, strings: StringTable) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Calls of collectives and the ranges in which threads carry them out, both in order of time.

    The threads take the calls in order. Where there are more of one than of the other, the trace
    shows only some of them, and nobody can tell which.
    """
    calls = _named(slices, strings, (_CALL,))
    calls = calls[~np.isin(slices.parent[calls], calls)]
    ranges = _named(slices, strings, _RANGES)
    none = np.empty(0, np.intp)
    return (calls, ranges) if len(calls) == len(ranges) else (none, none)


def _named(slices: Slices, strings: StringTable, begins: tuple[str, ...]) -> NDArray[np.intp]:
    is_named = np.array([text.startswith(begins) for text in strings], np.bool_)
    rows = np.flatnonzero(is_named[slices.name])
    return rows[np.argsort(slices.start_ns[rows], kind="stable")]


def _enclosing(slices: Slices, rows: NDArray[np.intp]) -> Int32:
    """For each slice the number, within `rows`, of the innermost that encloses it; -1 for none."""
    own = np.full(len(slices), -1, np.int32)
    own[rows] = np.arange(len(rows), dtype=np.int32)
    return inherited(slices, own)


def _enclosing_rows(slices: Slices, rows: NDArray[np.intp]) -> Int32:
    return np.append(rows, -1).astype(np.int32)[_enclosing(slices, rows)]


def _parameter_rows(graph: Graph, strings: StringTable, names: Sequence[str]) -> list[int]:
    row_of = {strings[name]: row for row, name in enumerate(graph.parameters.name.tolist())}
    return [row_of.get(name, -1) for name in names]


def _first_reader(graph: Graph, strings: StringTable, names: Sequence[str]) -> int:
    """The first node that reads one of these parameters: what they are gathered for."""
    rows = [row for row in _parameter_rows(graph, strings, names) if row >= 0]
    readers = graph.parameter_uses.node[np.isin(graph.parameter_uses.parameter, rows)]
    return int(readers.min()) if len(readers) else -1
