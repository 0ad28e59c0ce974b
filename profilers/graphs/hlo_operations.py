"""The operations that a compiled program was made from, as far as its instructions name them.

What XLA removed is not among them: it left no instruction.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.hlo_dataflow import makers_read
from profilers.graphs.hlo_flops import instruction_flops
from profilers.graphs.hlo_graph import operands_of
from profilers.graphs.hlo_names import GIVEN, op_names, operator_of, path_of
from profilers.graphs.hlo_program import HloProgram, Place, dimensions_of, dtype_of
from profilers.profile import UNKNOWN, NodeKind

_CONTROL = frozenset({"while", "conditional"})
_GIVEN = frozenset({"parameter", "constant"})
_LABEL = re.compile(r"body(_fun)?|cond(_fun)?|then|else|branch_?\d+(_fun)?|_\d+")
_MOST_FLOPS = 2**62
_TENSORFLOW = "/tensorflow/python/"  # that makes the operation for whoever asked for it


@dataclass
class Operations:
    """Finds the node of an ``op_name``: see `profilers.captures.xla.fusion.NodeFinder`."""

    rows: dict[str, int] = field(default_factory=dict)
    bodies: dict[tuple[int, str], int] = field(default_factory=dict)

    def find(self, name: str) -> int:
        return self.rows.get(name, -1)

    def within(self, subgraph: int, name: str) -> int:
        return self.find(name)

    def body(self, node: int, label: str) -> int:
        return self.bodies.get((node, label), -1)


def with_own_names(program: HloProgram) -> HloProgram:
    """Where a program names nothing, each instruction is an operation by its own name."""
    if not any(path_of(name) for place in program.places for name in op_names(place.instruction)):
        for place in program.places:
            place.instruction.metadata.op_name = place.instruction.name
            place.instruction.metadata.op_type = place.instruction.opcode
    return program


def add_operations(builder: GraphBuilder, program: HloProgram, outer: Sequence[str]) -> Operations:
    """Add a node for each operation that the program names, and one for each of its parameters.

    Parameters
    ----------
    outer : sequence of str
        Scopes around all of them.
    """
    adding = _Adding(builder, program, outer)
    adding.add_nodes()
    adding.add_inputs_and_edges()
    adding.add_flops()
    return adding.found


class _Adding:
    def __init__(self, builder: GraphBuilder, program: HloProgram, outer: Sequence[str]) -> None:
        self.found = Operations()
        self._builder = builder
        self._program = program
        self._outer = outer
        self._homes = _homes(program)
        self._rows: list[list[int]] = []  # by place
        self._subgraph: dict[int, int] = {}  # by row
        self._paths: dict[int, list[str]] = {}
        self._scopes: dict[int, Sequence[str]] = {}  # of the main graph

    def add_nodes(self) -> None:
        subgraphs = {(-1, 0): -1}
        for number, place in enumerate(self._program.places):
            subgraph = subgraphs[place.owner, place.body]
            self._rows.append([])
            for name in op_names(place.instruction):
                if self._homes.get(name) == number:
                    self._add_node(name, place, subgraph)
            for body, (label, _) in enumerate(self._program.bodies(place.instruction)):
                subgraphs[number, body] = subgraph
                if place.instruction.opcode in _CONTROL:
                    subgraphs[number, body] = self._body(place, label, subgraph)
        for number, place in enumerate(self._program.places):
            if place.instruction.opcode not in _GIVEN:
                rows = (self.found.find(name) for name in op_names(place.instruction))
                self._rows[number] += [row for row in rows if row >= 0]

    def _add_node(self, name: str, place: Place, subgraph: int) -> None:
        path, instruction = path_of(name), place.instruction
        scopes = self._below_owner(path, place)[:-1]
        told = instruction.metadata
        is_framework = not told.source_file or _TENSORFLOW in told.source_file.replace("\\", "/")
        row = self._builder.node(
            "/".join(path),
            operator_of(instruction, path),
            kind=NodeKind.CONTROL if instruction.opcode in _CONTROL else NodeKind.OPERATOR,
            scope=self._builder.scope([(each, "") for each in scopes], subgraph),
            subgraph=subgraph,
            source="" if is_framework else f"{told.source_file}:{told.source_line}",
            attributes={"op_name": name},
        )
        self.found.rows[name] = row
        self._subgraph[row], self._paths[row] = subgraph, path
        self._scopes[row] = scopes if subgraph < 0 else self._outer

    def _below_owner(self, path: list[str], place: Place) -> list[str]:
        """Its path in the body that holds it, which has the path of its loop or branch around it."""
        around = self._control_around(place)
        if around < 0:
            return [*self._outer, *path]
        outer = self._paths[around]
        if path[: len(outer)] == outer and len(path) > len(outer):
            path = path[len(outer) :]
            while len(path) > 1 and _LABEL.fullmatch(path[0]):
                path = path[1:]
        return path

    def _control_around(self, place: Place) -> int:
        """Node of the innermost loop or branch that runs it and has a node; -1 for none."""
        while place.owner >= 0:
            place = self._program.places[place.owner]
            if place.instruction.opcode in _CONTROL:
                rows = [self.found.find(name) for name in op_names(place.instruction)]
                known = [row for row in rows if row >= 0]
                if known:
                    return known[0]
        return -1

    def _body(self, place: Place, label: str, subgraph: int) -> int:
        """Subgraph of what a loop or branch runs; where nothing names it, the one around it."""
        rows = [self.found.find(name) for name in op_names(place.instruction)]
        owner = next((row for row in rows if row >= 0), -1)
        if owner < 0:
            return subgraph
        key = owner, label
        if key not in self.found.bodies:
            self.found.bodies[key] = self._builder.subgraph(label, owner)
        return self.found.bodies[key]

    def add_inputs_and_edges(self) -> None:
        """An edge where an instruction of one operation reads what one of another made."""
        places = self._program.places
        for number, place in enumerate(places):
            if place.owner < 0 and place.instruction.opcode == "parameter":
                self._rows[number] = [_not_yet(number)]
        made = makers_read(self._program, self._rows)
        inputs = self._add_inputs(made)
        known: set[tuple[int, int]] = set()
        for number, read in enumerate([(inputs.get(m, m), o) for m, o in each] for each in made):
            for maker, operand in read:
                made_by = places[operand].instruction
                for row in (
                    self._rows[number] if places[number].instruction.opcode not in _GIVEN else ()
                ):
                    is_known = (maker, row) in known or maker == row
                    if not is_known and self._subgraph[maker] == self._subgraph[row]:
                        known.add((maker, row))
                        shape = dimensions_of(made_by.shape)
                        self._builder.edge(maker, row, made_by.name, dtype_of(made_by.shape), shape)

    def _add_inputs(self, made: Sequence[Sequence[tuple[int, int]]]) -> dict[int, int]:
        """A node for each parameter, in the scope that holds all that read it: most are weights."""
        readers: dict[int, set[int]] = defaultdict(set)
        for number, read in enumerate(made):
            for maker, _ in read:
                if maker < 0:
                    readers[maker].update(row for row in self._rows[number] if row >= 0)
        given = [
            (place.instruction.parameter_number, number)
            for number, place in enumerate(self._program.places)
            if self._rows[number] == [_not_yet(number)]
        ]
        found = {}
        for _, number in sorted(given):
            instruction = self._program.places[number].instruction
            told = instruction.metadata.op_name
            scopes = [self._scopes[row] for row in readers[_not_yet(number)]]
            row = self._builder.node(
                told if told and told not in GIVEN else instruction.name,
                "parameter",
                kind=NodeKind.INPUT,
                scope=self._builder.scope((each, "") for each in _shared(scopes) or self._outer),
            )
            self._subgraph[row] = -1
            found[_not_yet(number)] = row
        return found

    def add_flops(self) -> None:
        flops: dict[int, int] = {}
        places = self._program.places
        for number, operands in enumerate(operands_of(self._program)):
            read = [places[operand].instruction for operand in operands]
            count = instruction_flops(places[number].instruction, read)
            row = next(iter(self._rows[number]), -1)
            if count != UNKNOWN and row >= 0:
                flops[row] = min(flops.get(row, 0) + count, _MOST_FLOPS)
        for row, count in flops.items():
            self._builder.set_flops(row, count)


def _not_yet(place: int) -> int:
    """Stands for the node of a parameter until it has one."""
    return -1 - place


def _shared(scopes: Sequence[Sequence[str]]) -> Sequence[str]:
    """The outer scopes that all have in common."""
    common = scopes[0] if scopes else ()
    for each in scopes[1:]:
        same = [ours == theirs for ours, theirs in zip(common, each, strict=False)]
        common = common[: same.index(False) if False in same else len(same)]
    return common


def _homes(program: HloProgram) -> dict[str, int]:
    """For each name of an operation the place that tells where it stands.

    That is the loop or branch of that name, else the innermost: XLA moves out of loops what it can.
    """
    depth: list[int] = []
    homes: dict[str, int] = {}
    for number, place in enumerate(program.places):
        outer = program.places[place.owner] if place.owner >= 0 else None
        inner = depth[place.owner] if place.owner >= 0 else 0
        depth.append(inner + (outer is not None and outer.instruction.opcode in _CONTROL))
        if place.instruction.opcode in _GIVEN:
            continue
        for name in _named(op_names(place.instruction)):
            home = homes.get(name)
            held = program.places[home].instruction.opcode if home is not None else ""
            if home is None or (held not in _CONTROL and _is_better(place, number, home, depth)):
                homes[name] = number
    return homes


def _is_better(place: Place, number: int, home: int, depth: Sequence[int]) -> bool:
    return place.instruction.opcode in _CONTROL or depth[number] > depth[home]


def _named(names: Iterable[str]) -> list[str]:
    return [name for name in names if path_of(name)]
