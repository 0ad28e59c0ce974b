"""Where a frozen GraphDef begins and ends: it names neither its inputs nor its results."""

from collections import defaultdict
from collections.abc import Sequence
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


def table_fillers(nodes: Sequence[Any]) -> list[str]:
    """Names of what fills lookup tables; it has to run before the graph."""
    return [node.name for node in nodes if node.op in _FILLING]


def _read(nodes: Sequence[Any]) -> set[str]:
    return {source for node in nodes if node.op != "NoOp" for source in _sources(node)}


def _inside_loops(nodes: Sequence[Any]) -> set[str]:
    """Names of what depends on an Enter, up to the Exits of TensorFlow 1's loops."""
    readers = defaultdict(list)
    for node in nodes:
        for source in _sources(node):
            readers[source].append(node)
    inside: set[str] = set()
    waiting = [node for node in nodes if node.op.endswith("Enter")]
    while waiting:
        node = waiting.pop()
        if node.name not in inside and not node.op.endswith("Exit"):
            inside.add(node.name)
            waiting += readers[node.name]
    return inside


def _sources(node: Any) -> list[str]:
    return [split_input(text.lstrip("^"))[0] for text in node.input]
