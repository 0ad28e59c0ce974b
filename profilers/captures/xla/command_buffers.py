"""Which instruction each kernel of a command buffer ran.

On a GPU XLA records a program's kernels once, as a CUDA graph, and launches that: its trace then
names the command buffer in place of the instruction. Kernels bear the name of the first instruction
that they were generated for; others of the same code run the same kernel again.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from profilers.graphs.hlo_program import HloProgram
from profilers.profile import Trace

_RUNS_NOTHING = frozenset({
    "parameter", "constant", "get-tuple-element", "bitcast", "tuple", "after-all", "add-dependency",
})  # fmt: skip
_OF_LIBRARIES = frozenset({"custom-call", "copy", "copy-start", "cholesky", "fft"})
_NO_LETTERS = re.compile(r"[^0-9a-zA-Z]")
_NUMBER = re.compile(r"(?:_\d+)+$")


@dataclass(frozen=True)
class _Launch:
    """Kernels of one launch of a graph, in the order in which they were recorded."""

    rows: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True)
class Launched:
    """An instruction of the program that may launch something; a library names its own kernels."""

    name: str
    is_library: bool


def launched(program: HloProgram) -> tuple[Launched, ...]:
    """In the order of the schedule, without what loops and branches run."""
    return tuple(
        Launched(place.instruction.name, place.instruction.opcode in _OF_LIBRARIES)
        for place in program.places
        if place.owner < 0 and place.instruction.opcode not in _RUNS_NOTHING
    )


def instructions_of(
    trace: Trace,
    strings: Sequence[str],
    arguments: Mapping[int, Mapping[str, object]],
    instructions: Sequence[Launched],
    in_bodies: Collection[str],
) -> dict[int, str]:
    """Instruction of each slice that is found one for.

    Parameters
    ----------
    arguments : mapping of int to mapping
        Of each slice of a device that ran out of a command buffer, what the trace tells of it.
    instructions : sequence of Launched
    in_bodies : collection of str
        Names of those that loops and branches run: they are told by their kernels' names alone.
    """
    found: dict[int, str] = {}
    of_program = {each.name for each in instructions}
    bodies = {_plain(name): name for name in in_bodies if name not in of_program}
    known: dict[tuple[str, ...], list[str]] = {}  # the same graph is launched in every step
    for launch in _launches(trace, strings, arguments):
        names = tuple(launch.names)
        if names not in known:
            known[names] = aligned(names, instructions, bodies)
        found.update(
            (row, name) for row, name in zip(launch.rows, known[names], strict=True) if name
        )
    return found


def _launches(
    trace: Trace, strings: Sequence[str], arguments: Mapping[int, Mapping[str, object]]
) -> list[_Launch]:
    slices = trace.slices
    grouped: dict[tuple[int, object], list[tuple[int, int, int]]] = defaultdict(list)
    for row, told in arguments.items():
        order = told.get("cuda_graph_node_id", 0)
        key = int(slices.track[row]), told.get("correlation_id", "")
        at = int(order) if isinstance(order, int) else 0
        grouped[key].append((at, int(slices.start_ns[row]), row))
    launches = [[row for _, _, row in sorted(each)] for each in grouped.values()]
    return [
        _Launch(each, [_plain(strings[int(slices.name[row])]) for row in each]) for each in launches
    ]


def aligned(
    kernels: Sequence[str], instructions: Sequence[Launched], bodies: Mapping[str, str]
) -> list[str]:
    """For each kernel the instruction that it ran, "" where that cannot be told.

    Parameters
    ----------
    kernels : sequence of str
        Names in the order in which they were recorded.
    instructions : sequence of Launched
    bodies : mapping of str to str
        Instructions that loops and branches run, by the name that a kernel of theirs bears.
    """
    names = [_plain(each.name) for each in instructions]
    places = _by_own_name(kernels, names)
    found = [
        bodies.get(kernel, "") if at < 0 else "" for at, kernel in zip(places, kernels, strict=True)
    ]
    is_open = [at < 0 and not name for at, name in zip(places, found, strict=True)]
    _add_repeated(places, is_open, kernels, names)
    _fill_gaps(places, is_open, [each.is_library for each in instructions])
    return [
        instructions[at].name if at >= 0 else name for at, name in zip(places, found, strict=True)
    ]


def _by_own_name(kernels: Sequence[str], names: Sequence[str]) -> list[int]:
    """Places of the instructions whose names the kernels bear, where each is run first."""
    place_of = {name: at for at, name in enumerate(names)}
    return [place_of.pop(kernel, -1) for kernel in kernels]


def _add_repeated(
    places: list[int], is_open: list[bool], kernels: Sequence[str], names: Sequence[str]
) -> None:
    """Kernels that run again are those instructions of the same kind that none was found for."""
    free = _by_kind(set(range(len(names))) - set(places), names)
    waiting = _by_kind((at for at, is_it in enumerate(is_open) if is_it), kernels)
    for kind, numbers in waiting.items():
        if len(numbers) == len(free.get(kind, ())):
            for number, place in zip(numbers, free[kind], strict=True):
                places[number], is_open[number] = place, False


def _fill_gaps(places: list[int], is_open: Sequence[bool], is_library: Sequence[bool]) -> None:
    """Kernels of a library lie between the same neighbours as the instruction that calls it."""
    taken, at = set(places), 0
    while at < len(places):
        end = at
        while end < len(places) and is_open[end]:
            end += 1
        if end > at:
            before = places[at - 1] if at else -1
            after = places[end] if end < len(places) else len(is_library)
            free = [
                place
                for place in range(before + 1, after)
                if is_library[place] and place not in taken
            ]
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
