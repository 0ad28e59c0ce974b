"""What is not the same in two matched graphs: only in one, changed, or merged into another node."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from profilers.analysis.data_path import DataPath, data_path
from profilers.analysis.operator_kinds import WORTH, words_of
from profilers.analysis.pairing.attribute_changes import changed_attributes
from profilers.analysis.pairing.graph_items import item_graph
from profilers.analysis.pairing.items import Item
from profilers.analysis.pairing.matching import Match
from profilers.profile import Graph, NodeKind, StringTable, Table, column
from profilers.profile.table import Int8, Int32


class DifferenceKind(IntEnum):
    """As seen from graph a, "here"; graph b is "there"."""

    ONLY_HERE = 0
    ONLY_THERE = 1
    SHAPE = 2  # of the result, beyond layout, and where the change begins
    DTYPE = 3  # of the result, where the change begins
    OPERATOR = 4
    ATTRIBUTE = 5
    FUSED_THERE = 6  # graph b does it in a node that does more
    FUSED_HERE = 7


@dataclass(frozen=True, eq=False)
class Differences(Table):
    """One row per difference; a node may have several."""

    kind: Int8 = column("i1")  # DifferenceKind
    a: Int32 = column("i4")  # node of graph a, -1 for none
    b: Int32 = column("i4")  # node of graph b, -1 for none


_TURNED = np.array(
    [
        DifferenceKind.ONLY_THERE, DifferenceKind.ONLY_HERE, DifferenceKind.SHAPE,
        DifferenceKind.DTYPE, DifferenceKind.OPERATOR, DifferenceKind.ATTRIBUTE,
        DifferenceKind.FUSED_HERE, DifferenceKind.FUSED_THERE,
    ],
    np.int8,
)  # fmt: skip


def find_differences(
    a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable, match: Match
) -> Differences:
    """Differences of two graphs in the order in which data flows, those of graph b alone last.

    Whole operations are compared, see `graph_items`: a bias that one side adds apart, or a
    normalisation that it spells out, is no difference, and neither is another layout.
    """
    ours, theirs = _Side(a, strings_a, match.layers.a), _Side(b, strings_b, match.layers.b)
    pairs = list(zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True))
    twins, back = _unit_twins(pairs, ours, theirs)
    rows = [
        (DifferenceKind.ONLY_HERE, node, -1) for node in ours.lone(twins, {x for x, _ in pairs})
    ]
    for at, other in _even_pairs(twins, back):
        rows += _changes(ours, at, theirs, other, twins)
    rows += [
        (DifferenceKind.FUSED_THERE, ours.units[at].main, theirs.units[other].main)
        for at, other in _merged(ours, theirs, back)
    ]
    rows += [
        (DifferenceKind.FUSED_HERE, ours.units[at].main, theirs.units[other].main)
        for other, at in _merged(theirs, ours, twins)
    ]
    rank = ours.rank
    rows.sort(key=lambda row: (rank[row[1]], row[0], row[2]))
    rows += [
        (DifferenceKind.ONLY_THERE, -1, node) for node in theirs.lone(back, {y for _, y in pairs})
    ]
    return Differences.from_rows(rows)


def turned(differences: Differences) -> Differences:
    """The same as seen from the other graph."""
    return Differences(_TURNED[differences.kind], differences.b, differences.a)


def sentence(
    kind: DifferenceKind,
    node: int,
    twin: int,
    a: Graph,
    strings_a: StringTable,
    b: Graph,
    strings_b: StringTable,
) -> str:
    """One readable sentence for a row of `Differences`."""
    if kind == DifferenceKind.ONLY_HERE:
        return f"Only here: {_with_operator(a, strings_a, node)}"
    if kind == DifferenceKind.ONLY_THERE:
        return f"Only there: {_with_operator(b, strings_b, twin)}"
    here, there = node_title(a, strings_a, node), node_title(b, strings_b, twin)
    operators = _operator(a, strings_a, node), _operator(b, strings_b, twin)
    if kind == DifferenceKind.FUSED_THERE:
        return f"{_with_operator(a, strings_a, node)} is part of {operators[1]} there ({there})"
    if kind == DifferenceKind.FUSED_HERE:
        return f"{_with_operator(b, strings_b, twin)} there is part of {operators[0]} here ({here})"
    if kind == DifferenceKind.OPERATOR:
        return f"{here}: {operators[0]} became {operators[1]}"
    if kind == DifferenceKind.ATTRIBUTE:
        changes = changed_attributes(a, strings_a, node, b, strings_b, twin)
        return f"{here}: {', '.join(f'{name} {old} became {new}' for name, old, new in changes)}"
    of_a, of_b = _result(a, strings_a, node), _result(b, strings_b, twin)
    which = 0 if kind == DifferenceKind.SHAPE else 1
    name = "shape" if kind == DifferenceKind.SHAPE else "dtype"
    return f"{here}: {name} {of_a[which]} became {of_b[which]}"


def node_title(graph: Graph, strings: StringTable, node: int) -> str:
    """Path of the innermost scope, else the node's own name."""
    names: list[str] = []
    scope = int(graph.nodes.scope[node])
    while scope >= 0:
        names.append(strings[int(graph.scopes.name[scope])].replace("/", "."))
        scope = int(graph.scopes.parent[scope])
    return ".".join(names[::-1]) or strings[int(graph.nodes.name[node])]


_Differs = Callable[["_Side", int, "_Side", int], bool]


class _Side:
    """A graph's operations as units, the parts of joined items each for itself."""

    def __init__(self, graph: Graph, strings: StringTable, layers: Int32) -> None:
        self.graph, self.strings = graph, strings
        self.path = path = data_path(graph, strings)
        self.units = list(_units(graph, strings, path))
        self.unit_of = {row: at for at, unit in enumerate(self.units) for row in unit.nodes}
        self.rank = {row: number for number, row in enumerate(path.order)}
        self.results = _results(graph)
        self._layers = set(layers.tolist())

    def lone(self, twins: dict[int, dict[int, None]], paired: set[int]) -> list[int]:
        """Main nodes of operations without a twin, and dropouts that nothing is paired with."""
        units = [
            unit.main
            for at, unit in enumerate(self.units)
            if at not in twins and (unit.kind in WORTH or unit.scope not in self._layers)
        ]
        dropouts = [
            row
            for row, kind in enumerate(self.path.kinds)
            if kind == "side"
            and row not in paired
            and self.path.is_data[row]
            and "dropout" in words_of(self.strings[int(self.graph.nodes.operator[row])])
        ]
        return sorted(units + dropouts, key=self.rank.__getitem__)

    def feeders(self, at: int) -> set[int]:
        """Units and inputs (as -1 - node) that a unit reads, through mere copies."""
        found: set[int] = set()
        stack = [feeder for row in self.units[at].nodes for feeder in self.path.feeders[row]]
        seen = set(stack)
        while stack:
            row = stack.pop()
            unit = self.unit_of.get(row)
            if unit is not None and unit != at:
                found.add(unit)
            elif unit is None and self.path.is_data[row]:
                if self.graph.nodes.kind[row] == NodeKind.INPUT:
                    found.add(-1 - row)
                following = [each for each in self.path.feeders[row] if each not in seen]
                seen.update(following)
                stack += following
        return found


def _units(graph: Graph, strings: StringTable, path: DataPath) -> Iterator[Item]:
    """Of the main graph and all bodies; a layer that holds its loop's body is one unit."""
    seen: set[int] = set()
    for region in sorted(path.regions):
        for item in item_graph(graph, strings, path, region).items:
            for unit in item.parts or (item,):
                if unit.main not in seen:
                    seen.update(unit.nodes)
                    yield unit


def _results(graph: Graph) -> tuple[list[int], list[int]]:
    """Rows of the shape and the dtype of each node's first result, -1 if not known."""
    shapes = np.full(len(graph.nodes), -1, np.int32)
    dtypes = shapes.copy()
    shapes[graph.edges.source[::-1]] = graph.edges.shape[::-1]
    dtypes[graph.edges.source[::-1]] = graph.edges.dtype[::-1]
    return shapes.tolist(), dtypes.tolist()


def _unit_twins(
    pairs: list[tuple[int, int]], ours: _Side, theirs: _Side
) -> tuple[dict[int, dict[int, None]], dict[int, dict[int, None]]]:
    """The units, and inputs (as -1 - node), that hold twins, both ways."""
    twins: dict[int, dict[int, None]] = {}
    back: dict[int, dict[int, None]] = {}
    for node, twin in pairs:
        at, other = ours.unit_of.get(node, -1 - node), theirs.unit_of.get(twin, -1 - twin)
        is_input = ours.graph.nodes.kind[node] == NodeKind.INPUT
        if (at >= 0 and other >= 0) or (at < 0 and other < 0 and is_input):
            twins.setdefault(at, {})[other] = None
            back.setdefault(other, {})[at] = None
    return twins, back


def _even_pairs(
    twins: dict[int, dict[int, None]], back: dict[int, dict[int, None]]
) -> Iterator[tuple[int, int]]:
    """Units, or inputs, that correspond one to one."""
    for at, others in twins.items():
        other = next(iter(others))
        if len(others) == len(back[other]) == 1:
            yield at, other


def _changes(
    ours: _Side, at: int, theirs: _Side, other: int, twins: dict[int, dict[int, None]]
) -> Iterator[tuple[DifferenceKind, int, int]]:
    node = ours.units[at].main if at >= 0 else -1 - at
    twin = theirs.units[other].main if other >= 0 else -1 - other
    if at >= 0 and ours.units[at].kind != theirs.units[other].kind:
        yield DifferenceKind.OPERATOR, node, twin
    elif at >= 0 and changed_attributes(
        ours.graph, ours.strings, node, theirs.graph, theirs.strings, twin
    ):
        yield DifferenceKind.ATTRIBUTE, node, twin
    for kind, differs in (
        (DifferenceKind.SHAPE, _shape_differs),
        (DifferenceKind.DTYPE, _dtype_differs),
    ):
        if differs(ours, at, theirs, other) and not _comes_from_before(
            ours, at, theirs, twins, differs
        ):
            yield kind, node, twin


def _comes_from_before(
    ours: _Side, at: int, theirs: _Side, twins: dict[int, dict[int, None]], differs: _Differs
) -> bool:
    """What the unit reads differs in the same way, and so does its twin's."""
    return at >= 0 and any(
        differs(ours, feeder, theirs, other)
        for feeder in ours.feeders(at)
        for other in twins.get(feeder, ())
    )


def _shape_differs(ours: _Side, at: int, theirs: _Side, other: int) -> bool:
    shapes = [
        side.units[place].shape if place >= 0 else side.path.shapes[-1 - place]
        for side, place in ((ours, at), (theirs, other))
    ]
    if not all(shapes) or shapes[0] == shapes[1]:
        return False
    sizes = [int(np.prod(np.array(shape, np.float64))) for shape in shapes]
    return sizes[0] != sizes[1] or len(shapes[0]) == len(shapes[1])  # else axes were merged


def _dtype_differs(ours: _Side, at: int, theirs: _Side, other: int) -> bool:
    names = [
        side.strings[side.results[1][side.units[place].main if place >= 0 else -1 - place]]
        for side, place in ((ours, at), (theirs, other))
    ]
    return all(names) and names[0] != names[1]


def _merged(
    ours: _Side, theirs: _Side, back: dict[int, dict[int, None]]
) -> Iterator[tuple[int, int]]:
    """Units of one side whose one twin is the twin of others, too, but for the likest of them."""
    for other, units in back.items():
        if other < 0 or len(units) < 2:
            continue
        kind = theirs.units[other].kind
        alike = [at for at in units if ours.units[at].kind == kind]
        is_all_alike = len(alike) == len(units)
        for at in units:
            if is_all_alike or at not in alike[:1]:
                yield at, other


def _operator(graph: Graph, strings: StringTable, node: int) -> str:
    return strings[int(graph.nodes.operator[node])]


def _with_operator(graph: Graph, strings: StringTable, node: int) -> str:
    return f"{node_title(graph, strings, node)} ({_operator(graph, strings, node)})"


def _result(graph: Graph, strings: StringTable, node: int) -> tuple[str, str]:
    """Shape and dtype of what a node makes, "?" where it is not known."""
    rows = np.flatnonzero(graph.edges.source == node)
    if not len(rows):
        return "?", "?"
    shape, dtype = int(graph.edges.shape[rows[0]]), int(graph.edges.dtype[rows[0]])
    return strings[shape].replace(",", "×") or "?", strings[dtype] or "?"
