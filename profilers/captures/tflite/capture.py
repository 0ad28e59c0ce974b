"""Reads what `runtimes.tflite.inference` left: the model, what its delegate took, and its operators' times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.captures.standing_blocks import held_throughout
from profilers.captures.tflite.files import MODEL_FILE, RUN_FILE
from profilers.captures.tflite.plan import TfliteRun, read_run
from profilers.captures.tflite.stage import delegated_stage
from profilers.errors import DamagedFile
from profilers.graphs.tflite_graph import TfliteModel, read_tflite
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
    NodeKind,
    Profile,
    Severity,
    SliceKind,
    Steps,
    StringPool,
    StringTable,
)
from profilers.run_record import RunRecord
from profilers.traces import Progress
from profilers.traces.trace_builder import TraceBuilder

_MEMORY = (
    "Sizes of the model's tensors, each held from the operator that makes it to the last one that "
    "reads it; TFLite's arena and a delegate may place several in the same bytes. Weights and inputs "
    "by their size."
)
_FITS_ALONE = (
    "{delegate} takes {operator} alone, but not here: its part would have been too small, or a "
    "shape is not known before the run"
)
_STAGE = 1  # of the graph with the delegate's parts
_NEVER = "{delegate} has no kernel for {operator} with these types and options"


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a capture of TFLite.

    Raises
    ------
    DamagedFile
        If one of the capture's files is missing or cannot be read.
    """
    pool = StringPool()
    try:
        model = read_tflite((folder / MODEL_FILE).read_bytes(), pool)
        told = read_run(folder / RUN_FILE)
        if len(model.operators) != len(told.alone_ns):
            raise ValueError("the operators of its files do not pair up")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"Cannot read the capture {folder}", str(error)) from error
    progress(0.5)
    stage, partitions = delegated_stage(model, told, pool)
    fusion = _fusion(told, model, partitions, pool)
    trace = TraceBuilder(pool)
    steps = [
        _Step(number, start - told.step_starts_ns[0], duration)
        for number, (start, duration) in enumerate(
            zip(told.step_starts_ns, run.profiled_ns, strict=False)
        )
    ]
    placed = [_add_step(trace, step, told, model, pool.table()) for step in steps]
    built, row_of = trace.build()
    rows = list(held_throughout(model.graph, run.request.inputs, pool))
    for step, spans in zip(steps, placed, strict=True):
        for node, begin, end, size, handle in _tensors_held(model.graph, spans, step.end_ns):
            slice_row = int(row_of[handle]) if handle >= 0 else -1
            rows.append((
                begin, end, size, pool.add("cpu"), MemoryCategory.ACTIVATION, slice_row, node, -1,
            ))  # fmt: skip
    progress(1.0)
    return Profile(
        Path(run.request.model_path).stem,
        strings=pool.table(),
        trace=built,
        graphs=(model.graph, stage) if partitions else (model.graph,),
        fusion=fusion,
        memory=Memory(_MEMORY, Allocations.from_rows(rows), MemoryCounters.empty()),
        steps=Steps.from_rows((s.start_ns, s.duration_ns, s.number) for s in steps),
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *_told_of_times(told, run)),
        environment=environment_of(run),
        start_unix_ns=run.started_unix_ns,
    )


@dataclass(frozen=True)
class _Step:
    number: int
    start_ns: int
    duration_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclass(frozen=True)
class _Span:
    """When an operator runs in a step; `handle` is its slice, -1 if it has none."""

    begin_ns: int
    end_ns: int
    handle: int


def _fusion(
    told: TfliteRun, model: TfliteModel, partitions: Sequence[int], pool: StringPool
) -> Fusion:
    """A group for each part that the delegate took; a break for each operator that it left."""
    strings = pool.table()
    groups: list[tuple[int, ...]] = []
    members: list[tuple[int, int]] = []
    breaks: list[tuple[int, ...]] = []
    compiler = pool.add(told.delegate)
    kind = pool.add(f"{told.delegate} partition")
    for unit in told.units:
        rows = [model.operators[at] for at in unit.operators]
        if unit.is_delegated:
            name = pool.add(f"{told.delegate} {len(groups) + 1}")
            members += [(len(groups), row) for row in rows]
            groups.append((name, kind, compiler, -1, _STAGE, partitions[len(groups)]))
        elif told.delegate:
            says = _FITS_ALONE if told.can_be_delegated[unit.operators[0]] else _NEVER
            operator = strings[int(model.graph.nodes.operator[rows[0]])]
            reason = says.format(delegate=told.delegate, operator=operator)
            breaks.append((pool.add("fallback"), pool.add(reason), -1, rows[0]))
    return Fusion(
        FusionGroups.from_rows(groups),
        FusionMembers.from_rows(members),
        FusionBreaks.from_rows(breaks),
    )


def _add_step(
    trace: TraceBuilder, step: _Step, told: TfliteRun, model: TfliteModel, strings: StringTable
) -> dict[int, _Span]:
    """The slices of a step, by node: its operators share its time as they take alone."""
    if not step.number:
        trace.track("interpreter", process="TFLite")
    trace.slice(
        0, step.start_ns, step.duration_ns, "invoke", SliceKind.STEP, "step", step=step.number
    )
    nodes = model.graph.nodes
    times = _shared_out(step, told)
    spans: dict[int, _Span] = {}
    partition = -1
    for unit in told.units:
        begin, end = times[unit.operators[0]][0], times[unit.operators[-1]][1]
        partition += unit.is_delegated
        if unit.is_delegated and end > begin:
            name = f"{told.delegate} {partition + 1} ({len(unit.operators)} operators)"
            trace.slice(0, begin, end - begin, name, SliceKind.SCOPE, "delegate", step=step.number)
        for at in unit.operators:
            row = model.operators[at]
            begin, end = times[at]
            handle = -1
            if end > begin:
                handle = trace.slice(
                    0, begin, end - begin, strings[int(nodes.operator[row])],
                    SliceKind.OPERATOR, "estimated", step=step.number, node=row,
                    group=partition if unit.is_delegated else -1,
                    arguments={
                        "node": strings[int(nodes.name[row])], "alone_ns": told.alone_ns[at],
                    },
                )  # fmt: skip
            spans[row] = _Span(begin, end, handle)
    return spans


def _shared_out(step: _Step, told: TfliteRun) -> dict[int, tuple[int, int]]:
    """Begin and end of each operator, one after the other over the whole step."""
    known = sum(time for time in told.alone_ns if time > 0)
    begin, spent = step.start_ns, 0
    times = {}
    for at in (each for unit in told.units for each in unit.operators):
        spent += max(told.alone_ns[at], 0)
        end = step.start_ns + (step.duration_ns * spent // known if known else 0)
        times[at] = begin, end
        begin = end
    return times


def _tensors_held(
    graph: Graph, spans: dict[int, _Span], step_end_ns: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """(node, from, to, bytes, slice handle) of each tensor that an operator makes."""
    edges = graph.edges
    held: dict[tuple[int, int], tuple[int, int]] = {}  # by maker and name: end and bytes
    is_output = graph.nodes.kind == NodeKind.OUTPUT
    columns = (edges.source, edges.target, edges.tensor, edges.bytes)
    for source, target, tensor, size in zip(*(c.tolist() for c in columns), strict=True):
        if source not in spans or size <= 0:
            continue
        read_until = spans[target].end_ns if target in spans else 0
        end = step_end_ns if is_output[target] else read_until
        before, _ = held.get((source, tensor), (0, 0))
        held[source, tensor] = (max(before, end), size)
    for (source, _), (end, size) in held.items():
        span = spans[source]
        yield source, span.begin_ns, max(end, span.end_ns), size, span.handle


def _told_of_times(told: TfliteRun, run: RunRecord) -> Iterator[Diagnostic]:
    known = [time for time in told.alone_ns if time >= 0]
    if known and run.measured_ns:
        step = sorted(run.measured_ns)[len(run.measured_ns) // 2]
        yield Diagnostic(
            Severity.WARNING,
            "Times of single operators are estimated by isolated operators: TFLite tells only the "
            "time of a whole step. Each operator was run alone on the values it has in the model, "
            f"and each step's time is shared out like that. Alone they take {sum(known) / step:.0%} "
            "of a step together.",
        )
    unknown = len(told.alone_ns) - len(known)
    if unknown:
        yield Diagnostic(
            Severity.WARNING,
            "Some operators could not be run alone, so that no time is told of them.",
            "Their time counts with the other operators of the step.",
            unknown,
        )
