"""Reads what the PyTorch run modes left: Kineto trace, authored graph, run record."""

from dataclasses import replace
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
from profilers.captures.pytorch.files import BLAS, MODULE_MARK, NODE_MARK, TRACE_FILE, TRAINING
from profilers.captures.pytorch.graphs import linked_graph
from profilers.captures.pytorch.library_kernels import with_libraries
from profilers.captures.pytorch.links import linked_launches
from profilers.captures.pytorch.memory import torch_memory
from profilers.captures.pytorch.runtime_calls import runtime_told
from profilers.captures.pytorch.script_fusion import (
    NNC_KERNEL,
    ScriptFusion,
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
    Fusion,
    FusionBreaks,
    Graph,
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

_MARKS = (NODE_MARK, MODULE_MARK)


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a capture of PyTorch.

    Raises
    ------
    DamagedFile
        If one of the capture's files is missing or cannot be read.
    """
    found = read_chrome_trace(_existing(folder / TRACE_FILE), lambda share: progress(0.6 * share))
    is_fused_script = has_fusion(folder)
    slices = _kinds_told(found.trace.slices, found.pool.table(), nnc=is_fused_script)
    slices = runtime_told(slices, found.pool.table())
    training = run.extra.get(TRAINING)
    of_graph = forward_alone(slices, found.pool.table()) if training else slices
    graph, nodes, notes = linked_graph(folder, run, found, of_graph)
    stages: tuple[Graph, ...] = ()
    fusion, groups = Fusion.empty(), np.full(len(slices), -1, np.int32)
    compiled = _compiled(folder, graph, found, slices, of_graph)
    if compiled is not None:
        stages, fusion = compiled.stages, compiled.fusion
        nodes, groups, notes = compiled.nodes, compiled.groups, (*notes, *compiled.diagnostics)
    if gave_up(folder):
        graph, breaks = _gave_up(folder, graph, found)
        fusion = replace(fusion, breaks=breaks)
    if is_fused_script:
        script = _of_script(folder, graph, found, of_graph, nodes)
        stages, fusion = (script.stage,), script.fusion
        nodes, groups = script.nodes, script.groups
    if training:
        graph, nodes = _trained(folder, training, graph, found, slices, nodes)
        notes = (*notes, FORWARD_FLOPS)
    strings = found.pool.table()
    launch = strings.find("launch")
    nodes = linked_launches(nodes, found.trace.flows, launch)
    groups = linked_launches(groups, found.trace.flows, launch)
    progress(0.8)
    slices = slices.replace(node=nodes, group=groups)
    if compiled is not None:
        named = with_libraries(
            fusion.groups, slices, found.pool, found.trace.arguments, run.facts.get(BLAS, "")
        )
        fusion = replace(fusion, groups=named)
    memory = torch_memory(
        found,
        slices,
        graph,
        run.request.inputs,
        run.request.device,
        training,
        run.extra.get(UNITS),
    )
    if compiled is not None:
        memory = with_makers(memory, slices)
        memory = with_gradients(memory, slices, strings, graph.parameters.bytes, compiled.gradients)
    elif is_fused_script:
        memory = with_script_makers(memory, slices)
    elif is_package_alone(folder):
        memory = made_for_next(memory, slices)
    slices = _unmarked(slices, strings, found.pool)
    progress(1.0)
    return Profile(
        Path(run.request.model_path).stem,
        strings=found.pool.table(),
        trace=replace(found.trace, slices=slices),
        graphs=(graph, *stages),
        fusion=fusion,
        memory=memory,
        steps=found.steps,
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *notes, *found.diagnostics),
        environment=environment_of(run),
        start_unix_ns=_start_ns(found, run),
    )


def _trained(
    folder: Path,
    told: dict[str, Any],
    graph: Graph,
    found: ChromeTrace,
    slices: Slices,
    nodes: Int32,
) -> tuple[Graph, Int32]:
    try:
        trained = with_training(graph, told, found.pool)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}",
            f"its record of the training step is damaged ({error})",
        ) from error
    flows, strings = found.trace.flows, found.pool.table()
    return trained.graph, linked_training(trained, slices, strings, flows, nodes)


def _compiled(
    folder: Path, graph: Graph, found: ChromeTrace, slices: Slices, forward: Slices
) -> Compiled | None:
    """What a compiler made of the model, None where there was none."""
    try:
        if is_compiled(folder):
            return read_compiled(folder, graph, found, slices, forward)
        if is_packaged(folder):
            return read_packaged(folder, graph, found, slices)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its record of the compiler is damaged ({error})"
        ) from error
    return None


def _gave_up(folder: Path, graph: Graph, found: ChromeTrace) -> tuple[Graph, FusionBreaks]:
    try:
        return read_failure(folder, graph, found.pool)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its record of the compiler is damaged ({error})"
        ) from error


def _of_script(
    folder: Path, graph: Graph, found: ChromeTrace, slices: Slices, nodes: Int32
) -> ScriptFusion:
    try:
        return read_script_fusion(folder, graph, found, slices, nodes)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its executed graph is damaged ({error})"
        ) from error


def _kinds_told(slices: Slices, strings: StringTable, *, nnc: bool) -> Slices:
    """Ranges of nodes, modules and script functions are no operators, though Kineto says so."""
    is_range = np.array(
        [_is_range(text) and not (nnc and text.startswith(NNC_KERNEL)) for text in strings],
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
