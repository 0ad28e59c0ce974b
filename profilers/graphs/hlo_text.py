"""HLO as text, as XLA itself prints it, without layouts and sharding."""

from typing import Any

from profilers.graphs.hlo_program import HloProgram

_MOST_CHARACTERS = 100_000
_MOST_PARTS, _DEEPEST_TUPLE = 64, 3
_SHORT_TYPES = {
    1: "pred", 2: "s8", 3: "s16", 4: "s32", 5: "s64", 6: "u8", 7: "u16", 8: "u32", 9: "u64",
    10: "f16", 11: "f32", 12: "f64", 14: "opaque", 15: "c64", 16: "bf16", 17: "token", 18: "c128",
    19: "f8e5m2", 20: "f8e4m3fn", 21: "s4", 22: "u4",
}  # fmt: skip


def computation_text(computation: Any, program: HloProgram) -> str:
    """The instructions of one computation, one a line; what is too long is cut."""
    names = {each.id: each.name for each in computation.instructions}
    lines = [f"%{computation.name} {{"]
    length = 0
    for each in computation.instructions:
        root = "ROOT " if each.id == computation.root_id else ""
        lines.append(f"  {root}{_instruction_text(each, names, program)}")
        length += len(lines[-1])
        if length > _MOST_CHARACTERS:
            lines.append("  ...")
            break
    return "\n".join([*lines, "}"])


def shape_text(shape: Any, depth: int = 0) -> str:
    """``f32[1,16]``, or ``(f32[1,16], s32[])`` for a tuple; what is too long is cut."""
    if shape.tuple_shapes:
        parts = shape.tuple_shapes[:_MOST_PARTS] if depth < _DEEPEST_TUPLE else []
        rest = ["..."] if len(parts) < len(shape.tuple_shapes) else []
        return f"({', '.join([shape_text(each, depth + 1) for each in parts] + rest)})"
    element = _SHORT_TYPES.get(shape.element_type, f"type{shape.element_type}")
    return f"{element}[{','.join(map(str, shape.dimensions))}]"


def _instruction_text(instruction: Any, names: dict[int, str], program: HloProgram) -> str:
    operands = ", ".join(f"%{names.get(number, number)}" for number in instruction.operand_ids)
    if instruction.opcode == "parameter":
        operands = str(instruction.parameter_number)
    parts = [
        f"%{instruction.name} = {shape_text(instruction.shape)} {instruction.opcode}({operands})"
    ]
    if instruction.dimensions:
        parts.append(f"dimensions={{{','.join(map(str, instruction.dimensions))}}}")
    if instruction.comparison_direction:
        parts.append(f"direction={instruction.comparison_direction}")
    if instruction.custom_call_target:
        parts.append(f'custom_call_target="{instruction.custom_call_target}"')
    for number in instruction.called_computation_ids:
        if number in program.computations:
            parts.append(f"calls=%{program.computations[number].name}")
    if instruction.metadata.op_name:
        parts.append(f'metadata={{op_name="{instruction.metadata.op_name}"}}')
    return ", ".join(parts)
