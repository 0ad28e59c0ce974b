"""What TorchScript made of a module: fusion groups of NNC and batch norms folded into weights."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.free_places import FreePlaces
from profilers.captures.pytorch.files import EXECUTED_SCRIPT_FILE, FOLDED
from profilers.captures.pytorch.links import operator_name, outermost_operators, scope_paths
from profilers.captures.pytorch.program import script_program
from profilers.captures.pytorch.shapes import numbered_nodes
from profilers.captures.pytorch.traced_operators import plain_operator, with_gaps
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.torch_script_json import read_script_graph
from profilers.profile import (
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    Memory,
    MemoryCategory,
    Origins,
    SliceKind,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32
from profilers.traces.chrome_trace import ChromeTrace

Json = dict[str, Any]

STAGE = "executed"
COMPILER, NNC = "TorchScript", "NNC"
NNC_KERNEL = "fused_"  # begins the name of a kernel in a trace
_GROUP, _ONEDNN = "prim::TensorExprGroup", "prim::mkldnn_convolution"


@dataclass(frozen=True)
class ScriptFusion:
    """`nodes` and `groups` have a row per slice."""

    stage: Graph
    fusion: Fusion
    nodes: Int32
    groups: Int32


@dataclass(frozen=True)
class _Group:
    row: int  # node of the executed graph
    name: str
    kind: str
    members: tuple[int, ...]


def has_fusion(folder: Path) -> bool:
    return (folder / EXECUTED_SCRIPT_FILE).is_file()


def read_script_fusion(
    folder: Path, authored: Graph, found: ChromeTrace, slices: Slices, nodes: Int32
) -> ScriptFusion:
    """The executed graph as a stage, with its groups tied to authored nodes and to slices.

    Parameters
    ----------
    nodes : int32 array
        Authored node of each slice, as far as the operators tell it.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the executed graph is missing or damaged.
    """
    document: Json = json.loads((folder / EXECUTED_SCRIPT_FILE).read_text())
    stage = read_script_graph(document, found.pool, stage=STAGE)
    strings = found.pool.table()
    origins = _origins(document, authored, strings)
    groups = list(_groups(document, authored, strings, origins))
    pairs = sorted((row, node) for row, made_of in origins.items() for node in made_of)
    stage = replace(stage, origins=Origins.from_rows(pairs))
    by_slice = _rows_of_slices(slices, found.pool.table(), stage)
    return ScriptFusion(
        stage,
        _tables(groups, found.pool),
        inherited(slices, _with_executed(slices, nodes, by_slice, origins)),
        inherited(slices, _groups_of(by_slice, groups)),
    )


def _with_executed(
    slices: Slices, nodes: Int32, by_slice: Int32, origins: dict[int, list[int]]
) -> Int32:
    """Nodes of what was executed otherwise than written; what prepares it belongs to it."""
    filled = nodes.copy()
    for row in np.flatnonzero((filled < 0) & (by_slice >= 0)).tolist():
        made_of = origins.get(int(by_slice[row]), ())
        filled[row] = next(iter(made_of), -1)
    is_outermost = (slices.parent < 0) | (slices.kind[slices.parent] != SliceKind.OPERATOR)
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0) & is_outermost)
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    following = -1
    for row in rows[::-1].tolist():
        following = int(filled[row]) if filled[row] >= 0 else following
        filled[row] = following
    return filled


def _groups_of(by_slice: Int32, groups: Sequence[_Group]) -> Int32:
    group_of = {
        group.row: number
        for number, group in enumerate(groups)
        if group.name != _ONEDNN  # only its result's memory is seen, not the kernel
    }
    return np.array([group_of.get(row, -1) for row in by_slice.tolist()], np.int32)


def with_script_makers(memory: Memory, slices: Slices) -> Memory:
    """What oneDNN's convolutions allocate outside of operators belongs to the next operator's node.

    Parameters
    ----------
    slices : Slices
        With nodes.
    """
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.node >= 0))
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    blocks = memory.allocations
    following = np.searchsorted(slices.start_ns[rows], blocks.allocated_ns)
    makers = np.append(slices.node[rows], -1)[following]
    is_made = (blocks.parameter < 0) & (blocks.category != MemoryCategory.INPUT)
    nodes = np.where(is_made & (blocks.node < 0), makers, blocks.node)
    return replace(memory, allocations=blocks.replace(node=nodes))


def _origins(document: Json, authored: Graph, strings: StringTable) -> dict[int, list[int]]:
    """Authored nodes of each executed one: its twin, what reads its weights, or what lies between."""
    flat = list(_flattened(document))
    program, rows = script_program(authored, strings)
    plain = [replace(place, operator=plain_operator(place.operator)) for place in program]
    executed = tuple((plain_operator(str(node["operator"])), _path(node)) for _, node in flat)
    places = align(executed, plain, 0 if plain else END)
    is_fused = [bool(node.get("is_fused")) for _, node in flat]
    _add_moved([operator for operator, _ in executed], is_fused, plain, places)
    matched = {rows[place] for place in places if place >= 0}
    readers = _readers(authored, strings)
    found: dict[int, list[int]] = {}
    gaps = with_gaps(places, rows)
    for number, (row, node) in enumerate(flat):
        own = [reader for _, name in node["parameters"] for reader in readers.get(name, ())]
        own = own or ([rows[places[number]]] if places[number] >= 0 else [])
        own = own or [each for each in gaps[number] if each not in matched]
        found[row] = sorted({*found.get(row, []), *own})
    return found


def _readers(authored: Graph, strings: StringTable) -> dict[str, list[int]]:
    """Authored nodes that read a weight, by its name."""
    names, uses = authored.parameters.name.tolist(), authored.parameter_uses
    found: dict[str, list[int]] = {}
    for parameter, node in zip(uses.parameter.tolist(), uses.node.tolist(), strict=True):
        found.setdefault(strings[names[parameter]], []).append(node)
    return found


def _add_moved(
    operators: Sequence[str],
    is_fused: Sequence[bool],
    program: Sequence[Place],
    places: list[int],
) -> None:
    """A group is executed later than some of its operators stand: the nearest one that is free."""
    free = FreePlaces(((at, place.operator) for at, place in enumerate(program)), set(places))
    last = 0
    for number, operator in enumerate(operators):
        if places[number] < 0 and is_fused[number]:
            places[number] = free.take(operator, last)
        last = max(last, places[number])


def _flattened(document: Json) -> Iterator[tuple[int, Json]]:
    """Executed operators in order, those of a group under the group's row."""
    for row, node in numbered_nodes(document):
        if node["operator"] == _GROUP:
            yield from ((row, {**inner, "is_fused": True}) for inner in node["fused"])
        elif not node["blocks"]:
            yield row, node


def _groups(
    document: Json, authored: Graph, strings: StringTable, origins: dict[int, list[int]]
) -> Iterator[_Group]:
    folded = _Folded(authored, strings)
    for row, node in numbered_nodes(document):
        if node["operator"] == _GROUP:
            words = [plain_operator(str(inner["operator"])) for inner in node["fused"]]
            name = f"{NNC_KERNEL}{'_'.join(words)}"
            yield _Group(row, name, NNC, tuple(origins.get(row, ())))
            continue
        weights = [name for _, name in node["parameters"] if FOLDED in name]
        if weights:
            members = folded.members(weights[0].partition(f".{FOLDED}")[0])
            origins[row] = sorted({*origins.get(row, ()), *members})
            yield _Group(row, str(node["operator"]), "folded batch norm", tuple(members))


class _Folded:
    """Finds a convolution by its module, and the batch norm that read it."""

    def __init__(self, authored: Graph, strings: StringTable) -> None:
        self._nodes, self._edges = authored.nodes, authored.edges
        self._operators = [plain_operator(strings[row]) for row in authored.nodes.operator.tolist()]
        paths = scope_paths(authored, strings)
        self._at: dict[str, list[int]] = {}
        for row, scope in enumerate(authored.nodes.scope.tolist()):
            self._at.setdefault(paths.get(scope, ""), []).append(row)

    def members(self, path: str) -> list[int]:
        own = [row for row in self._at.get(path, ()) if "conv" in self._operators[row]]
        own = own or self._at.get(path, [])[:1]
        readers = self._edges.target[np.isin(self._edges.source, own)].tolist()
        return own + [row for row in readers if self._operators[row] == "batch_norm"]


def _rows_of_slices(slices: Slices, strings: StringTable, stage: Graph) -> Int32:
    """Executed node of each outermost operator, by the order in which a step executed them."""
    program, rows = script_program(stage, strings)
    places = [_kernel_place(place) for place in program]
    found: Int32 = np.full(len(slices), -1, np.int32)
    outermost, _ = outermost_operators(slices, strings)
    for step in np.unique(slices.step[outermost]).tolist():
        own = [row for row in outermost if slices.step[row] == step]
        own.sort(key=lambda row: int(slices.start_ns[row]))
        executed = tuple((_kernel_name(strings[int(slices.name[row])]), "") for row in own)
        for row, place in zip(own, align(executed, places, 0 if places else END), strict=True):
            found[row] = rows[place] if place >= 0 else -1
    return found


def _kernel_place(place: Place) -> Place:
    """How the node is seen in a trace; of oneDNN's convolution only its result's memory is."""
    seen = {_GROUP: NNC_KERNEL, _ONEDNN: "aten::empty"}.get(place.operator)
    return replace(place, operator=seen, is_silent=False) if seen else place


def _kernel_name(text: str) -> str:
    return NNC_KERNEL if text.startswith(NNC_KERNEL) else operator_name(text)


def _path(node: Json) -> str:
    return ".".join(name for name, _ in node["scope"])


def _tables(groups: Sequence[_Group], pool: StringPool) -> Fusion:
    compiler = pool.add(COMPILER)
    return Fusion(
        FusionGroups.from_rows(
            (pool.add(group.name), pool.add(group.kind), compiler, -1, 1, group.row)
            for group in groups
        ),
        FusionMembers.from_rows(
            (number, node) for number, group in enumerate(groups) for node in group.members
        ),
        FusionBreaks.empty(),
    )
