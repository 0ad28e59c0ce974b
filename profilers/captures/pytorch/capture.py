"""Reads what the PyTorch run modes left: Kineto trace, authored graph, run record."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.pytorch.aoti import (
    PACKAGED,
    is_package_alone,
    is_packaged,
    made_for_next,
    read_packaged,
)
from profilers.captures.pytorch.compiled import (
    KERNEL,
    Compiled,
    gave_up,
    is_compiled,
    read_compiled,
    read_failure,
)
from profilers.captures.pytorch.compiled_backward import COMPILED_BACKWARD
from profilers.captures.pytorch.compiled_memory import with_gradients, with_makers
from profilers.captures.pytorch.distributed_files import UNITS
from profilers.captures.pytorch.files import (
    BLAS,
    BRANCH_MARK,
    MODULE_MARK,
    NODE_MARK,
    PYTHON_FUNCTIONS,
    SIZES_FILE,
    TRACE_FILE,
    TRAINING,
)
from profilers.captures.pytorch.graphs import linked_graph
from profilers.captures.pytorch.input_sizes import with_input_sizes
from profilers.captures.pytorch.library_kernels import with_libraries
from profilers.captures.pytorch.links import linked_launches
from profilers.captures.pytorch.memory import torch_memory
from profilers.captures.pytorch.runtime_calls import runtime_told
from profilers.captures.pytorch.script_backward_fusion import (
    BackwardKernels,
    with_backward_kernels,
)
from profilers.captures.pytorch.script_fusion import (
    NNC_KERNEL,
    has_fusion,
    read_script_fusion,
    with_script_makers,
)
from profilers.captures.pytorch.training import (
    FORWARD_FLOPS,
    forward_alone,
    linked_training,
    with_training,
)
from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.errors import DamagedFile
from profilers.profile import (
    Diagnostic,
    Fusion,
    Graph,
    Memory,
    Profile,
    SliceKind,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32
from profilers.run_record import RunRecord
from profilers.traces import Progress
from profilers.traces.chrome_json import read_chrome_trace
from profilers.traces.chrome_trace import ChromeTrace

_MARKS = (NODE_MARK, MODULE_MARK, BRANCH_MARK)


@dataclass(frozen=True, eq=False)
class _Linked:
    """The graphs of a run, and which node and kernel each slice is of."""

    graph: Graph
    nodes: Int32
    groups: Int32
    notes: tuple[Diagnostic, ...]
    stages: tuple[Graph, ...] = ()
    fusion: Fusion = field(default_factory=Fusion.empty)
    compiled: Compiled | None = None


def begin(folder: Path) -> ChromeTrace:
    """The trace, with the sizes of inputs.

    Raises
    ------
    DamagedFile
        If it is missing or cannot be read.
    """
    return _traced(folder, lambda share: None)


def read(
    folder: Path, run: RunRecord, progress: Progress, begun: ChromeTrace | None = None
) -> Profile:
    """The Profile of a capture of PyTorch, of which the trace may have been read already.

    Raises
    ------
    DamagedFile
        If one of the capture's files is missing or cannot be read.
    """
    found = begun or _traced(folder, lambda share: progress(0.6 * share))
    called = frozenset(run.extra.get(PYTHON_FUNCTIONS, ()))
    slices = _kinds_told(found.trace.slices, found.pool.table(), called, nnc=has_fusion(folder))
    slices = runtime_told(slices, found.pool.table())
    linked = _linked(folder, run, found, slices)
    progress(0.8)
    slices = slices.replace(node=linked.nodes, group=linked.groups)
    fusion = linked.fusion
    if linked.compiled is not None:
        arguments, library = found.trace.arguments, run.facts.get(BLAS, "")
        named = with_libraries(fusion.groups, slices, found.pool, arguments, library)
        fusion = replace(fusion, groups=named)
    memory = _memory(folder, run, found, slices, linked)
    slices = _unmarked(slices, found.pool.table(), found.pool)
    progress(1.0)
    return Profile(
        Path(run.request.model_path).stem,
        strings=found.pool.table(),
        trace=replace(found.trace, slices=slices),
        graphs=(linked.graph, *linked.stages),
        fusion=fusion,
        memory=memory,
        steps=found.steps,
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *linked.notes, *found.diagnostics),
        environment=environment_of(run),
        start_unix_ns=_start_ns(found, run),
    )


def _traced(folder: Path, progress: Progress) -> ChromeTrace:
    found = read_chrome_trace(_existing(folder / TRACE_FILE), progress)
    return with_input_sizes(found, folder / SIZES_FILE)


def _linked(folder: Path, run: RunRecord, found: ChromeTrace, slices: Slices) -> _Linked:
    """By whichever record of the run there is: the graph's, a compiler's, a script's, a backward's."""
    training = run.extra.get(TRAINING)
    forward = forward_alone(slices, found.pool.table()) if training else slices
    graph, nodes, notes = linked_graph(folder, run, found, forward)
    linked = _Linked(graph, nodes, np.full(len(slices), -1, np.int32), notes)
    if is_compiled(folder) or is_packaged(folder):
        linked = _with_compiled(folder, linked, found, slices, forward)
    if gave_up(folder):
        with _damage_told(folder, "record of the compiler"):
            graph, breaks = read_failure(folder, linked.graph, found.pool)
        linked = replace(linked, graph=graph, fusion=replace(linked.fusion, breaks=breaks))
    if has_fusion(folder):
        with _damage_told(folder, "executed graph"):
            script = read_script_fusion(folder, linked.graph, found, forward, linked.nodes)
        linked = replace(
            linked,
            stages=(script.stage,), fusion=script.fusion, nodes=script.nodes, groups=script.groups,
        )  # fmt: skip
    if training:
        linked = _with_backward(folder, linked, training, found, slices)
    flows, launch = found.trace.flows, found.pool.table().find("launch")
    return replace(
        linked,
        nodes=linked_launches(linked.nodes, flows, launch),
        groups=linked_launches(linked.groups, flows, launch),
    )


def _with_compiled(
    folder: Path, linked: _Linked, found: ChromeTrace, slices: Slices, forward: Slices
) -> _Linked:
    """With what a compiler made of the model, on the spot or in a package."""
    with _damage_told(folder, "record of the compiler"):
        compiled = (
            read_compiled(folder, linked.graph, found, slices, forward)
            if is_compiled(folder)
            else read_packaged(folder, linked.graph, found, slices)
        )
    return replace(
        linked,
        nodes=compiled.nodes,
        groups=compiled.groups,
        notes=(*linked.notes, *compiled.diagnostics),
        stages=compiled.stages,
        fusion=compiled.fusion,
        compiled=compiled,
    )


def _with_backward(
    folder: Path, linked: _Linked, told: dict[str, Any], found: ChromeTrace, slices: Slices
) -> _Linked:
    with _damage_told(folder, "record of the training step"):
        trained = with_training(linked.graph, told, found.pool)
    flows, strings = found.trace.flows, found.pool.table()
    nodes = linked_training(trained, slices, strings, flows, linked.nodes)
    kernels = BackwardKernels(linked.stages, linked.fusion, nodes, linked.groups)
    if has_fusion(folder):
        kernels = with_backward_kernels(kernels, trained.graph, slices, found.pool)
    return replace(
        linked,
        graph=trained.graph,
        notes=(*linked.notes, FORWARD_FLOPS),
        stages=kernels.stages, fusion=kernels.fusion, nodes=kernels.nodes, groups=kernels.groups,
    )  # fmt: skip


def _memory(
    folder: Path, run: RunRecord, found: ChromeTrace, slices: Slices, linked: _Linked
) -> Memory:
    """As the allocator's events tell it, with the makers that the record of the run knows."""
    training, units = run.extra.get(TRAINING), run.extra.get(UNITS)
    request, graph, compiled = run.request, linked.graph, linked.compiled
    memory = torch_memory(found, slices, graph, request.inputs, request.device, training, units)
    if compiled is not None:
        memory = with_makers(memory, slices)
        strings, sizes = found.pool.table(), graph.parameters.bytes
        return with_gradients(memory, slices, strings, sizes, compiled.gradients)
    if has_fusion(folder):
        return with_script_makers(memory, slices)
    return made_for_next(memory, slices) if is_package_alone(folder) else memory


@contextmanager
def _damage_told(folder: Path, record: str) -> Iterator[None]:
    """What goes wrong in reading a record is told as damage of it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its {record} is damaged ({error})"
        ) from error


def _kinds_told(slices: Slices, strings: StringTable, called: Set[str], *, nnc: bool) -> Slices:
    """Ranges of nodes, modules and script functions are no operators, though Kineto says so.

    Those are that a graph calls in Python.
    """
    is_range = np.array(
        [
            _is_range(text) and text not in called and not (nnc and text.startswith(NNC_KERNEL))
            for text in strings
        ],
        np.bool_,
    )
    wrongly = (slices.kind == SliceKind.OPERATOR) & is_range[slices.name]
    return slices.replace(kind=np.where(wrongly, SliceKind.SCOPE, slices.kind))


def _is_range(text: str) -> bool:
    if text.startswith(_MARKS) or text.endswith(COMPILED_BACKWARD):
        return True
    return not ("::" in text or text.startswith(PACKAGED) or KERNEL.fullmatch(text))


def _unmarked(slices: Slices, strings: StringTable, pool: StringPool) -> Slices:
    """Ranges are called by the node or module alone."""
    plain = {
        row: pool.add(_without_mark(text))
        for row, text in enumerate(strings)
        if text.startswith(_MARKS)
    }
    return slices.replace(
        name=np.array([plain.get(name, name) for name in slices.name.tolist()], np.int32)
    )


def _without_mark(text: str) -> str:
    for mark in _MARKS:
        text = text.removeprefix(mark)
    return text or "(the model)"


def _start_ns(found: ChromeTrace, run: RunRecord) -> int:
    base = found.header.get("base_time_nanoseconds")
    return (base if isinstance(base, int) else run.started_unix_ns) + found.origin_ns


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DamagedFile(f"Cannot read the capture {path.parent}", f"it lacks {path.name}")
    return path
