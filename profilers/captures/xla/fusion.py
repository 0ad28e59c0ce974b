"""What XLA made of the authored nodes: its program as a stage, its fusions, its times and blocks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from profilers.captures.scope_trails import common_trail
from profilers.captures.xla.command_buffers import Launched, instructions_of, launched
from profilers.captures.xla.standing import standing_nodes
from profilers.captures.xla.unnamed import between
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.hlo_buffers import buffers_by_instruction, head_of
from profilers.graphs.hlo_graph import add_program, operands_of
from profilers.graphs.hlo_names import LONGEST_NAME
from profilers.graphs.hlo_program import HloProgram, Place, dimensions_of, dtype_of
from profilers.graphs.hlo_text import computation_text
from profilers.graphs.tf_graph_def import Weight
from profilers.profile import (
    Allocations,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    NodeKind,
    SliceKind,
    StringPool,
    Trace,
    decode,
)
from profilers.profile.table import Int32, Int64

STAGE = "hlo"

_CALL = re.compile(r"(?:Stateful)?PartitionedCall(?:_\d+)?/")
_RUNS_ALIKE = frozenset({"fusion", "call", "async-start"})  # in the authored body of their caller
_GIVEN = frozenset({"parameter", "constant"})
_HANDED_ON = frozenset({
    "fusion", "bitcast", "bitcast-convert", "broadcast", "copy", "get-tuple-element", "reshape",
    "transpose", "tuple",
})  # fmt: skip
_ON_DEVICE = (SliceKind.KERNEL, SliceKind.COPY)
_SMALLEST_BLOCK = 256  # bytes of TensorFlow's allocator, which splits what is twice too large


class NodeFinder(Protocol):
    """From the ``op_name`` of an instruction to the node of the authored graph; -1 for none."""

    def find(self, name: str) -> int:
        """The node of a name anywhere."""

    def within(self, subgraph: int, name: str) -> int:
        """The node of a name as it is given in one body."""

    def body(self, node: int, label: str) -> int:
        """Subgraph of a control-flow node by its label."""


@dataclass(frozen=True)
class XlaLinks:
    """`node_of` and `group_of` are by the name of an instruction that runs.

    `launched` has those that the program itself runs, in the order of its schedule.
    """

    fusion: Fusion
    node_of: dict[str, int]
    group_of: dict[str, int]
    blocks: tuple[Int64, Int32]  # sizes, rising, and the node of each
    launched: tuple[Launched, ...]


@dataclass(frozen=True)
class XlaResult(XlaLinks):
    """With the program as a stage of its own."""

    stage: Graph


def link_program(
    program: HloProgram,
    authored: Graph,
    weights: Sequence[Weight],
    stage: int,
    names: NodeFinder,
    pool: StringPool,
) -> XlaResult:
    """Tie each instruction to the authored nodes that it was made from.

    Parameters
    ----------
    weights : sequence of Weight
        In the order in which the function captured them.
    stage : int
        Row of the program among the profile's graphs.
    """
    builder = GraphBuilder(pool, STAGE)
    links = add_linked(builder, program, authored, weights, stage, names, pool)
    return XlaResult(**vars(links), stage=builder.build())


def add_linked(
    builder: GraphBuilder,
    program: HloProgram,
    authored: Graph,
    weights: Sequence[Weight],
    stage: int,
    names: NodeFinder,
    pool: StringPool,
    outer: Sequence[tuple[str, str]] = (),
) -> XlaLinks:
    """Add the program to a stage that may hold others, and tie it as `link_program` does.

    Parameters
    ----------
    outer : sequence of (name, class)
        Scopes of instructions that belong to no authored node.
    """
    strings = pool.table()
    made_of = _made_of(program, authored, names)
    trails = [common_trail(authored, strings, nodes) if nodes else list(outer) for nodes in made_of]
    inputs, weight_names = _given_by(program, authored, weights)
    rows = add_program(builder, program, trails, weight_names)
    for place, row, nodes in zip(program.places, rows, made_of, strict=True):
        for node in nodes:
            builder.origin(row, node)
        given = place.owner < 0 and place.instruction.opcode == "parameter"
        if given and place.instruction.parameter_number in inputs:
            builder.origin(row, inputs[place.instruction.parameter_number])
    fusion, group_of = _groups(program, rows, made_of, stage, pool)
    near = standing_nodes(program, authored, made_of, strings)
    return XlaLinks(
        fusion,
        _by_name(program, near),
        group_of,
        _blocks(program, near),
        launched(program),
    )


def with_instructions(trace: Trace, result: XlaResult, strings: Sequence[str]) -> Trace:
    """The trace, with what ran tied to its nodes; on a host, an instruction is an operator.

    There a slice is called by its instruction. A device's kernel has it as an argument ``hlo_op``.
    """
    slices = trace.slices
    is_host = trace.tracks.device[slices.track] < 0
    on_host = is_host & (slices.kind == SliceKind.KERNEL)
    node_of = np.array([result.node_of.get(text, -1) for text in strings], np.int32)
    group_of = np.array([result.group_of.get(text, -1) for text in strings], np.int32)
    node = np.where(on_host, node_of[slices.name], -1)
    group = np.where(on_host, group_of[slices.name], -1)
    for row, name in _on_devices(trace, result, strings).items():
        node[row], group[row] = result.node_of.get(name, -1), result.group_of.get(name, -1)
    kind = np.where(on_host, SliceKind.OPERATOR, slices.kind)
    return replace(trace, slices=slices.replace(kind=kind, node=node, group=group))


def _on_devices(trace: Trace, result: XlaResult, strings: Sequence[str]) -> dict[int, str]:
    """Names of the instructions that slices of devices ran."""
    is_device = trace.tracks.device[trace.slices.track] >= 0
    rows = np.flatnonzero(is_device & np.isin(trace.slices.kind, _ON_DEVICE))
    told: dict[int, str] = {}
    recorded: dict[int, dict[str, object]] = {}
    for row in rows.tolist():
        arguments = decode(trace.arguments, row)
        told[row] = str(arguments.get("hlo_op", ""))
        if told[row] not in result.node_of:
            recorded[row] = arguments
    return told | instructions_of(trace, strings, recorded, result.launched, result.node_of)


def block_makers(result: XlaLinks, allocations: Allocations) -> Int32:
    """Authored node of each block that a run of the program asked for, -1 where none has the size.

    XLA puts all buffers of a run into a few blocks; each stands for its largest buffer.
    """
    sizes, nodes = result.blocks
    at = np.searchsorted(sizes, allocations.bytes, side="right") - 1
    known = (at >= 0) & (allocations.bytes < 2 * np.append(sizes, 0)[at] + _SMALLEST_BLOCK)
    found: Int32 = np.where(known, np.append(nodes, -1)[at], -1).astype(np.int32)
    return found


def _groups(
    program: HloProgram,
    rows: Sequence[int],
    made_of: Sequence[Sequence[int]],
    stage: int,
    pool: StringPool,
) -> tuple[Fusion, dict[str, int]]:
    """A group for each fusion of authored nodes, and the groups by their instruction's name.

    A fusion that XLA made of its own, such as one that fills a buffer with zeros, is none.
    """
    groups: list[tuple[int, ...]] = []
    members: list[tuple[int, int]] = []
    group_of: dict[str, int] = {}
    texts: dict[int, str] = {}  # by computation
    buffers = buffers_by_instruction(program)
    compiler = pool.add("XLA")
    for place, row, nodes in zip(program.places, rows, made_of, strict=True):
        instruction = place.instruction
        if instruction.opcode != "fusion" or not nodes or _is_fused(program, place):
            continue
        lines = [head_of(place, buffers)]
        for _, inner in program.bodies(instruction):
            if inner.id not in texts:
                texts[inner.id] = computation_text(inner, program)
            lines.append(texts[inner.id])
        source = pool.add("\n".join(lines))
        kind = pool.add(instruction.fusion_kind.removeprefix("k").lower())
        group_of.setdefault(instruction.name, len(groups))
        members += [(len(groups), node) for node in nodes]
        groups.append((pool.add(instruction.name), kind, compiler, source, stage, row))
    fusion = Fusion(
        FusionGroups.from_rows(groups), FusionMembers.from_rows(members), FusionBreaks.empty()
    )
    return fusion, group_of


class _Names:
    """Authored nodes by the ``op_name`` of an instruction, which may list several."""

    def __init__(self, names: NodeFinder) -> None:
        self._names = names
        self._known: dict[tuple[int, str], list[int]] = {}

    def find(self, subgraph: int, op_name: str) -> list[int]:
        key = (subgraph, op_name)
        if key not in self._known:
            texts = [text for text in op_name.split(";") if len(text) <= LONGEST_NAME]
            rows = [self._one(subgraph, text) for text in texts]
            self._known[key] = sorted({row for row in rows if row >= 0})
        return self._known[key]

    def _one(self, subgraph: int, text: str) -> int:
        """The program calls the model's function, so that names begin with that call's."""
        forms = [text]
        while call := _CALL.match(forms[-1]):
            forms.append(forms[-1][call.end() :])
        tries = [self._names.within(subgraph, form) for form in forms if form]
        tries += [self._names.find(form) for form in forms if form]
        return next((row for row in tries if row >= 0), -1)


def _made_of(program: HloProgram, authored: Graph, names: NodeFinder) -> list[list[int]]:
    """Authored operators of each place; of a fusion all that its computation was made from."""
    finder = _Names(names)
    bodies: dict[tuple[int, int], int] = {(-1, 0): -1}  # authored subgraph of each body
    found: list[list[int]] = []
    for number, place in enumerate(program.places):
        subgraph = bodies[place.owner, place.body]
        rows = finder.find(subgraph, place.instruction.metadata.op_name)
        found.append([] if place.instruction.opcode in _GIVEN else rows)
        for body, (label, _) in enumerate(program.bodies(place.instruction)):
            alike = place.instruction.opcode in _RUNS_ALIKE
            own = next((names.body(row, label) for row in rows), -1)
            bodies[number, body] = subgraph if alike else own
    found = _with_lost_names(program, authored, found)
    return _of_fusions(program, authored, _without_handed_on(program, found))


def _with_lost_names(
    program: HloProgram, authored: Graph, found: Sequence[list[int]]
) -> list[list[int]]:
    """Instructions that compute by themselves, but have no name, get their nodes too."""
    computed = {
        node
        for place, nodes in zip(program.places, found, strict=True)
        if place.instruction.opcode not in _HANDED_ON
        for node in nodes
    }
    unnamed = [
        number
        for number, place in enumerate(program.places)
        if not found[number]
        and place.instruction.opcode not in _HANDED_ON | _GIVEN
        and not _is_fused(program, place)
    ]
    whole = _of_fusions(program, authored, found)
    lost = between(authored, computed, unnamed, whole, operands_of(program)) if unnamed else {}
    return [lost.get(number, nodes) for number, nodes in enumerate(found)]


def _of_fusions(
    program: HloProgram, authored: Graph, found: Sequence[list[int]]
) -> list[list[int]]:
    """A fusion is made from all that it computes."""
    held = _held_by_fusions(program, authored, found)
    return [sorted(held.get(number, ())) or nodes for number, nodes in enumerate(found)]


def _without_handed_on(program: HloProgram, found: Sequence[list[int]]) -> list[list[int]]:
    """What runs by itself is made from its authored node; what only hands on its result is not.

    Else a part of the time of a loop or a product would be told of a tuple's element or a view.
    """
    alone = {
        node
        for place, nodes in zip(program.places, found, strict=True)
        if place.instruction.opcode not in _HANDED_ON and not _is_fused(program, place)
        for node in nodes
    }
    return [
        nodes
        if place.instruction.opcode not in _HANDED_ON - {"fusion"}
        else [node for node in nodes if node not in alone]
        for place, nodes in zip(program.places, found, strict=True)
    ]


def _held_by_fusions(
    program: HloProgram, authored: Graph, found: Sequence[Sequence[int]]
) -> dict[int, set[int]]:
    """Authored operators that each fusion computes.

    One that computes elsewhere and is here only reshaped or handed on is none of them.
    """
    is_operator = np.isin(authored.nodes.kind, (NodeKind.OPERATOR, NodeKind.CONTROL))
    computes = [place.instruction.opcode not in _HANDED_ON for place in program.places]
    computed = {node for nodes, real in zip(found, computes, strict=True) if real for node in nodes}
    held: dict[int, set[int]] = {}
    for number in range(len(found) - 1, -1, -1):
        place = program.places[number]
        if _is_fused(program, place):
            own = [each for each in found[number] if computes[number] or each not in computed]
            inner = {node for node in own if is_operator[node]} | held.get(number, set())
            held.setdefault(place.owner, set()).update(inner)
    return held


def _by_name(program: HloProgram, near: Sequence[int]) -> dict[str, int]:
    """Only what can run by itself: no part of a fusion."""
    found: dict[str, int] = {}
    for place, node in zip(program.places, near, strict=True):
        if place.instruction.opcode not in _GIVEN and not _is_fused(program, place):
            found.setdefault(place.instruction.name, node)
    return found


def _is_fused(program: HloProgram, place: Place) -> bool:
    return place.owner >= 0 and program.places[place.owner].instruction.opcode == "fusion"


def _blocks(program: HloProgram, near: Sequence[int]) -> tuple[Int64, Int32]:
    """Sizes of the blocks that a run asks for, rising, and the node of each one's largest buffer."""
    node_of = {place.instruction.id: node for place, node in zip(program.places, near, strict=True)}
    makers = {
        buffer.id: node_of.get(buffer.defined_at.instruction_id, -1)
        for buffer in program.buffers.logical_buffers
    }
    blocks = []
    for block in program.buffers.buffer_allocations:
        if not block.is_entry_computation_parameter and not block.is_constant:
            buffers = [
                (each.size, makers.get(each.logical_buffer_id, -1)) for each in block.assigned
            ]
            known = [(size, node) for size, node in buffers if node >= 0]
            blocks.append((block.size, max(known)[1] if known else -1))
    blocks.sort()
    sizes = np.array([size for size, _ in blocks], np.int64)
    return sizes, np.array([node for _, node in blocks], np.int32)


def _given_by(
    program: HloProgram, authored: Graph, weights: Sequence[Weight]
) -> tuple[dict[int, int], dict[int, str]]:
    """Authored inputs and names of weights by entry parameter, if all that the model takes is there.

    The parameters are the inputs and then the variables, in the order of the function's arguments.
    """
    shapes = {
        place.instruction.parameter_number: place.instruction.shape
        for place in program.places
        if place.owner < 0 and place.instruction.opcode == "parameter"
    }
    is_input = (authored.nodes.kind == NodeKind.INPUT) & (authored.nodes.subgraph < 0)
    inputs = dict(enumerate(np.flatnonzero(is_input).tolist()))
    names = {number: weight.name for number, weight in enumerate(weights, len(inputs))}
    is_same = shapes.keys() == {*inputs, *names} and all(
        (dtype_of(shapes[number]), dimensions_of(shapes[number]))
        == (weight.dtype, list(weight.shape or ()))
        for number, weight in enumerate(weights, len(inputs))
    )
    return (inputs, names) if is_same else ({}, {})
