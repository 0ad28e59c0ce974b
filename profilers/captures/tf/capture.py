"""Reads a TensorFlow capture folder: trace, graph before and after its compiler, fusions, memory."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.captures.tf.compiled_calls import nodes_of_calls
from profilers.captures.tf.eager_links import eager_nodes, makers_of, unmarked, with_operators
from profilers.captures.tf.files import (
    AUTHORED_FILE,
    HOSTS_FOLDER,
    LAYERS_FILE,
    MODULE_FILE,
    OPTIMISED_FILE,
    TRACE_FILE,
    VARIABLES_FILE,
)
from profilers.captures.tf.gradients import forward_of
from profilers.captures.tf.grappler_fusion import GrapplerResult, link_optimised
from profilers.captures.tf.names import NodeNames
from profilers.captures.tf.replicas import with_replica_tracks
from profilers.captures.tf.xla_refusal import with_refusal
from profilers.captures.xla.fusion import block_makers, link_program, with_instructions
from profilers.captures.xla.memory import SOURCE, planned_blocks
from profilers.captures.xplane.loops import with_rounds
from profilers.captures.xplane.memory import complete_memory
from profilers.captures.xplane.training import with_training
from profilers.captures.xplane.xprof_reports import xprof_reports
from profilers.errors import DamagedFile
from profilers.graphs.hlo_program import HloProgram, read_hlo
from profilers.graphs.tensorflow_protos import parse
from profilers.graphs.tf_graph_def import Weight, read_graph_def
from profilers.profile import (
    Diagnostic,
    Fusion,
    Graph,
    Memory,
    Origins,
    Profile,
    Report,
    Scopes,
    Severity,
    SliceKind,
    StringPool,
    Trace,
    decode,
)
from profilers.profile.table import Int32
from profilers.run_record import RunRecord
from profilers.traces import Progress, xplane

STAGE = "grappler"
PLAIN_STAGE = "executed"  # with Grappler off

_NO_STAGE = Diagnostic(
    Severity.WARNING, "TensorFlow did not tell its optimised graph, so fusions are not known."
)
_ON_DEVICE = (SliceKind.KERNEL, SliceKind.COPY)
_RETRACED = re.compile(r"_\d+$")  # Keras numbers a layer's scope each time it is traced


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a folder that `profilers.runtimes.tf.session` wrote.

    Raises
    ------
    DamagedFile
        If a file is missing, cut or inconsistent.
    """
    try:
        hosts = folder / HOSTS_FOLDER
        traced, operations = xplane.read_with_operations(
            hosts if hosts.is_dir() else folder / TRACE_FILE,
            lambda fraction: progress(0.6 * fraction),
        )
        if run.request.mode == "tf-mirrored":
            traced = with_replica_tracks(traced, folder / OPTIMISED_FILE)
        pool = StringPool(traced.strings)
        weights, layers = _weights(folder), _layers(folder)
        authored = _graph(folder / AUTHORED_FILE, pool, "authored", weights)
        authored = replace(authored, scopes=_with_classes(authored.scopes, layers, pool))
        has_module = (folder / MODULE_FILE).exists()
        program = read_hlo((folder / MODULE_FILE).read_bytes()) if has_module else None
        has_optimised = (folder / OPTIMISED_FILE).exists() and not has_module
        stage = PLAIN_STAGE if run.request.options.get("grappler") == "off" else STAGE
        optimised = _graph(folder / OPTIMISED_FILE, pool, stage, weights) if has_optimised else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"Cannot read the capture {folder}", str(error)) from error
    progress(0.8)
    if run.request.mode == "tf-eager":
        found = _eager(traced, authored, layers, pool)
    elif program is None:
        found = _optimised(traced, operations, authored, optimised, pool)
    else:
        device = run.request.device
        found = _compiled(traced, authored, program, list(weights.values()), device, pool)
    module = folder / MODULE_FILE
    linked = _linked(traced, found, run, pool)
    forward = forward_of(linked.authored, linked.strings)
    linked = with_training(linked, _of_optimiser(folder), forward)
    profile = replace(with_rounds(linked), reports=_reports(folder, module if has_module else None))
    progress(1.0)
    return profile


def _reports(folder: Path, module: Path | None) -> tuple[Report, ...]:
    """What xprof makes of the trace; of a run over several processes, of the first one's."""
    trace = folder / TRACE_FILE
    return xprof_reports(
        trace if trace.exists() else min((folder / HOSTS_FOLDER).iterdir()), module
    )


@dataclass(frozen=True)
class _Linked:
    """`makers` has an authored node for each allocation."""

    graphs: tuple[Graph, ...]
    fusion: Fusion
    trace: Trace
    memory: Memory
    makers: Sequence[int]
    diagnostics: tuple[Diagnostic, ...]


def _optimised(
    traced: Profile,
    operations: Sequence[str],
    authored: Graph,
    optimised: Graph | None,
    pool: StringPool,
) -> _Linked:
    """Links of a graph that the executor ran node by node, after Grappler."""
    strings = pool.table()
    names = NodeNames(authored, strings)
    result = GrapplerResult(Fusion.empty(), Origins.empty(), {}, (_NO_STAGE,))
    graphs: tuple[Graph, ...] = (authored,)
    if optimised is not None:
        result = link_optimised(authored, optimised, 1, names, strings, pool)
        graphs = (authored, replace(optimised, origins=result.origins))
    trace = _with_links(traced.trace, names, result, strings)
    within = nodes_of_calls(trace, strings, authored)
    is_inner = (trace.slices.kind == SliceKind.KERNEL) & (trace.slices.node < 0)
    linked = np.where(is_inner, within, trace.slices.node)
    trace = replace(trace, slices=trace.slices.replace(node=linked))
    told = [result.group_of.get(name, (-1, names.find(name)))[1] for name in operations]
    # The allocator names no operator where a thread of its own allocates, as for collectives.
    near = np.append(np.where(linked >= 0, linked, within), np.int32(-1))
    around = near[traced.memory.allocations.slice].tolist()
    makers = [own if own >= 0 else outer for own, outer in zip(told, around, strict=True)]
    return _Linked(graphs, result.fusion, trace, traced.memory, makers, result.diagnostics)


def _eager(
    traced: Profile, authored: Graph, layers: Mapping[str, str], pool: StringPool
) -> _Linked:
    """Links of operators that Python ran one by one."""
    strings, slices = pool.table(), traced.trace.slices
    nodes = eager_nodes(slices, strings, authored, layers, NodeNames(authored, strings))
    slices = with_operators(slices, strings, pool).replace(node=nodes)
    trace = replace(traced.trace, slices=unmarked(slices, strings, pool))
    makers = makers_of(traced.memory.allocations, slices, nodes).tolist()
    return _Linked((authored,), Fusion.empty(), trace, traced.memory, makers, ())


def _compiled(
    traced: Profile,
    authored: Graph,
    program: HloProgram,
    weights: Sequence[Weight],
    device: str,
    pool: StringPool,
) -> _Linked:
    """Links of a program that XLA compiled."""
    strings = pool.table()
    result = link_program(program, authored, weights, 1, NodeNames(authored, strings), pool)
    trace = with_instructions(traced.trace, result, strings)
    if len(traced.memory.allocations):
        memory = traced.memory
        makers = block_makers(result, memory.allocations)
    else:
        blocks = planned_blocks(program, result.node_of, trace.slices, strings, pool.add(device))
        memory, makers = Memory(SOURCE, blocks, traced.memory.counters), blocks.node
    return _Linked((authored, result.stage), result.fusion, trace, memory, makers.tolist(), ())


def _linked(traced: Profile, found: _Linked, run: RunRecord, pool: StringPool) -> Profile:
    authored, strings = found.graphs[0], pool.table()
    memory = complete_memory(found.memory, found.makers, authored, run.request, strings, pool)
    environment = environment_of(run)
    fusion = with_refusal(found.fusion, run.extra.get("refused"), authored, strings, pool)
    return replace(
        traced,
        name=environment.model_name,
        strings=pool.table(),
        trace=found.trace,
        graphs=found.graphs,
        fusion=fusion,
        memory=memory,
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *traced.diagnostics, *found.diagnostics),
        environment=environment,
    )


def _with_links(
    trace: Trace, names: NodeNames, result: GrapplerResult, strings: Sequence[str]
) -> Trace:
    """Operator slices are called ``node:Type``; device kernels carry that name as an argument.

    A fused operator stands for its heaviest member.
    """
    slices = trace.slices
    node_of: Int32 = np.full(len(strings), -1, np.int32)
    group_of: Int32 = np.full(len(strings), -1, np.int32)
    is_operator = slices.kind == SliceKind.OPERATOR
    for row in np.unique(slices.name[is_operator]):
        running = strings[row].rpartition(":")[0]
        group_of[row], node_of[row] = result.group_of.get(running, (-1, names.find(running)))
    node = np.where(is_operator, node_of[slices.name], -1)
    group = np.where(is_operator, group_of[slices.name], -1)
    for row in np.flatnonzero(np.isin(slices.kind, _ON_DEVICE)):
        running = str(decode(trace.arguments, int(row)).get("tf_op", "")).rpartition(":")[0]
        group[row], node[row] = result.group_of.get(running, (-1, names.find(running)))
    return replace(trace, slices=slices.replace(node=node, group=group))


def _graph(path: Path, pool: StringPool, stage: str, weights: Mapping[str, Weight]) -> Graph:
    return read_graph_def(parse("GraphDef", path.read_bytes()), pool, stage, weights=weights)


def _weights(folder: Path) -> dict[str, Weight]:
    """Variables by the placeholder that stands for them."""
    return {
        row["placeholder"]: Weight(row["name"], row["dtype"], row["shape"])
        for row in _json(folder / VARIABLES_FILE)
    }


def _of_optimiser(folder: Path) -> set[str]:
    """Names of variables that belong to an optimiser."""
    rows = _json(folder / VARIABLES_FILE)
    return {row["name"] for row in rows if row.get("is_of_optimiser")}


def _layers(folder: Path) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in _json(folder / LAYERS_FILE).items()}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _with_classes(scopes: Scopes, layers: Mapping[str, str], pool: StringPool) -> Scopes:
    """Name the class of each scope that is a Keras layer."""
    strings = pool.table()
    kinds = scopes.kind.copy()
    for row, name in enumerate(scopes.name.tolist()):
        text = strings[name]
        kind = layers.get(text) or layers.get(_RETRACED.sub("", text))
        if kind:
            kinds[row] = pool.add(kind)
    return scopes.replace(kind=kinds)
