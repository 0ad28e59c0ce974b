"""Our time per node as node data for Google's Model Explorer, which colours the graph by it.

Format: "custom node data" of Model Explorer: ``results`` maps a node's id or the name of one of
its output tensors to a value; ``gradient`` gives colours from the lowest value to the highest. For a
SavedModel, whose nodes have numbers alone, there is one such object per graph. They are those of the
"TF adapter (direct)", which has to be chosen there: the other one rewrites the graph first.
"""

import json
from pathlib import Path
from typing import Any

from app.report.node_values import node_values, output_tensors
from app.report.saved_model_ids import rows_by_id
from app.report.whole_file import write_whole
from profilers.analysis.nodes.figures import node_figures
from profilers.profile import Profile

_NS_PER_MS = 1_000_000
_Results = dict[str, dict[str, float]]


def write(profile: Profile, path: Path) -> None:
    """Write the node data; raises TwinscopeError where there is no measured graph."""
    by_name = _results_by_name(profile)
    data = {graph: _node_data(results) for graph, results in _results_by_graph(profile).items()}
    write_whole(path, json.dumps(data or _node_data(by_name), indent=1).encode())


def _results_by_name(profile: Profile) -> _Results:
    tensors = output_tensors(profile)
    results: _Results = {}
    for name, time_ns, _, _ in node_values(profile):
        if time_ns < 0:
            continue
        for key in (name, *tensors.get(name, ())):
            results.setdefault(key, _value(time_ns))
    return results


def _results_by_graph(profile: Profile) -> dict[str, _Results]:
    time_ns = node_figures(profile).time_ns.tolist()
    by_graph = {
        graph: {number: _value(time_ns[row]) for number, row in rows.items() if time_ns[row] >= 0}
        for graph, rows in rows_by_id(profile).items()
    }
    return {graph: results for graph, results in by_graph.items() if results}


def _value(time_ns: float) -> dict[str, float]:
    return {"value": round(time_ns / _NS_PER_MS, 6)}


def _node_data(results: _Results) -> dict[str, Any]:
    return {
        "name": "Twinscope: own time, ms per step",
        "results": results,
        "gradient": [{"stop": 0, "bgColor": "#fff7e6"}, {"stop": 1, "bgColor": "#d9480f"}],
    }
