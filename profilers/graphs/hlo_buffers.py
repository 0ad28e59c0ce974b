"""Where XLA put the result of each instruction: the block, the place in it, and the bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from profilers.graphs.hlo_program import HloProgram, Place
from profilers.graphs.hlo_text import shape_text

_MOST_OPERANDS = 100


def buffers_by_instruction(program: HloProgram) -> Mapping[int, list[str]]:
    """For people, by the instruction's id: ``"8,192 bytes at 256 of block 3 (temporary)"``."""
    makers = {
        buffer.id: buffer.defined_at.instruction_id for buffer in program.buffers.logical_buffers
    }
    found: dict[int, list[str]] = {}
    for number, block in enumerate(program.buffers.buffer_allocations):
        for part in block.assigned:
            maker = makers.get(part.logical_buffer_id)
            if maker is not None:
                found.setdefault(maker, []).append(
                    f"{part.size:,} bytes at {part.offset:,} of block {number} ({_use(block)})"
                )
    return found


def head_of(place: Place, buffers: Mapping[int, Sequence[str]]) -> str:
    """Comment lines of what an instruction makes and reads, and where that lies."""
    by_id = {each.id: each for each in place.computation.instructions}
    read = [by_id[number] for number in place.instruction.operand_ids if number in by_id]
    lines = [_line("makes", place.instruction, buffers)]
    lines += [_line("reads", each, buffers) for each in read[:_MOST_OPERANDS]]
    if len(read) > _MOST_OPERANDS:
        lines.append(f"// and {len(read) - _MOST_OPERANDS:,} more")
    return "\n".join(lines)


def _line(verb: str, instruction: Any, buffers: Mapping[int, Sequence[str]]) -> str:
    held = "; ".join(buffers.get(instruction.id, ())) or "no buffer of its own"
    return f"// {verb} %{instruction.name} {shape_text(instruction.shape)}: {held}"


def _use(block: object) -> str:
    if getattr(block, "is_entry_computation_parameter", False):
        return "input or weight"
    if getattr(block, "is_constant", False):
        return "constant"
    return "result" if getattr(block, "maybe_live_out", False) else "temporary"
