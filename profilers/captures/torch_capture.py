"""Reads what the PyTorch run modes left: Kineto trace, authored graph, run record."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.captures.run_facts import diagnostics_of, environment_of, timings_of
from profilers.captures.torch_files import (
    EXECUTION_TRACE_FILE,
    EXPORTED_GRAPH_FILE,
    MODULE_MARK,
    NODE_MARK,
    SCRIPT_GRAPH_FILE,
    TRACE_FILE,
)
from profilers.captures.torch_links import (
    linked_by_marks,
    linked_by_order,
    linked_launches,
    outermost_operators,
    straight_program,
)
from profilers.captures.torch_memory import torch_memory
from profilers.captures.torch_program import script_program
from profilers.captures.torch_shapes import recorded_shapes
from profilers.errors import DamagedFile
from profilers.graphs.execution_trace import read_execution_trace
from profilers.graphs.torch_export_json import read_exported_graph
from profilers.graphs.torch_script_json import read_script_graph
from profilers.profile import Graph, Profile, SliceKind, Slices, StringPool, StringTable
from profilers.profile.table import Int32
from profilers.run_record import RunRecord
from profilers.traces import Progress
from profilers.traces.chrome_json import ChromeTrace, read_chrome_trace

_MARKS = (NODE_MARK, MODULE_MARK)


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of a capture of PyTorch.

    Raises
    ------
    DamagedFile
        If one of the capture's files is missing or cannot be read.
    """
    found = read_chrome_trace(_existing(folder / TRACE_FILE), lambda share: progress(0.6 * share))
    graph = _read_graph(folder, run, found.pool)
    strings = found.pool.table()
    slices = _kinds_told(found.trace.slices, strings)
    nodes = _linked(folder, slices, strings, graph)
    if (folder / SCRIPT_GRAPH_FILE).is_file():
        graph = _with_sizes(folder, found, slices, nodes)
    flows = found.trace.flows
    nodes = linked_launches(nodes, flows, strings.find("launch"))
    progress(0.8)
    slices = slices.replace(node=nodes)
    memory = torch_memory(found, slices, graph, run.request.inputs, run.request.device)
    slices = _unmarked(slices, strings, found.pool)
    progress(1.0)
    return Profile(
        Path(run.request.model_path).stem,
        strings=found.pool.table(),
        trace=replace(found.trace, slices=slices),
        graphs=(graph,),
        memory=memory,
        steps=found.steps,
        timings=timings_of(run),
        diagnostics=(*diagnostics_of(run), *found.diagnostics),
        environment=environment_of(run),
        start_unix_ns=_start_ns(found, run),
    )


def _read_graph(folder: Path, run: RunRecord, pool: StringPool) -> Graph:
    """The authored graph, in whichever form the run could tell it."""
    exported, script = folder / EXPORTED_GRAPH_FILE, folder / SCRIPT_GRAPH_FILE
    try:
        if exported.is_file():
            return read_exported_graph(_document(exported), pool)
        if script.is_file():
            return read_script_graph(_document(script), pool)
        return read_execution_trace(
            _document(_existing(folder / EXECUTION_TRACE_FILE)),
            pool,
            run.extra["known_tensors"],
            run.extra["module_classes"],
            MODULE_MARK,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its graph is damaged ({error})"
        ) from error


def _with_sizes(folder: Path, found: ChromeTrace, slices: Slices, nodes: Int32) -> Graph:
    """The script graph once more, with the sizes that the trace recorded."""
    document = _document(folder / SCRIPT_GRAPH_FILE)
    rows, _ = outermost_operators(slices, found.pool.table())
    shapes = recorded_shapes(document, rows, slices, nodes, found.trace.arguments)
    return read_script_graph(document, found.pool, shapes)


def _linked(folder: Path, slices: Slices, strings: StringTable, graph: Graph) -> Int32:
    """By the ranges of nodes where the run made them, else by the order of operators."""
    if any(text.startswith(NODE_MARK) for text in strings):
        return linked_by_marks(slices, strings, graph)
    if (folder / SCRIPT_GRAPH_FILE).is_file():
        return linked_by_order(slices, strings, *script_program(graph, strings))
    return linked_by_order(slices, strings, *straight_program(graph, strings))


def _kinds_told(slices: Slices, strings: StringTable) -> Slices:
    """Ranges of nodes, modules and script functions are no operators, though Kineto says so."""
    is_range = np.array([text.startswith(_MARKS) or "::" not in text for text in strings], np.bool_)
    wrongly = (slices.kind == SliceKind.OPERATOR) & is_range[slices.name]
    return slices.replace(kind=np.where(wrongly, SliceKind.SCOPE, slices.kind))


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


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DamagedFile(f"Cannot read the capture {path.parent}", f"it lacks {path.name}")
    return path
