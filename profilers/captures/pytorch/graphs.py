"""The authored graph of a PyTorch capture, in the form that fits what ran, and the links to it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from profilers.analysis.self_time import self_time_ns
from profilers.captures.pytorch.aoti import (
    is_package_alone,
    is_packaged,
    linked_package,
    unmarked_kernels,
)
from profilers.captures.pytorch.body_links import linked_with_bodies
from profilers.captures.pytorch.compiled import follows, is_compiled
from profilers.captures.pytorch.files import (
    EXECUTION_TRACE_FILE,
    EXPORTED_GRAPH_FILE,
    MODULE_MARK,
    NODE_MARK,
    PACKAGE_CODE_FILE,
    SCRIPT_GRAPH_FILE,
    SHARED_WEIGHTS,
)
from profilers.captures.pytorch.links import (
    linked_by_marks,
    linked_by_order,
    linked_script,
    outermost_operators,
    straight_program,
    with_added,
)
from profilers.captures.pytorch.program import script_program
from profilers.captures.pytorch.shapes import recorded_shapes
from profilers.errors import DamagedFile
from profilers.graphs.execution_trace import read_execution_trace
from profilers.graphs.torch_aoti_code import read_package_code
from profilers.graphs.torch_export_json import read_exported_graph
from profilers.graphs.torch_script_json import read_script_graph
from profilers.profile import Diagnostic, Graph, Severity, SliceKind, Slices, StringTable
from profilers.profile.table import Int32
from profilers.run_record import RunRecord
from profilers.traces.chrome_trace import ChromeTrace

_FITS = 0.9  # share of operator time
_FAST_PATHS = ("aten::_transformer_encoder_layer_fwd", "aten::_native_multi_head_attention")
GRAPH_FORM = "graph_form"  # of a run's extra facts: which of its graphs to take
EXPORTED, RECORDED = "exported", "recorded"
_OTHER_PATH = Diagnostic(
    Severity.INFO,
    "Eager mode took another path than torch.export, such as a fused fast path, so the graph is what "
    "one run executed.",
)
_Linked = tuple[Graph, Int32]


def form_of(diagnostics: Sequence[Diagnostic]) -> str:
    """Which of its two graphs a capture was read with, for the other ranks to be read with it too."""
    return RECORDED if _OTHER_PATH in diagnostics else EXPORTED


def linked_graph(
    folder: Path, run: RunRecord, found: ChromeTrace, slices: Slices
) -> tuple[Graph, Int32, tuple[Diagnostic, ...]]:
    """The graph, the node of each slice, and what to know about the graph.

    Raises
    ------
    DamagedFile
        If the graph cannot be read, or there is none.
    """
    try:
        if (folder / SCRIPT_GRAPH_FILE).is_file():
            return *_script(folder, found, slices), ()
        if is_package_alone(folder):
            graph = read_package_code((folder / PACKAGE_CODE_FILE).read_text(), found.pool)
            strings = found.pool.table()
            nodes = linked_package(graph, slices, strings)
            return graph, nodes, unmarked_kernels(graph, strings, nodes)
        if not (folder / EXPORTED_GRAPH_FILE).is_file():
            return *_recorded(folder, run, found, slices), ()
        graph, nodes = _exported(folder, run, found, slices)
        if not (folder / EXECUTION_TRACE_FILE).is_file():
            return graph, nodes, ()
        if run.extra.get(GRAPH_FORM) != RECORDED and (
            GRAPH_FORM in run.extra or _fits(folder, graph, found, slices, nodes)
        ):
            return graph, nodes, ()
        return *_recorded(folder, run, found, slices), (_OTHER_PATH,)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
        raise DamagedFile(
            f"Cannot read the capture {folder}", f"its graph is damaged or missing ({error})"
        ) from error


def _fits(folder: Path, graph: Graph, found: ChromeTrace, slices: Slices, nodes: Int32) -> bool:
    """Whether what ran is what was exported."""
    strings = found.pool.table()
    if is_compiled(folder):
        return follows(folder, graph, strings)
    return _linked_share(slices, nodes) >= _FITS and not _takes_fast_path(slices, strings, nodes)


def _exported(folder: Path, run: RunRecord, found: ChromeTrace, slices: Slices) -> _Linked:
    """By the ranges of nodes where the run made them, else by the order of operators."""
    document = _document(folder / EXPORTED_GRAPH_FILE)
    classes = run.extra.get("module_classes", {})
    graph = read_exported_graph(document, found.pool, document.get(SHARED_WEIGHTS), classes)
    strings = found.pool.table()
    if any(text.startswith(NODE_MARK) for text in strings):
        return graph, linked_by_marks(slices, strings, graph)
    return graph, _by_order(folder, graph, slices, strings)


def _script(folder: Path, found: ChromeTrace, slices: Slices) -> _Linked:
    """Read twice: the trace tells the sizes once it is linked."""
    document = _document(folder / SCRIPT_GRAPH_FILE)
    graph = read_script_graph(document, found.pool)
    strings = found.pool.table()
    nodes = linked_script(slices, strings, *script_program(graph, strings))
    rows, _ = outermost_operators(slices, strings)
    shapes = recorded_shapes(document, rows, nodes, found.trace.arguments)
    return read_script_graph(document, found.pool, shapes), with_added(slices, strings, nodes)


def _recorded(folder: Path, run: RunRecord, found: ChromeTrace, slices: Slices) -> _Linked:
    graph = read_execution_trace(
        _document(folder / EXECUTION_TRACE_FILE),
        found.pool,
        run.extra["known_tensors"],
        run.extra["module_classes"],
        MODULE_MARK,
    )
    return graph, _by_order(folder, graph, slices, found.pool.table())


def _by_order(folder: Path, graph: Graph, slices: Slices, strings: StringTable) -> Int32:
    """None where a compiler's record tells the nodes: to find them takes as long as all the rest."""
    if is_compiled(folder) or is_packaged(folder):
        return np.full(len(slices), -1, np.int32)
    if len(graph.subgraphs):
        return linked_with_bodies(slices, strings, graph)
    return linked_by_order(slices, strings, *straight_program(graph, strings))


def _linked_share(slices: Slices, nodes: Int32) -> float:
    """Share of operator self time in the steps that has a node."""
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
    times = self_time_ns(slices)[rows]
    return float(times[nodes[rows] >= 0].sum() / max(int(times.sum()), 1))


def _takes_fast_path(slices: Slices, strings: StringTable, nodes: Int32) -> bool:
    """Whether an operator that stands for a whole layer ran, which export shows as its parts."""
    rows = [row for row in map(strings.find, _FAST_PATHS) if row >= 0]
    return bool((np.isin(slices.name, rows) & (nodes < 0) & (slices.step >= 0)).any())


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document
