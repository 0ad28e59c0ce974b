"""A compiled HLO program as a `Graph`: fusions, loops and branches open as subgraphs."""

from collections.abc import Mapping, Sequence
from typing import Any

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.hlo_buffers import buffers_by_instruction
from profilers.graphs.hlo_flops import instruction_flops
from profilers.graphs.hlo_program import HloProgram, Place, dimensions_of, dtype_of
from profilers.graphs.hlo_text import shape_text
from profilers.profile import UNKNOWN, NodeKind

_LONGEST_TEXT = 2_000
_KINDS = {"parameter": NodeKind.INPUT, "constant": NodeKind.CONSTANT}

Trail = Sequence[tuple[str, str]]  # (name, class) of scopes, from the outside in


def add_program(
    builder: GraphBuilder, program: HloProgram, trails: Sequence[Trail], weights: Mapping[int, str]
) -> list[int]:
    """Add a node for each place.

    Parameters
    ----------
    trails : sequence of Trail
        Scopes of each place.
    weights : mapping of int to str
        Names of the weights by the entry parameter that hands them in.

    Returns
    -------
    list of int
        Row of each place's node; -1 for weights, which are parameters.
    """
    subgraphs: dict[tuple[int, int], int] = {(-1, 0): -1}
    parameters: dict[int, int] = {}
    rows: list[int] = []
    buffers = buffers_by_instruction(program)
    for number, (place, trail) in enumerate(zip(program.places, trails, strict=True)):
        weight = _weight(place, weights)
        if weight:
            shape = place.instruction.shape
            parameters[number] = builder.parameter(weight, dtype_of(shape), dimensions_of(shape))
            rows.append(-1)
            continue
        subgraph = subgraphs[place.owner, place.body]
        inner = _below(trail, trails[place.owner] if place.owner >= 0 else ())
        held = buffers.get(place.instruction.id, ())
        row = _add_node(builder, program, place, builder.scope(inner, subgraph), subgraph, held)
        for body, (name, _) in enumerate(program.bodies(place.instruction)):
            subgraphs[number, body] = builder.subgraph(name, row)
        rows.append(row)
    _connect(builder, program, rows, parameters)
    return rows


def operands_of(program: HloProgram) -> list[list[int]]:
    """For each place the places whose results it reads, in order; one outside its body is left out."""
    by_id = {
        (place.owner, place.body, place.instruction.id): number
        for number, place in enumerate(program.places)
    }
    keys = (
        [(place.owner, place.body, operand) for operand in place.instruction.operand_ids]
        for place in program.places
    )
    return [[by_id[key] for key in each if key in by_id] for each in keys]


def _weight(place: Place, weights: Mapping[int, str]) -> str:
    is_entry_parameter = place.owner < 0 and place.instruction.opcode == "parameter"
    return weights.get(place.instruction.parameter_number, "") if is_entry_parameter else ""


def _below(trail: Trail, outer: Trail) -> Trail:
    """The scopes that the owner of a body does not stand in itself."""
    shared = 0
    for own, around in zip(trail, outer, strict=False):
        if own != around:
            break
        shared += 1
    return trail[shared:]


def _add_node(
    builder: GraphBuilder,
    program: HloProgram,
    place: Place,
    scope: int,
    subgraph: int,
    buffers: Sequence[str],
) -> int:
    instruction = place.instruction
    is_root = instruction.id == place.computation.root_id
    kind = _KINDS.get(instruction.opcode, NodeKind.OPERATOR)
    if any(True for _ in program.bodies(instruction)):
        kind = NodeKind.CONTROL
    elif is_root and instruction.opcode == "tuple":
        kind = NodeKind.OUTPUT
    return builder.node(
        instruction.name,
        instruction.opcode,
        kind=kind,
        scope=scope,
        subgraph=subgraph,
        attributes=_attributes(instruction, is_root) | ({"buffers": buffers} if buffers else {}),
    )


def _attributes(instruction: Any, is_root: bool) -> dict[str, Any]:
    told = {
        "shape": shape_text(instruction.shape),
        "fusion_kind": instruction.fusion_kind,
        "dimensions": list(instruction.dimensions),
        "direction": instruction.comparison_direction,
        "custom_call_target": instruction.custom_call_target,
        "op_type": instruction.metadata.op_type,
        "op_name": instruction.metadata.op_name,
        "backend_config": instruction.backend_config.decode("utf-8", "replace"),
        "root": is_root,
    }
    return {
        name: value[:_LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in told.items()
        if value
    }


def _connect(
    builder: GraphBuilder,
    program: HloProgram,
    rows: Sequence[int],
    parameters: Mapping[int, int],
) -> None:
    """Edges, uses of weights and FLOPs; a fusion has those of what it holds."""
    flops = [UNKNOWN] * len(rows)
    for number, operands in enumerate(operands_of(program)):
        place = program.places[number]
        for operand in operands:
            made = program.places[operand].instruction
            if operand in parameters:
                builder.use(parameters[operand], rows[number])
            else:
                dtype, shape = dtype_of(made.shape), dimensions_of(made.shape)
                builder.edge(rows[operand], rows[number], made.name, dtype, shape)
        read = [program.places[operand].instruction for operand in operands]
        flops[number] = instruction_flops(place.instruction, read)
    for number in range(len(rows) - 1, -1, -1):  # what a body holds comes after its owner
        owner = program.places[number].owner
        is_fused = owner >= 0 and program.places[owner].instruction.opcode == "fusion"
        if is_fused and flops[number] != UNKNOWN:
            flops[owner] = max(flops[owner], 0) + flops[number]
    for row, count in zip(rows, flops, strict=True):
        if row >= 0 and count != UNKNOWN:
            builder.set_flops(row, min(count, 2**62))
