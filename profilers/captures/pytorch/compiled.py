"""What torch.compile made of a model: Inductor's kernels, their authored nodes, and their slices."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.pytorch.bodies import IN_BODY
from profilers.captures.pytorch.compiled_backward import (
    BackwardLinks,
    backward_graph,
    gradients_of_calls,
)
from profilers.captures.pytorch.compiled_links import KernelLinks
from profilers.captures.pytorch.control_program import in_own_bodies
from profilers.captures.pytorch.cuda_graph_links import replayed_groups, with_copied_inputs
from profilers.captures.pytorch.files import COMPILATION_FILE, COMPILE_FAILURE_FILE
from profilers.captures.pytorch.fusion_breaks import FAILURE, fusion_breaks
from profilers.captures.pytorch.inductor_provenance import (
    members_from_names,
    readers_of_buffers,
    readers_of_inputs,
    traced_of_calls,
)
from profilers.captures.pytorch.links import (
    operator_name,
    places_of,
    rows_in_order,
)
from profilers.captures.pytorch.traced_operators import plain_operator, with_gaps
from profilers.captures.scope_trails import common_trail
from profilers.captures.sequence_alignment import END, Place, align
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
    Problems,
    Severity,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32
from profilers.traces.chrome_trace import ChromeTrace

Json = dict[str, Any]

STAGE, BACKWARD_STAGE = "inductor", "inductor backward"
KERNEL = re.compile(  # generated, as a trace names them; in branches and loops without a number
    r"graph_\d+_\w+|cpp_fused_\w+|triton_\w+_\d+"
)
_UNTOLD = (
    "This PyTorch does not tell what the kernels of the compiled backward were made of, so they are "
    "tied to no operators."
)
_UNTOLD_REMEDY = "Capture with PyTorch 2.13 to have them tied."
_SAME = 0.5  # share of traced nodes; a fused path leaves next to nothing of the layers' own


@dataclass(frozen=True)
class Compiled:
    """`nodes` and `groups` have a row per slice; `stages` come after the authored graph.

    `gradients` has, by slice, the weights whose gradients a kernel of a backward writes.
    """

    stages: tuple[Graph, ...]
    fusion: Fusion
    nodes: Int32
    groups: Int32
    diagnostics: tuple[Diagnostic, ...]
    gradients: Mapping[int, Sequence[int]] = field(default_factory=dict)


def is_compiled(folder: Path) -> bool:
    return (folder / COMPILATION_FILE).is_file()


def gave_up(folder: Path) -> bool:
    return (folder / COMPILE_FAILURE_FILE).is_file()


def read_failure(folder: Path, authored: Graph, pool: StringPool) -> tuple[Graph, FusionBreaks]:
    """The graph that ran without a compiler, its node that the compiler stopped at marked, and why.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the record of the compilation is missing or damaged.
    """
    document: Json = json.loads((folder / COMPILE_FAILURE_FILE).read_text())
    breaks = fusion_breaks(document, (), authored, pool.table(), pool)
    failure = pool.add(FAILURE)
    rows = [
        (node, reason)
        for kind, reason, node in zip(
            breaks.kind.tolist(), breaks.reason.tolist(), breaks.node.tolist(), strict=True
        )
        if kind == failure and node >= 0
    ]
    problems = Problems.joined([authored.problems, Problems.from_rows(rows)])
    return replace(authored, problems=problems), breaks


def follows(folder: Path, authored: Graph, strings: StringTable) -> bool:
    """Whether what the compiler traced is this graph, and not a fused path of eager mode."""
    records = json.loads((folder / COMPILATION_FILE).read_text())["graphs"]
    _, program = _authored_program(authored, strings)
    places = _places(_traced(records), program)
    return sum(place >= 0 for place in places) >= _SAME * len(places)


def read_compiled(
    folder: Path, authored: Graph, found: ChromeTrace, slices: Slices, of_forward: Slices
) -> Compiled:
    """The kernels as a stage of their own, each tied to authored nodes and to its slices.

    Parameters
    ----------
    of_forward : Slices
        The same slices, of which only those of the forward belong to a step.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If the record of the compilation is missing or damaged.
    """
    document: Json = json.loads((folder / COMPILATION_FILE).read_text())
    strings = found.pool.table()
    records = [record for record in document["graphs"] if record.get("code")]
    made_of = authored_of_traced(records, authored, strings)
    graphs = [
        _compiled_graph(record, authored, strings, names)
        for record, names in zip(records, made_of, strict=True)
    ]
    backwards = [
        (number, backward_graph(record, graphs[number], made_of[number], authored, strings))
        for number, record in enumerate(records)
        if record.get("backward_code")
    ]
    handed = [
        names for number, graph in backwards for names in gradients_of_calls(graphs[number], graph)
    ]
    every = [*graphs, *(graph for _, graph in backwards)]
    stages, groups = _stages((graphs, every[len(graphs) :]), found.pool)
    lines = _lines(records, made_of)
    breaks = fusion_breaks(document, every, authored, strings, found.pool, lines)
    strings = found.pool.table()
    linked = KernelLinks(graphs, authored, of_forward, strings)
    differentiated = BackwardLinks(backwards, handed, linked, authored, slices, strings)
    replayed = replayed_groups(every, slices, strings)
    standing = np.array([*linked.heaviest, *differentiated.heaviest, -1], np.int32)
    nodes = _first_known(standing[replayed], linked.nodes(), differentiated.nodes())
    members = FusionMembers.joined([linked.members(), differentiated.members()])
    return Compiled(
        stages,
        Fusion(groups, members, breaks),
        with_copied_inputs(nodes, authored, slices, strings),
        _first_known(replayed, linked.groups(), differentiated.groups()),
        (*_told(document, records), *_unnamed(every)),
        differentiated.gradients,
    )


def _first_known(*columns: Int32) -> Int32:
    """In each row the first value that is one."""
    known = columns[0]
    for column in columns[1:]:
        known = np.where(known >= 0, known, column)
    return known


def _compiled_graph(
    record: Json, authored: Graph, strings: StringTable, made_of: dict[str, list[int]]
) -> CompiledGraph:
    code = read_inductor_code(record["code"])
    taken = _taken(record, code)
    weights = {buffer: node["state"] for buffer, node in taken.items() if node["state"]}
    inputs = {buffer: node["name"] for buffer, node in taken.items() if not node["state"]}
    readers = {
        **readers_of_buffers(weights, authored, strings),
        **readers_of_inputs(inputs, record, made_of),
    }
    members = members_from_names(code, traced_of_calls(record, code), made_of, readers)
    trails = [common_trail(authored, strings, nodes) for nodes in members]
    return CompiledGraph(code, weights, members, trails)


def _taken(record: Json, code: InductorCode) -> dict[str, Json]:
    """The generated code takes what Dynamo's graph takes, in the same order: its node by buffer."""
    placeholders = [node for node in record.get("nodes", ()) if node["operator"] == "placeholder"]
    if len(placeholders) != len(code.inputs):
        return {}
    return {buffer.name: node for buffer, node in zip(code.inputs, placeholders, strict=True)}


def authored_of_traced(
    records: Sequence[Json], authored: Graph, strings: StringTable
) -> list[dict[str, list[int]]]:
    """For each graph the authored nodes of each node that Dynamo traced, found by order.

    What has no counterpart of its own stands for the authored nodes between its neighbours'; what is
    in a branch or a loop only for those in one. A body that several operators share has all of theirs.
    What the model does under autocast or without gradients is in no body where Dynamo traces a program
    of Python, and in one where it traces an exported program.
    """
    traced = _traced(records)
    rows, program = _authored_program(authored, strings)
    places = _places(traced, program)
    scope_of = {row: place.scope for row, place in zip(rows, program, strict=True)}
    in_body, runs_apart = authored.nodes.subgraph >= 0, in_own_bodies(authored, strings)
    found: list[dict[str, list[int]]] = [{} for _ in records]
    for (number, name, _, module), nodes in zip(traced, with_gaps(places, rows), strict=True):
        near = [node for node in nodes if (in_body if IN_BODY in name else ~runs_apart)[node]]
        near = near if in_body.any() else nodes
        same = [node for node in near if scope_of[node] == module]
        found[number].setdefault(name, []).extend(same or near)
    placed = {each[0] for each, place in zip(traced, places, strict=True) if place >= 0}
    first: dict[tuple[object, ...], int] = {}
    for number, record in enumerate(records):  # what was compiled again is what it was before
        own = tuple(each[1:] for each in traced if each[0] == number)
        before = first.setdefault((str(record["id"]).partition("/")[0], own), number)
        if number not in placed:
            found[number] = found[before]
    return found


def _lines(records: Sequence[Json], made_of: Sequence[dict[str, list[int]]]) -> dict[int, str]:
    """The line of code of each authored node, as Dynamo knows it."""
    found: dict[int, str] = {}
    for record, names in zip(records, made_of, strict=True):
        for node in record.get("nodes", ()):
            rows = names.get(node["name"], [])
            if node.get("line") and len(rows) == 1:  # several: its neighbours'
                found.setdefault(rows[0], str(node["line"]))
    return found


def _traced(records: Sequence[Json]) -> list[tuple[int, str, str, str]]:
    """(graph, name, operator, module) of what Dynamo traced."""
    return [
        (number, node["name"], plain_operator(node["operator"]), node["module"])
        for number, record in enumerate(records)
        for node in record.get("nodes", ())
        if node["operator"] not in ("placeholder", "get_attr")
    ]


def _places(traced: Sequence[tuple[int, str, str, str]], program: Sequence[Place]) -> list[int]:
    executed = tuple((operator, module) for _, _, operator, module in traced)
    return align(executed, program, 0 if program else END)


def _authored_program(authored: Graph, strings: StringTable) -> tuple[list[int], list[Place]]:
    rows = rows_in_order(authored)
    places = places_of(authored, strings, rows)
    plain = [
        Place(
            plain_operator(operator_name(strings[int(authored.nodes.operator[row])])),
            place.scope,
            place.followers,
        )
        for row, place in zip(rows, places, strict=True)
    ]
    return rows, plain


def _stages(
    parts: Sequence[Sequence[CompiledGraph]], pool: StringPool
) -> tuple[tuple[Graph, ...], FusionGroups]:
    """A stage for the forwards and one for the backwards, and a group for every kernel call."""
    stages: list[Graph] = []
    groups: list[tuple[int, ...]] = []
    compiler = pool.add("Inductor")
    for name, graphs in zip((STAGE, BACKWARD_STAGE), parts, strict=True):
        if not graphs and stages:
            continue
        builder = GraphBuilder(pool, name)
        rows = add_kernels(builder, graphs)
        stages.append(builder.build())
        for graph, nodes in zip(graphs, rows, strict=True):
            for call, node in zip(graph.code.calls, nodes, strict=True):
                source = pool.add(call.source) if call.source else -1
                what = (pool.add(call.name), pool.add(call.kind), compiler, source)
                groups.append((*what, len(stages), node))
    return tuple(stages), FusionGroups.from_rows(groups)


def _unnamed(graphs: Sequence[CompiledGraph]) -> tuple[Diagnostic, ...]:
    calls = [
        call.name
        for graph in graphs
        if any(graph.members)
        for call, members in zip(graph.code.calls, graph.members, strict=True)
        if not members
    ]
    if not calls:
        return ()
    names = list(dict.fromkeys(calls))
    listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    what = "one of its kernels" if len(calls) == 1 else f"{len(calls)} of its kernels"
    message = (
        f"Inductor names no operator for {what} ({listed}), whose time then belongs to no node of the "
        "model."
    )
    return (Diagnostic(Severity.INFO, message),)


def _told(document: Json, records: Sequence[Json]) -> tuple[Diagnostic, ...]:
    told = []
    parts = len(
        {str(record["id"]).partition("/")[0] for record in records}
    )  # however often compiled
    if document["breaks"]:
        message = (
            f"torch.compile cut the model into {parts} graphs, so nothing is fused across the cuts."
            if parts > 1
            else "torch.compile left a part of the model to eager mode."
            if records
            else "torch.compile compiled nothing of this model: it ran operator by operator."
        )
        told.append(
            Diagnostic(Severity.INFO, message, "The list of fusion breaks tells where and why.")
        )
    if any(each.get("backward_code") and not each.get("backward_provenance") for each in records):
        told.append(Diagnostic(Severity.WARNING, _UNTOLD, _UNTOLD_REMEDY))
    return tuple(told)
