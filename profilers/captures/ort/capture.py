"""Reads what `runtimes.ort.inference` left: profile, authored and optimised model, run record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto

from profilers.captures.ort.device_work import DeviceWork
from profilers.captures.ort.files import (
    DEVICE_TRACE_FILE,
    MODEL_FILE,
    OPTIMISED_FILE,
    PROFILE_FILE,
    PROVIDERS_FILE,
    short_name,
)
from profilers.captures.ort.fusion import FusedNode, Provenance, trace_provenance
from profilers.captures.ort.memory import ArenaReplay, arena_samples, device_of
from profilers.captures.ort.nodes import RanNodes, find_nodes
from profilers.captures.ort.partitions import (
    Assignment,
    Partition,
    kernels_of,
    read_assignment,
    rows_of_breaks,
)
from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.captures.standing_blocks import held_throughout
from profilers.errors import DamagedFile
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.onnx_graph import Body, add_model, parse_model, with_shapes
from profilers.profile import (
    Allocations,
    Diagnostic,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    Memory,
    MemoryCategory,
    MemoryCounters,
    Profile,
    Severity,
    StringPool,
)
from profilers.profile.table import Int64
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.traces import Progress
from profilers.traces.onnxruntime_profile import RUN, Span, add_slices, number_steps, read_spans
from profilers.traces.trace_builder import TraceBuilder

_COMPILER = "ONNX Runtime"
_OPTIMISED_STAGE = 1
_MOST_UNEXPLAINED_SHARE = 0.01
_WHY_CONVERTED = {
    "layout reorder": "{tensor} is copied between the blocked (NCHWc) and the plain layout",
    "device copy": "{tensor} is copied between the memories of two devices",
    "precision cast": "{tensor} is copied into another precision: the next node has no kernel for it",
}
_MEASURED = (
    "Bytes requested from ONNX Runtime's arenas ({devices}) before and after each node, with its "
    "memory pattern off; weights and inputs from the model. Scratch memory within a node is not told."
)
_NOT_MEASURED = "Weights and inputs from the model; this ONNX Runtime reports no memory of nodes."


@dataclass(frozen=True)
class _Sources:
    """The two graphs of the model, with the rows of their nodes."""

    authored: Body
    optimised: Body
    authored_graph: Graph
    optimised_graph: Graph
    provenance: Provenance


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a capture of ONNX Runtime.

    Raises
    ------
    DamagedFile
        If one of the capture's files is missing or cannot be read.
    """
    pool = StringPool()
    sources = _read_graphs(folder, run.request.inputs, pool)
    progress(0.3)
    spans = read_spans(_existing(folder / PROFILE_FILE))
    steps = number_steps(spans, int(run.extra.get("unprofiled_runs", 0)))
    nodes = find_nodes(spans, sources.optimised)
    progress(0.5)
    parts = _assignment(folder, sources)
    fused = [each for each in sources.provenance.fused if each.node not in parts.taken_rows]
    links = _links(nodes, sources.provenance, fused)
    kernels = kernels_of(spans, parts)
    links |= {span: (-1, len(fused) + number) for span, number in kernels.items()}
    trace = TraceBuilder(pool)
    threads = add_slices(trace, spans, links)
    on_device: list[Diagnostic] = []
    if (folder / DEVICE_TRACE_FILE).is_file():
        seen = DeviceWork(folder / DEVICE_TRACE_FILE, spans, run.started_unix_ns)
        on_device = seen.add_to(trace, links, threads)
        run.facts = {**run.facts, **seen.facts}
    built, row_of = trace.build()
    progress(0.7)
    memory, memory_diagnostics = _memory(spans, nodes, sources, row_of, run.request, pool)
    fusion = _fusion(sources, fused, parts, pool)
    return Profile(
        Path(run.request.model_path).stem,
        strings=pool.table(),
        trace=built,
        graphs=(sources.authored_graph, sources.optimised_graph),
        fusion=fusion,
        memory=memory,
        steps=steps,
        timings=timings_of(run),
        diagnostics=(
            *diagnostics_of(run),
            *_link_diagnostics(spans, links, sources.provenance),
            *memory_diagnostics,
            *on_device,
        ),
        environment=environment_of(run),
        start_unix_ns=run.started_unix_ns,
    )


def _read_graphs(folder: Path, inputs: Sequence[InputSpec], pool: StringPool) -> _Sources:
    sizes = {spec.name: [int(size) for size in spec.shape] for spec in inputs if spec.is_concrete}
    authored_builder = GraphBuilder(pool)
    authored = add_model(authored_builder, with_shapes(_load(folder / MODEL_FILE), sizes))
    builder = GraphBuilder(pool, "optimised")
    optimised = add_model(builder, with_shapes(_load(folder / OPTIMISED_FILE), sizes))
    provenance = trace_provenance(authored, optimised)
    for node, origins in provenance.origins.items():
        for origin in origins:
            builder.origin(node, origin)
    return _Sources(authored, optimised, authored_builder.build(), builder.build(), provenance)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DamagedFile(f"Cannot read the capture {path.parent}", f"it lacks {path.name}")
    return path


def _load(path: Path) -> ModelProto:
    try:
        return parse_model(_existing(path).read_bytes())
    except ValueError as error:
        raise DamagedFile(
            f"Cannot read the capture {path.parent}", f"its {path.name} is damaged ({error})"
        ) from error


def _assignment(folder: Path, sources: _Sources) -> Assignment:
    try:
        return read_assignment(folder / PROVIDERS_FILE, sources.optimised, sources.provenance)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its {PROVIDERS_FILE} is damaged ({error})"
        ) from error


def _links(
    nodes: RanNodes, provenance: Provenance, fused: Sequence[FusedNode]
) -> dict[Span, tuple[int, int]]:
    """Authored node (where it is one) and fusion group of each node event."""
    group_of = {
        row: group for group, each in enumerate(fused) for row in (each.node, *each.helpers)
    }
    links = {}
    for span, row in nodes.rows.items():
        origins = provenance.origins.get(row, ())
        group = group_of.get(row, -1)
        node = origins[0] if len(origins) == 1 and group < 0 else -1
        if node >= 0 or group >= 0:
            links[span] = (node, group)
    return links


def _fusion(
    sources: _Sources, fused: Sequence[FusedNode], parts: Assignment, pool: StringPool
) -> Fusion:
    """Groups of the fused nodes and then of the providers' parts; breaks."""
    names = sources.optimised_graph.nodes.name
    compiler = pool.add(_COMPILER)
    groups: list[tuple[int, ...]] = [
        (names[each.node], pool.add(each.operator), compiler, -1, _OPTIMISED_STAGE, each.node)
        for each in fused
    ]
    groups += [_part_row(number, part, pool) for number, part in enumerate(parts.partitions)]
    made_of = [each.members for each in fused] + [each.nodes for each in parts.partitions]
    members = [(group, node) for group, nodes in enumerate(made_of) for node in nodes]
    converted = [
        (kind, _WHY_CONVERTED[kind].format(tensor=tensor), _origin(sources.provenance, row))
        for row, (kind, tensor) in sources.provenance.conversions.items()
        if row not in parts.taken_rows
    ]
    breaks = [
        (pool.add(kind), pool.add(reason), -1, node)
        for kind, reason, node in (*converted, *rows_of_breaks(parts), *_gone(sources.provenance))
    ]
    return Fusion(
        FusionGroups.from_rows(groups),
        FusionMembers.from_rows(members),
        FusionBreaks.from_rows(breaks),
    )


def _gone(provenance: Provenance) -> Iterator[tuple[str, str, int]]:
    """Authored nodes that run nowhere, with why."""
    for row, is_folded in sorted(provenance.gone.items()):
        if is_folded:
            yield "constant folded", "It depends on no input: computed while loading.", row
        else:
            yield "removed", "What it does is not needed, or another node does it.", row


def _part_row(number: int, part: Partition, pool: StringPool) -> tuple[int, ...]:
    provider = short_name(part.provider)
    name, kind = f"{provider} {number + 1}", f"{provider} partition"
    return pool.add(name), pool.add(kind), pool.add(provider), -1, -1, -1


def _origin(provenance: Provenance, row: int) -> int:
    return next(iter(provenance.origins.get(row, ())), -1)


def _memory(
    spans: Sequence[Span],
    nodes: RanNodes,
    sources: _Sources,
    row_of: Int64,
    request: RunRequest,
    pool: StringPool,
) -> tuple[Memory, list[Diagnostic]]:
    replay = ArenaReplay(nodes)
    runs = [span for span in spans if span.event.name == RUN and span.step >= 0]
    for run in runs:
        replay.replay(run)
    device = request.device
    rows = [*held_throughout(sources.authored_graph, request.inputs, pool, weights_on=device)]
    for block in replay.blocks:
        origins = sources.provenance.origins.get(nodes.rows.get(block.owner, -1), (-1,))
        rows.append((
            block.allocated_ns, block.freed_ns, block.bytes,
            pool.add(device_of(block.owner.event, device)), MemoryCategory.ACTIVATION,
            row_of[block.owner.slice], origins[-1], -1,
        ))  # fmt: skip
    samples = sorted(arena_samples(runs), key=lambda sample: sample.time_ns)
    arenas = [device_of(sample.owner.event, device) for sample in samples]
    counters = [
        (sample.time_ns, pool.add(arena), sample.in_use_bytes, sample.held_bytes)
        for sample, arena in zip(samples, arenas, strict=True)
    ]
    allocated = sum(block.bytes for block in replay.blocks)
    memory = Memory(
        _MEASURED.format(devices=", ".join(sorted(set(arenas)))) if counters else _NOT_MEASURED,
        Allocations.from_rows(rows),
        MemoryCounters.from_rows(counters),
    )
    return memory, list(_memory_diagnostics(bool(counters), replay.unexplained_bytes, allocated))


def _memory_diagnostics(
    is_measured: bool, unexplained_bytes: int, allocated_bytes: int
) -> Iterator[Diagnostic]:
    if not is_measured:
        yield Diagnostic(
            Severity.WARNING,
            "This ONNX Runtime does not report the memory of nodes, so only weights and inputs show.",
            "Use ONNX Runtime 1.32 or newer.",
        )
    if unexplained_bytes > _MOST_UNEXPLAINED_SHARE * allocated_bytes:
        yield Diagnostic(
            Severity.WARNING,
            f"{unexplained_bytes} bytes were given back by nodes whose buffers could not be told "
            "apart; they are shown as held until the end of their step.",
        )


def _link_diagnostics(
    spans: Sequence[Span], links: Mapping[Span, tuple[int, int]], provenance: Provenance
) -> Iterator[Diagnostic]:
    unlinked = sum(
        span.event.is_kernel and span not in links for root in spans for span in root.walk()
    )
    if unlinked:
        yield Diagnostic(
            Severity.WARNING,
            "Some node runs could not be tied to a node of the model.",
            "Their time counts as unlinked.",
            unlinked,
        )
    if provenance.gone:
        yield Diagnostic(
            Severity.INFO,
            "ONNX Runtime computed these nodes while loading or removed them, so they take no time.",
            count=len(provenance.gone),
        )
