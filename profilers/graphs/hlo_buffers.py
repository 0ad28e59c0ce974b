"""Where XLA put the result of each instruction: the block, the place in it, and the bytes."""

from collections.abc import Mapping

from profilers.graphs.hlo_program import HloProgram


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


def _use(block: object) -> str:
    if getattr(block, "is_entry_computation_parameter", False):
        return "input or weight"
    if getattr(block, "is_constant", False):
        return "constant"
    return "result" if getattr(block, "maybe_live_out", False) else "temporary"
