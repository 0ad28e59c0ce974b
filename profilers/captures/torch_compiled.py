"""What torch.compile made of a model: Inductor's kernels, their authored nodes, and their slices."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.scope_trails import common_trail
from profilers.captures.sequence_alignment import END, Place, align
from profilers.captures.torch_files import COMPILATION_FILE
from profilers.captures.torch_links import (
    inherited,
    operator_name,
    outermost_operators,
    straight_program,
)
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.torch_inductor_code import InductorCode, read_inductor_code
from profilers.graphs.torch_inductor_graph import CompiledGraph, add_kernels
from profilers.profile import (
    Diagnostic,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    Memory,
    Severity,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32
from profilers.traces.chrome_trace import ChromeTrace

Json = dict[str, Any]

STAGE = "inductor"
KERNEL = re.compile(r"graph_\d+_cpp_\w+|triton_\w+_\d+")  # generated, as a trace names them
_SAME = 0.5  # share of traced nodes; a fused path leaves next to nothing of the layers' own
_REGION = "Torch-Compiled Region"
_PLACE = re.compile(r"(?P<file>[^\\/\s]+\.py):(?P<line>\d+)")
_SYNONYMS = {
    "iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "truediv": "div",
    "floordiv": "floor_divide", "view": "reshape", "_unsafe_view": "reshape", "concat": "cat",
    "concatenate": "cat", "_softmax": "softmax", "native_layer_norm": "layer_norm",
    "native_batch_norm": "batch_norm", "_native_batch_norm_legit_no_training": "batch_norm",
    "einsum": "einsum", "__getitem__": "getitem", "select": "getitem", "slice": "getitem",
    "swapaxes": "transpose", "t": "transpose",
}  # fmt: skip


@dataclass(frozen=True)
class Compiled:
    """`nodes` and `groups` have a row per slice."""

    stage: Graph
    fusion: Fusion
    nodes: Int32
    groups: Int32
    diagnostics: tuple[Diagnostic, ...]


def is_compiled(folder: Path) -> bool:
    return (folder / COMPILATION_FILE).is_file()


def follows(folder: Path, authored: Graph, strings: StringTable) -> bool:
    """Whether what the compiler traced is this graph, and not a fused path of eager mode."""
    records = json.loads((folder / COMPILATION_FILE).read_text())["graphs"]
    _, program = _authored_program(authored, strings)
    places = _places(_traced(records), program)
    return sum(place >= 0 for place in places) >= _SAME * len(places)


def read_compiled(folder: Path, authored: Graph, found: ChromeTrace, slices: Slices) -> Compiled:
    """The kernels as a stage of their own, each tied to authored nodes and to its slices.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the record of the compilation is missing or damaged.
    """
    document: Json = json.loads((folder / COMPILATION_FILE).read_text())
    strings = found.pool.table()
    records = [record for record in document["graphs"] if record.get("code")]
    made_of = _authored_of_traced(records, authored, strings)
    graphs = [
        _compiled_graph(record, authored, strings, names)
        for record, names in zip(records, made_of, strict=True)
    ]
    builder = GraphBuilder(found.pool, STAGE)
    rows = add_kernels(builder, graphs)
    groups, members = _groups(graphs, rows, found.pool)
    breaks = _breaks(document, authored, strings, found.pool)
    linked = _Links(graphs, authored, slices, found.pool.table())
    return Compiled(
        builder.build(),
        Fusion(groups, members, breaks),
        linked.nodes(),
        linked.groups(),
        _told(document, len(records)),
    )


def _compiled_graph(
    record: Json, authored: Graph, strings: StringTable, made_of: dict[str, list[int]]
) -> CompiledGraph:
    code = read_inductor_code(record["code"])
    provenance = record.get("provenance", {})
    to_post, to_traced = provenance.get("cppCodeToPost", {}), provenance.get("postToPre", {})
    members = [
        tuple(
            sorted({
                node
                for post in to_post.get(call.handle, ())
                for name in to_traced.get(post, ())
                for node in made_of.get(name, ())
            })
        )
        for call in code.calls
    ]  # fmt: skip
    trails = [common_trail(authored, strings, nodes) for nodes in members]
    return CompiledGraph(code, _weights(record, code), members, trails)


def _weights(record: Json, code: InductorCode) -> dict[str, str]:
    """The generated code takes what Dynamo's graph takes, in the same order."""
    placeholders = [node for node in record.get("nodes", ()) if node["operator"] == "placeholder"]
    if len(placeholders) != len(code.inputs):
        return {}
    pairs = zip(code.inputs, placeholders, strict=True)
    return {buffer.name: node["state"] for buffer, node in pairs if node["state"]}


def _authored_of_traced(
    records: Sequence[Json], authored: Graph, strings: StringTable
) -> list[dict[str, list[int]]]:
    """For each graph the authored nodes of each node that Dynamo traced, found by order.

    What has no counterpart of its own stands for the authored nodes between its neighbours'.
    """
    traced = _traced(records)
    rows, program = _authored_program(authored, strings)
    places = _places(traced, program)
    scope_of = {row: place.scope for row, place in zip(rows, program, strict=True)}
    found: list[dict[str, list[int]]] = [{} for _ in records]
    for (number, name, _, module), nodes in zip(traced, _with_gaps(places, rows), strict=True):
        same = [node for node in nodes if scope_of[node] == module]
        found[number][name] = same or nodes
    return found


def _traced(records: Sequence[Json]) -> list[tuple[int, str, str, str]]:
    """(graph, name, operator, module) of what Dynamo traced."""
    return [
        (number, node["name"], _plain(node["operator"]), node["module"])
        for number, record in enumerate(records)
        for node in record.get("nodes", ())
        if node["operator"] not in ("placeholder", "get_attr")
    ]


def _places(traced: Sequence[tuple[int, str, str, str]], program: Sequence[Place]) -> list[int]:
    executed = tuple((operator, module) for _, _, operator, module in traced)
    return align(executed, program, 0 if program else END)


def _authored_program(authored: Graph, strings: StringTable) -> tuple[list[int], list[Place]]:
    places, rows = straight_program(authored, strings)
    plain = [
        Place(
            _plain(operator_name(strings[int(authored.nodes.operator[row])])),
            place.scope,
            place.followers,
        )
        for row, place in zip(rows, places, strict=True)
    ]
    return rows, plain


def _plain(operator: str) -> str:
    """``aten::add_`` and ``iadd`` are both ``add``."""
    name = operator.rpartition("::")[2].rpartition(".")[2]
    name = name.rstrip("_") if not name.startswith("__") else name
    return _SYNONYMS.get(name, name)


def _with_gaps(places: Sequence[int], rows: Sequence[int]) -> list[list[int]]:
    """Rows of each place; a run without places has those between, else those beside it."""
    nodes = [[rows[place]] if place >= 0 else [] for place in places]
    known = [-1, *(number for number, place in enumerate(places) if place >= 0), len(places)]
    for before, after in pairwise(known):
        begin = places[before] + 1 if before >= 0 else 0
        end = places[after] if after < len(places) else len(rows)
        gap = list(rows[begin:end]) or list(rows[max(begin - 1, 0) : end + 1])
        for number in range(before + 1, after):
            nodes[number] = gap
    return nodes


def _groups(
    graphs: Sequence[CompiledGraph], rows: Sequence[Sequence[int]], pool: StringPool
) -> tuple[FusionGroups, FusionMembers]:
    """A group for every kernel call, in the order of the graphs."""
    groups: list[tuple[int, ...]] = []
    members: list[tuple[int, int]] = []
    compiler = pool.add("Inductor")
    for graph, nodes in zip(graphs, rows, strict=True):
        for call, made_of, node in zip(graph.code.calls, graph.members, nodes, strict=True):
            members += [(len(groups), member) for member in made_of]
            source = pool.add(call.source) if call.source else -1
            groups.append((pool.add(call.name), pool.add(call.kind), compiler, source, 1, node))
    return FusionGroups.from_rows(groups), FusionMembers.from_rows(members)


class _Links:
    """Finds the kernel call of each slice by the order in which a step executed them."""

    def __init__(
        self,
        graphs: Sequence[CompiledGraph],
        authored: Graph,
        slices: Slices,
        strings: StringTable,
    ) -> None:
        self._authored, self._slices, self._strings = authored, slices, strings
        self._members = [members for graph in graphs for members in graph.members]
        self._program = _kernel_program(graphs)
        self._inside = _inside_regions(slices, strings)
        self._groups: Int32 = np.full(len(slices), -1, np.int32)
        self._nodes: Int32 = np.full(len(slices), -1, np.int32)
        outermost, modules = outermost_operators(slices, strings)
        known: dict[tuple[tuple[str, str], ...], tuple[list[int], list[int]]] = {}
        for step in np.unique(slices.step[outermost]).tolist():
            rows = [row for row in outermost if slices.step[row] == step]
            rows.sort(key=lambda row: int(slices.start_ns[row]))
            executed = tuple((self._name(row), modules.get(row, "")) for row in rows)
            if executed not in known:
                known[executed] = self._found(executed, rows)
            groups, nodes = known[executed]
            self._groups[rows], self._nodes[rows] = groups, nodes

    def groups(self) -> Int32:
        return inherited(self._slices, self._groups)

    def nodes(self) -> Int32:
        return inherited(self._slices, self._nodes)

    def _name(self, row: int) -> str:
        return operator_name(self._strings[int(self._slices.name[row])])

    def _found(
        self, executed: tuple[tuple[str, str], ...], rows: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Group and authored node of each operator of a step."""
        groups = [place - 1 if place > 0 else -1 for place in align(executed, self._program, 0)]
        nodes = [self._heaviest(group) for group in groups]
        following = -1
        for number in range(len(rows) - 1, -1, -1):  # what prepares a kernel belongs to it
            if groups[number] >= 0:
                following = nodes[number]
            elif self._inside[rows[number]]:
                nodes[number] = following
        self._add_eager(executed, rows, groups, nodes)
        return groups, nodes

    def _add_eager(
        self,
        executed: tuple[tuple[str, str], ...],
        rows: Sequence[int],
        groups: Sequence[int],
        nodes: list[int],
    ) -> None:
        """What runs between compiled graphs is eager: it is an authored node as it is."""
        outside = [
            number
            for number, row in enumerate(rows)
            if groups[number] < 0 and not self._inside[row]
        ]
        program, authored = straight_program(self._authored, self._strings)
        if not outside or not program:
            return
        places = align(tuple(executed[number] for number in outside), program, 0)
        for number, place in zip(outside, places, strict=True):
            if place >= 0:
                nodes[number] = authored[place]

    def _heaviest(self, group: int) -> int:
        """The member that stands for a group: the one with most FLOPs."""
        members = list(self._members[group]) if group >= 0 else []
        if not members:
            return -1
        return members[int(np.argmax(self._authored.nodes.flops[members]))]


def _kernel_program(graphs: Sequence[CompiledGraph]) -> list[Place]:
    """Place 0 is between graphs, from where any graph may run next; call n is place n + 1."""
    firsts, number = [], 1
    for graph in graphs:
        if graph.code.calls:
            firsts.append(number)
        number += len(graph.code.calls)
    places = [Place("", "", (*firsts, END), is_silent=True)]
    for graph in graphs:
        for position, call in enumerate(graph.code.calls):
            is_last = position + 1 == len(graph.code.calls)
            places.append(
                Place(
                    _traced_name(call.name, call.kind, graph.code.number),
                    "",
                    (0 if is_last else len(places) + 1,),
                )
            )
    return places


def _traced_name(name: str, kind: str, graph: int) -> str:
    """How the call is named in a trace."""
    if kind == "extern":
        return operator_name(name)
    return f"graph_{graph}_{name}" if kind == "C++/OpenMP" else name


def _inside_regions(slices: Slices, strings: StringTable) -> np.ndarray[Any, np.dtype[np.bool_]]:
    is_region = np.array([text.startswith(_REGION) for text in strings], np.bool_)
    inside = is_region[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    return inside


def with_makers(memory: Memory, slices: Slices) -> Memory:
    """Buffers that no operator allocated belong to the next kernel: they are made right before it.

    Parameters
    ----------
    slices : Slices
        With nodes and groups.
    """
    kernels = np.flatnonzero((slices.group >= 0) & (slices.node >= 0))
    kernels = kernels[np.argsort(slices.start_ns[kernels], kind="stable")]
    blocks = memory.allocations
    following = np.searchsorted(slices.start_ns[kernels], blocks.allocated_ns)
    makers = np.append(slices.node[kernels], -1)[following]
    wanted = (blocks.slice >= 0) & (blocks.node < 0)
    nodes = np.where(wanted, makers, blocks.node)
    return replace(memory, allocations=blocks.replace(node=nodes))


def _breaks(
    document: Json, authored: Graph, strings: StringTable, pool: StringPool
) -> FusionBreaks:
    sources = {
        strings[source]: row
        for row, source in reversed(list(enumerate(authored.nodes.source.tolist())))
        if source >= 0
    }
    rows = []
    for kind, texts in (("graph break", document["breaks"]), ("recompile", document["recompiles"])):
        for text in dict.fromkeys(texts):
            place = _PLACE.search(text)
            location = f"{place['file']}:{place['line']}" if place else ""
            rows.append((
                pool.add(kind), pool.add(_reason(text)),
                pool.add(location) if location else -1, sources.get(location, -1),
            ))  # fmt: skip
    return FusionBreaks.from_rows(rows)


def _reason(text: str) -> str:
    """The explanation where the text has one, else its first sentence that tells anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    explained = [line for line in lines if line.startswith("Explanation:")]
    if explained:
        return explained[0].removeprefix("Explanation:").strip()
    told = [line for line in lines if not line.startswith(("Graph break", "[", "]"))]
    return (told or lines or [""])[0].removeprefix("Graph Break Reason:").strip(' ",')


def _told(document: Json, graphs: int) -> tuple[Diagnostic, ...]:
    if not document["breaks"]:
        return ()
    return (
        Diagnostic(
            Severity.INFO,
            f"torch.compile cut the model into {graphs} graphs, so nothing is fused across the cuts.",
            "The list of fusion breaks tells where and why.",
        ),
    )
