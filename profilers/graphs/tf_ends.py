"""Where a GraphDef begins and ends that names neither its inputs nor its results."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from profilers.graphs.tf_references import INPUTS, split_input

_NO_RESULT = frozenset({"Assert", "Const", "NoOp", *INPUTS})

_FILLING = frozenset({
    "InitializeTable", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2",
    "InitializeTableV2", "LookupTableImport", "LookupTableImportV2",
})  # fmt: skip


def read_inputs(nodes: Sequence[Any]) -> list[str]:
    """Names of the placeholders, without those that freezing a loop leaves behind: none reads them."""
    read = _read(nodes)
    return [node.name for node in nodes if node.op in INPUTS and node.name in read]


def unread_results(nodes: Sequence[Any]) -> list[str]:
    """Names of what no node reads or waits for, without what a loop makes in its rounds.

    What leaves a loop and is not read is a result only where there is no other: each of its counters
    and lists leaves it.
    """
    read, inside = _read(nodes), _inside_loops(nodes)
    ends = [
        node
        for node in nodes
        if node.op not in _NO_RESULT and node.name not in read and node.name not in inside
    ]
    return [node.name for node in ends if not node.op.endswith("Exit")] or [
        node.name for node in ends
    ]


_WRITES = re.compile(r"(Resource|Sparse)*(Assign|Apply|Scatter)")
_GRADIENTS = re.compile(r"gradients(_\d+)?/")  # where TensorFlow 1 puts them
_SIZES = frozenset({"Rank", "Shape", "ShapeN", "Size"})
_OF_CHECKPOINTS = frozenset({"MergeV2Checkpoints", "Restore", "RestoreV2", "Save", "SaveV2"})


def session_ends(nodes: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Names of the inputs and results of a whole graph as TensorFlow 1's Saver left it.

    Beside the model it may hold what sets, trains, saves and restores its variables. A result depends
    on an input, and neither on a gradient nor on a file's name; to compute it changes no variable.
    """
    by_name = {node.name: node for node in nodes}
    files = {node.name for node in nodes if node.op in _OF_CHECKPOINTS}
    waiting = [source for name in files for source in _sources(by_name[name])[:1]]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in files:
            files.add(name)
            waiting += _sources(by_name[name])
    given = [name for name in read_inputs(nodes) if name not in files]
    gradients = [node.name for node in nodes if _GRADIENTS.match(node.name)]
    wanted = _behind(nodes, given) - _behind(nodes, gradients)
    kept = [node for node in nodes if node.name in wanted and not _WRITES.match(node.op)]
    read = _read(kept)
    results = unread_results(kept)  # sizes are left behind by what checks them
    numbers = [name for name in results if by_name[name].op not in _SIZES]
    return [name for name in given if name in read], numbers or results


def table_fillers(nodes: Sequence[Any]) -> list[str]:
    """Names of what fills lookup tables; it has to run before the graph."""
    return [node.name for node in nodes if node.op in _FILLING]


def _read(nodes: Sequence[Any]) -> set[str]:
    return {source for node in nodes if node.op != "NoOp" for source in _sources(node)}


def _inside_loops(nodes: Sequence[Any]) -> set[str]:
    """Names of what depends on an Enter, up to the Exits of TensorFlow 1's loops."""
    inner = [node for node in nodes if not node.op.endswith("Exit")]
    return _behind(inner, [node.name for node in inner if node.op.endswith("Enter")])


def _behind(nodes: Sequence[Any], starts: Iterable[str]) -> set[str]:
    """Names of the starts and of what depends on them by way of `nodes`."""
    readers = defaultdict(list)
    for node in nodes:
        for source in _sources(node):
            readers[source].append(node.name)
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += readers[name]
    return found


def _sources(node: Any) -> list[str]:
    return [split_input(text.lstrip("^"))[0] for text in node.input]
