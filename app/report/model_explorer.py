"""Our time per node as node data for Google's Model Explorer, which colours the graph by it.

Format: "custom node data" of Model Explorer: ``results`` maps a node's id or the name of one of
its output tensors to a value; ``gradient`` gives colours from the lowest value to the highest.
"""

import json
from pathlib import Path

from app.report.node_values import node_values, output_tensors
from app.report.whole_file import write_whole
from profilers.profile import Profile

_NS_PER_MS = 1_000_000


def write(profile: Profile, path: Path) -> None:
    """Write the node data; raises TwinscopeError where there is no measured graph."""
    tensors = output_tensors(profile)
    results: dict[str, dict[str, float]] = {}
    for name, time_ns, _, _ in node_values(profile):
        if time_ns < 0:
            continue
        value = {"value": round(time_ns / _NS_PER_MS, 6)}
        for key in (name, *tensors.get(name, ())):
            results.setdefault(key, value)
    data = {
        "name": "Twinscope: own time, ms per step",
        "results": results,
        "gradient": [{"stop": 0, "bgColor": "#fff7e6"}, {"stop": 1, "bgColor": "#d9480f"}],
    }
    write_whole(path, json.dumps(data, indent=1).encode())
