"""Which operations made what an instruction reads, also through what names no operation."""

from collections.abc import Iterable, Sequence
from itertools import islice

from profilers.graphs.hlo_program import HloProgram

_ENTERED = frozenset({"fusion", "call", "async-start"})  # their bodies read what they are given
_MOST_MAKERS = 64

Read = tuple[int, int]  # a node, and the place whose result is read


def makers_read(program: HloProgram, rows: Sequence[Sequence[int]]) -> list[list[Read]]:
    """For each place what made its operands.

    Parameters
    ----------
    rows : sequence by place
        Nodes that each instruction belongs to; what has none hands on those of what it reads.
    """
    flow = _Flow(program, rows)
    flow.follow(-1, 0, ())
    return flow.read


class _Flow:
    def __init__(self, program: HloProgram, rows: Sequence[Sequence[int]]) -> None:
        self._program = program
        self._rows = rows
        self._held: dict[tuple[int, int], list[int]] = {}
        self._place_of: dict[tuple[int, int, int], int] = {}
        for number, place in enumerate(program.places):
            self._held.setdefault((place.owner, place.body), []).append(number)
            self._place_of[place.owner, place.body, place.instruction.id] = number
        self._made: list[list[Read]] = [[] for _ in program.places]
        self.read: list[list[Read]] = [[] for _ in program.places]

    def follow(self, owner: int, body: int, given: Sequence[list[Read]]) -> list[Read]:
        """What made the result of a body that is given these operands."""
        result: list[Read] = []
        for number in self._held.get((owner, body), ()):
            place = self._program.places[number]
            instruction = place.instruction
            operands = [
                self._place_of[owner, body, each]
                for each in instruction.operand_ids
                if (owner, body, each) in self._place_of
            ]
            self.read[number] = _joined(self._made[each] for each in operands)
            if instruction.opcode == "parameter" and 0 <= instruction.parameter_number < len(given):
                self.read[number] = given[instruction.parameter_number]
            self._made[number] = self._result(number, operands)
            if instruction.id == place.computation.root_id:
                result = self._made[number]
        return result

    def _result(self, number: int, operands: Sequence[int]) -> list[Read]:
        instruction = self._program.places[number].instruction
        inner: list[Read] = []
        is_entered = instruction.opcode in _ENTERED
        given = [self._made[each] for each in operands] if is_entered else []
        for body, _ in enumerate(self._program.bodies(instruction)):
            inner = self.follow(number, body, given)
        if is_entered:
            self.read[number] = []  # its body reads them
            return inner
        if instruction.opcode == "get-tuple-element" and operands:
            source = self._program.places[operands[0]]
            elements = source.instruction.operand_ids
            if source.instruction.opcode == "tuple" and instruction.tuple_index in range(
                len(elements)
            ):
                key = source.owner, source.body, elements[instruction.tuple_index]
                return self._made[self._place_of[key]] if key in self._place_of else []
        own = [(row, number) for row in self._rows[number]]
        return own or self.read[number]


def _joined(parts: Iterable[list[Read]]) -> list[Read]:
    found = dict.fromkeys(each for part in parts for each in part)
    return list(islice(found, _MOST_MAKERS))
