"""Ties the kernels of a compiled backward to the authored nodes that they differentiate."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.pytorch.compiled import authored_of_traced
from profilers.captures.pytorch.compiled_links import traced_name
from profilers.captures.pytorch.files import COMPILATION_FILE
from profilers.captures.pytorch.links import inherited, operator_name
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.torch_inductor_code import read_inductor_code
from profilers.profile import Graph, SliceKind, Slices, StringTable
from profilers.profile.table import Int32

Json = dict[str, Any]

COMPILED_BACKWARD = "CompiledFunctionBackward"
_CALL = "## Call CompiledFxGraph"
_SOURCES = re.compile(
    r"# Topologically Sorted Source Nodes: \[(?P<names>[^\]]*)\].*\n"
    r"\s*# \[Provenance debug handles\] (?P<handle>\S+)"
)
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm"})
_PRODUCT_NODES = frozenset({"linear", "matmul", "mm", "addmm", "bmm", "einsum", "baddbmm"})

# What a derivative is called, where it is not called like its operator; "" tells nothing.
_HINTS = {
    "conv1d": "convolution", "conv2d": "convolution", "conv3d": "convolution", "relu": "threshold",
    "add": "", "view": "", "reshape": "", "permute": "", "transpose": "", "unbind": "stack",
    "placeholder": "", "input": "", "output": "", "getitem": "", "flatten": "",
    "scaled_dot_product_attention": "scaled_dot_product",
}  # fmt: skip


@dataclass(frozen=True)
class Backward:
    """The kernels of one backward graph: how a trace names them, and the node of each."""

    names: tuple[str, ...]
    nodes: tuple[int, ...]


def linked_backward(
    folder: Path, authored: Graph, slices: Slices, strings: StringTable, nodes: Int32
) -> Int32:
    """Nodes of slices, with those of the backward's kernels.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the record of the compilation is missing or damaged.
    """
    records: list[Json] = json.loads((folder / COMPILATION_FILE).read_text())["graphs"]
    made_of = authored_of_traced(records, authored, strings)
    backwards = [
        _backward(record["backward_code"], names, authored, strings)
        for record, names in zip(records, made_of, strict=True)
        if record.get("backward_code")
    ]
    linked = nodes.copy()
    for rows in _calls(slices, strings):
        executed = [(operator_name(strings[int(slices.name[row])]), "") for row in rows]
        found = [_nodes(executed, each) for each in backwards]
        if found:
            linked[rows] = max(found, key=lambda each: sum(node >= 0 for node in each))
    return inherited(slices, linked)


def _backward(
    text: str, made_of: Mapping[str, Sequence[int]], authored: Graph, strings: StringTable
) -> Backward:
    """Backward goes through the model in reverse, so each kernel's node lies where the last one's does,
    or before it.
    """
    code = read_inductor_code(text)
    sources = {match["handle"]: match["names"].split(", ") for match in _SOURCES.finditer(text)}
    operators = [
        operator_name(strings[row]).rpartition("::")[2] for row in authored.nodes.operator.tolist()
    ]
    nodes, last = [], len(operators) - 1
    for call in code.calls:
        members = {node for name in sources.get(call.handle, ()) for node in made_of.get(name, ())}
        found = _told(call.name, members, operators, last)
        if found < 0:
            found = _hinted(call.name, operators, last, is_generated=call.is_generated)
        nodes.append(found if found >= 0 else last)
        last = min(last, nodes[-1])
    return Backward(tuple(traced_name(call, code.number) for call in code.calls), tuple(nodes))


def _told(kernel: str, members: set[int], operators: Sequence[str], last: int) -> int:
    """The first of the nodes whose derivatives a matrix product is made of; -1 for other kernels.

    What tells no node is the gradient of a weight, which may be left for later.
    """
    if operator_name(kernel).rpartition("::")[2] not in _PRODUCTS:
        return -1
    products = [node for node, operator in enumerate(operators) if operator in _PRODUCT_NODES]
    told = [node for node in products if node in members]
    later = [node for node in products if node >= last]
    return next(iter(told or later or products), -1)


def _hinted(kernel: str, operators: Sequence[str], last: int, *, is_generated: bool) -> int:
    """The nearest node, from the last one on backwards, whose operator a kernel's name tells."""
    told = kernel.lower()
    for node in range(last, -1, -1):
        hint = _HINTS.get(operators[node], operators[node])
        is_called = hint == "convolution"  # as it is; a generated kernel only reads what it made
        if hint and hint in told and not (is_generated and is_called):
            return node
    return -1


def _calls(slices: Slices, strings: StringTable) -> list[list[int]]:
    """For each run of a backward graph its outermost operators in order."""
    is_call = np.array([text.startswith(_CALL) for text in strings], np.bool_)
    is_backward = np.array([text.endswith(COMPILED_BACKWARD) for text in strings], np.bool_)
    inside = is_backward[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    calls = np.flatnonzero(is_call[slices.name] & inside & (slices.step >= 0))
    operators = slices.kind == SliceKind.OPERATOR
    return [np.flatnonzero((slices.parent == call) & operators).tolist() for call in calls.tolist()]


def _nodes(executed: Sequence[tuple[str, str]], backward: Backward) -> list[int]:
    last = len(backward.names) - 1
    program = [
        Place(name, "", (at + 1 if at < last else END,)) for at, name in enumerate(backward.names)
    ]
    places = align(executed, program, 0 if program else END)
    nodes, following = [-1] * len(places), -1
    for at in range(len(places) - 1, -1, -1):  # what prepares a kernel belongs to it
        following = backward.nodes[places[at]] if places[at] >= 0 else following
        nodes[at] = following
    return nodes
