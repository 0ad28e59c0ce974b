"""Time and quality of the graph layout, beside graphlay, elkjs and dagre.

``python -m tests.benchmarks.bench_layout [PART OF A GRAPH'S NAME]...`` prints, for each graph and
program: time, crossings, edges that run through foreign boxes, width, height and total length of
edges. `tests.benchmarks.layout_peers` says where the peers must lie.
"""

import statistics
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from profilers import compiled
from tests.benchmarks.layout_graphs import SOURCES, SampleGraph
from tests.benchmarks.layout_peers import found_peers, peer_drawing
from tests.benchmarks.layout_quality import Drawn, quality_of
from views.graph.layering import Layout, layered

_UNCOMPILED_BOXES = 2500
_PEER_BOXES = 5000
_COUNTED_PARTS = 400_000
_GOALS = (
    "goals: 50 boxes 1 ms, uncompiled 10 ms; 10,000 boxes 100 ms; 100,000 boxes 500 ms; "
    "edges through boxes 0"
)


def main(names: list[str]) -> None:
    print(_GOALS)
    begin = time.perf_counter()
    compiled.compile_now()
    print(f"loops compiled or loaded in {time.perf_counter() - begin:.2f} s")
    peers = found_peers()
    for source in SOURCES:
        try:
            for graph in source():
                if not names or any(name in graph.name for name in names):
                    _measure(graph, peers)
        except ImportError as error:
            print(f"left out {source.__name__}: {error}")


def _measure(graph: SampleGraph, peers: tuple[str, ...]) -> None:
    print(f"\n{graph.name}: {len(graph.blocks)} boxes, {len(graph.edges)} edges")
    print(
        f"  {'':12}{'time':>10}{'crossings':>12}{'hits':>8}{'width':>9}{'height':>10}{'length':>12}"
    )
    layout = layered(graph.blocks, graph.edges, graph.heads)
    took = _seconds(lambda: layered(graph.blocks, graph.edges, graph.heads), 7)
    drawn = _drawn(graph, layout)
    _print("ours", took, drawn, graph)
    if len(graph.blocks) <= _UNCOMPILED_BOXES:
        with patch.object(compiled, "_loaded", None):
            took = _seconds(lambda: layered(graph.blocks, graph.edges, graph.heads), 3)
        print(f"  {'uncompiled':12}{1000 * took:>7.1f} ms")
    for name in peers if len(graph.blocks) <= _PEER_BOXES else ():
        answer = peer_drawing(name, graph)
        if isinstance(answer, str):
            print(f"  {name:12}{answer:>10}")
        else:
            _print(name, *answer, graph)


def _seconds(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _drawn(graph: SampleGraph, layout: Layout) -> Drawn | None:
    """Whole polylines, unless there are too many to count in."""
    parts = int(layout.shared.sum()) + len(layout.tail_points)
    if parts > _COUNTED_PARTS:
        return None
    boxes = np.hstack([layout.corners, graph.blocks[:, :2]])
    return Drawn(boxes, [layout.route(edge) for edge in range(len(graph.edges))])


def _print(name: str, seconds: float, drawn: Drawn | None, graph: SampleGraph) -> None:
    line = f"  {name:12}{1000 * seconds:>7.1f} ms"
    if drawn is not None:
        found = quality_of(drawn, graph.edges)
        line += f"{found.crossings:>12}{found.hits:>8}{found.width:>9.0f}{found.height:>10.0f}"
        line += f"{found.length:>12.0f}"
    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
