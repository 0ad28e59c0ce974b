"""Which instruction each kernel of a command buffer ran.

On a GPU XLA records a program's kernels once, as a CUDA graph, and launches that: its trace then
names the command buffer in place of the instruction. Kernels bear the name of the first instruction
that they were generated for; others of the same code run the same kernel again.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from profilers.graphs.hlo_program import HloProgram
from profilers.profile import Trace, decode
from profilers.profile.table import Int64

_RUNS_NOTHING = frozenset({
    "parameter", "constant", "get-tuple-element", "bitcast", "tuple", "after-all", "add-dependency",
})  # fmt: skip
_NO_LETTERS = re.compile(r"[^0-9a-zA-Z]")
_NUMBER = re.compile(r"(?:_\d+)+$")


@dataclass(frozen=True)
class _Launch:
    """Kernels of one launch of a graph, in the order in which they were recorded."""

    rows: Sequence[int]
    names: Sequence[str]


def launched(program: HloProgram) -> tuple[str, ...]:
    """Names of the instructions that may launch something, in the order of the schedule."""
    return tuple(
        place.instruction.name
        for place in program.places
        if place.owner < 0 and place.instruction.opcode not in _RUNS_NOTHING
    )


def instructions_of(
    trace: Trace, strings: Sequence[str], rows: Int64, instructions: Sequence[str]
) -> dict[int, str]:
    """Instruction of each slice that is found one for.

    Parameters
    ----------
    rows : int64 array
        Slices of devices that ran out of command buffers.
    instructions : sequence of str
        See `launched`.
    """
    found: dict[int, str] = {}
    known: dict[tuple[str, ...], list[str]] = {}  # the same graph is launched in every step
    for launch in _launches(trace, strings, rows):
        names = tuple(launch.names)
        if names not in known:
            known[names] = _aligned(names, instructions)
        found.update(
            (row, name) for row, name in zip(launch.rows, known[names], strict=True) if name
        )
    return found


def _launches(trace: Trace, strings: Sequence[str], rows: Int64) -> list[_Launch]:
    slices = trace.slices
    grouped: dict[tuple[int, object], list[tuple[int, int, int]]] = defaultdict(list)
    for row in rows.tolist():
        told = decode(trace.arguments, row)
        order = told.get("cuda_graph_node_id", 0)
        key = int(slices.track[row]), told.get("correlation_id", "")
        at = int(order) if isinstance(order, int) else 0
        grouped[key].append((at, int(slices.start_ns[row]), row))
    launches = [[row for _, _, row in sorted(each)] for each in grouped.values()]
    return [
        _Launch(each, [_plain(strings[int(slices.name[row])]) for row in each]) for each in launches
    ]


def _aligned(kernels: Sequence[str], instructions: Sequence[str]) -> list[str]:
    """For each kernel the instruction that it ran, "" where that cannot be told."""
    places = _by_own_name(kernels, instructions)
    _add_repeated(places, kernels, instructions)
    _fill_gaps(places, len(instructions))
    by_name = {_plain(name): name for name in instructions}
    return [
        instructions[at] if at >= 0 else by_name.get(kernel, "")
        for at, kernel in zip(places, kernels, strict=True)
    ]


def _by_own_name(kernels: Sequence[str], instructions: Sequence[str]) -> list[int]:
    """Places of the instructions whose names the kernels bear, where each is run first."""
    place_of = {_plain(name): at for at, name in enumerate(instructions)}
    return [place_of.pop(kernel, -1) for kernel in kernels]


def _add_repeated(places: list[int], kernels: Sequence[str], instructions: Sequence[str]) -> None:
    """Kernels that run again are those instructions of the same kind that none was found for."""
    free = _by_kind(set(range(len(instructions))) - set(places), list(map(_plain, instructions)))
    waiting = _by_kind((at for at, place in enumerate(places) if place < 0), kernels)
    for kind, numbers in waiting.items():
        if len(numbers) == len(free.get(kind, ())):
            for number, place in zip(numbers, free[kind], strict=True):
                places[number] = place


def _fill_gaps(places: list[int], count: int) -> None:
    """Library kernels, named by the library, lie between the same neighbours as their instruction."""
    taken, at = {*places, -1, count}, 0
    while at < len(places):
        end = at
        while end < len(places) and places[end] < 0:
            end += 1
        if end > at:
            before = places[at - 1] if at else -1
            after = places[end] if end < len(places) else count
            free = [place for place in range(before + 1, after) if place not in taken]
            if len(free) == 1:
                places[at:end] = free * (end - at)
            elif len(free) == end - at:
                places[at:end] = free
        at = end + 1


def _by_kind(numbers: Iterable[int], names: Sequence[str]) -> Mapping[str, list[int]]:
    """Numbers, rising, by the name without its count at the end."""
    found: dict[str, list[int]] = defaultdict(list)
    for number in sorted(numbers):
        found[_NUMBER.sub("", names[number])].append(number)
    return found


def _plain(name: str) -> str:
    """As a kernel's name may be written."""
    return _NO_LETTERS.sub("_", name)
