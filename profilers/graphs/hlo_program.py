"""A program that XLA compiled: its computations, opened where they are called."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profilers.graphs.tensorflow_protos import parse

_MOST_PLACES = 1_000_000
_DEEPEST_CALL = 50
_LONGEST_NAME = 10_000
_LARGEST_ARRAY = 2**56  # elements
_BODIES: dict[str, tuple[str, ...]] = {  # what an instruction runs; "" goes by its own name
    "fusion": ("",),
    "while": ("body", "cond"),
    "call": ("",),
    "async-start": ("",),
}
_ELEMENTS = {
    1: "bool", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "uint8", 7: "uint16", 8: "uint32",
    9: "uint64", 10: "float16", 11: "float32", 12: "float64", 15: "complex64", 16: "bfloat16",
    18: "complex128", 19: "float8_e5m2", 20: "float8_e4m3fn", 21: "int4", 22: "uint4",
    23: "float8_e4m3b11fnuz", 24: "float8_e5m2fnuz", 25: "float8_e4m3fnuz", 28: "float8_e4m3",
    29: "float8_e3m4",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """An instruction where it stands.

    Parameters
    ----------
    instruction, computation : HloInstruction, HloComputation
    owner : int
        Number of the place whose body holds it, -1 for the entry computation.
    body : int
        Which body of the owner, by order.
    """

    instruction: Any
    computation: Any
    owner: int
    body: int


@dataclass(frozen=True)
class HloProgram:
    """`places` has owners before what they hold; computations by their id."""

    name: str
    places: Sequence[Place]
    computations: Mapping[int, Any]
    buffers: Any  # HloBufferAssignment

    def bodies(self, instruction: Any) -> Iterator[tuple[str, Any]]:
        """Name and computation of what an instruction runs; a reduction's function is no body."""
        return _bodies(instruction, self.computations)


def read_hlo(data: bytes) -> HloProgram:
    """The program of an encoded HloProto.

    Raises
    ------
    ValueError
        If it is cut or inconsistent, or expands to more or deeper calls than any sane program.
    """
    program = parse("HloProgram", data)
    computations = {each.id: each for each in program.hlo_module.computations}
    entry = computations.get(program.hlo_module.entry_computation_id)
    if entry is None:
        raise ValueError("the HLO module has no entry computation")
    places: list[Place] = []
    waiting = deque([(entry, -1, 0, 0)])
    while waiting:
        computation, owner, body, depth = waiting.popleft()
        if depth > _DEEPEST_CALL:
            raise ValueError(f"its computations call each other more than {_DEEPEST_CALL} deep")
        for instruction in computation.instructions:
            if len(instruction.name) > _LONGEST_NAME:
                raise ValueError(
                    f"an instruction has a name of {len(instruction.name):,} characters"
                )
            _check_shape(instruction)
            opened = enumerate(_bodies(instruction, computations))
            waiting += [(inner, len(places), number, depth + 1) for number, (_, inner) in opened]
            places.append(Place(instruction, computation, owner, body))
            if len(places) + len(waiting) > _MOST_PLACES:
                raise ValueError("its calls expand to an absurd number of instructions")
    return HloProgram(program.hlo_module.name, places, computations, program.buffer_assignment)


def _bodies(instruction: Any, computations: Mapping[int, Any]) -> Iterator[tuple[str, Any]]:
    called = instruction.called_computation_ids
    names: Sequence[str] = _BODIES.get(instruction.opcode, ())
    if instruction.opcode == "conditional":
        is_pair = len(called) == 2
        names = ("then", "else") if is_pair else [f"branches {n}" for n in range(len(called))]
    for name, number in zip(names, called, strict=False):
        if number not in computations:
            raise ValueError(f"the instruction {instruction.name} calls what is not there")
        yield name or computations[number].name, computations[number]


def _check_shape(instruction: Any) -> None:
    sizes = instruction.shape.dimensions
    if min(sizes, default=0) < 0 or math.prod(max(size, 1) for size in sizes) > _LARGEST_ARRAY:
        raise ValueError(f"the instruction {instruction.name} has an absurd shape")


def dtype_of(shape: Any) -> str:
    """numpy name of an array's elements; "" for a tuple, a token or an unknown type."""
    return _ELEMENTS.get(shape.element_type, "")


def dimensions_of(shape: Any) -> list[int] | None:
    """Dimensions of an array; None for a tuple or a token."""
    return list(shape.dimensions) if dtype_of(shape) else None
