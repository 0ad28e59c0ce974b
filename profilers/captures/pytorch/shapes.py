"""Sizes of a TorchScript graph's values, from the recorded inputs of the operators that read them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from profilers.profile import JsonColumn, decode
from profilers.profile.table import Int32

Json = dict[str, Any]

_NO_TENSOR = frozenset({"", "Scalar", "ScalarList"})


def recorded_shapes(
    document: Json, rows: Sequence[int], nodes: Int32, arguments: JsonColumn
) -> dict[str, list[int]]:
    """Sizes by value name.

    Parameters
    ----------
    document : dict
        JSON of `profilers.runtimes.pytorch.script_graph`.
    rows : sequence of int
        Outermost operator slices.
    nodes : int32 array
        Node of each slice, numbered as `read_script_graph` numbers them.
    arguments : JsonColumn
        Of the slices, with "Input Dims".
    """
    first = _first_slices(rows, nodes)
    shapes: dict[str, list[int]] = {}
    for number, node in numbered_nodes(document):
        if number in first:
            _take(node, decode(arguments, first[number]), shapes)
    return shapes


def _first_slices(rows: Sequence[int], nodes: Int32) -> dict[int, int]:
    """A slice of each node: sizes of later rounds of a loop are not told apart."""
    first: dict[int, int] = {}
    for row in rows:
        if nodes[row] >= 0:
            first.setdefault(int(nodes[row]), row)
    return first


def numbered_nodes(document: Json) -> list[tuple[int, Json]]:
    """Nodes with their rows: inputs, nodes with their bodies, and the output of each block."""
    found: list[tuple[int, Json]] = []

    def walk(block: Json, number: int) -> int:
        number += len(block["inputs"])
        for node in block["nodes"]:
            found.append((number, node))
            number += 1
            for body in node["blocks"]:
                number = walk(body, number)
        return number + 1

    walk(document, 0)
    return found


def _take(node: Json, recorded: Json, shapes: dict[str, list[int]]) -> None:
    """The interpreter records its whole stack: the operator's own inputs are the last ones."""
    dims, kinds = recorded.get("Input Dims", []), recorded.get("Input type", [])
    begin = len(dims) - int(node["arity"])
    if begin < 0 or len(kinds) != len(dims):
        return
    by_position = defaultdict(list)
    for position, name in node["arguments"]:
        by_position[begin + position].append(name)
    for position, names in by_position.items():
        size, kind = dims[position], kinds[position]
        if kind in _NO_TENSOR:
            continue
        if len(names) == 1 and _is_shape(size):
            shapes.setdefault(names[0], size)
        elif len(names) > 1 and len(size) == len(names):
            for name, each in zip(names, size, strict=True):
                if _is_shape(each):
                    shapes.setdefault(name, each)


def _is_shape(size: Any) -> bool:
    return isinstance(size, list) and all(isinstance(each, int) for each in size)
