"""Kernels of functions that XLA compiled within a graph that TensorFlow's executor runs.

Keras has such a function of its own for convolutions in groups, and a SavedModel holds those that were
written with ``jit_compile=True``. The executor names the call only; the authored graph holds its body.
"""

from collections.abc import Sequence

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.profile import Graph, NodeKind, SliceKind, StringTable, Trace, decode
from profilers.profile.table import Int32

_STARTED = "ExecutorState::ProcessAsync::Start"


def nodes_of_calls(trace: Trace, strings: StringTable, authored: Graph) -> Int32:
    """For each slice within such a call the heaviest node of the call's body; -1 for others.

    A kernel that runs on another thread than its call goes by the program, where one call alone ran
    that.
    """
    slices, started = trace.slices, strings.find(_STARTED)
    nodes: Int32 = np.full(len(slices), -1, np.int32)
    is_host = trace.tracks.device[slices.track] < 0
    kernels = np.flatnonzero((slices.kind == SliceKind.KERNEL) & is_host)
    if started < 0 or not len(kernels):
        return nodes
    bodies = _Bodies(authored, strings)
    for row in np.flatnonzero(slices.name == started).tolist():
        nodes[row] = bodies.heaviest(str(decode(trace.arguments, row).get("name", "")))
    nodes = inherited(slices, nodes)
    modules = [str(decode(trace.arguments, row).get("hlo_module", "")) for row in kernels.tolist()]
    nodes[kernels] = _by_module(nodes[kernels].tolist(), modules)
    return nodes


def _by_module(nodes: Sequence[int], modules: Sequence[str]) -> list[int]:
    seen: dict[str, set[int]] = {}
    for node, module in zip(nodes, modules, strict=True):
        if node >= 0:
            seen.setdefault(module, set()).add(node)
    only = {module: next(iter(found)) for module, found in seen.items() if len(found) == 1}
    return [
        node if node >= 0 else only.get(module, -1)
        for node, module in zip(nodes, modules, strict=True)
    ]


class _Bodies:
    """The authored nodes below each call."""

    def __init__(self, authored: Graph, strings: StringTable) -> None:
        nodes = authored.nodes
        self._flops = nodes.flops
        self._names = [
            (strings[name], row)
            for row, name in enumerate(nodes.name.tolist())
            if nodes.kind[row] == NodeKind.OPERATOR
        ]
        self._known: dict[str, int] = {}

    def heaviest(self, call: str) -> int:
        if call not in self._known:
            within = [row for name, row in self._names if name.startswith(f"{call}/")]
            self._known[call] = max(within, key=lambda row: int(self._flops[row]), default=-1)
        return self._known[call]
