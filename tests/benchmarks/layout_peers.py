"""Other programs that lay out graphs, each in a process of its own, with a limit on its time.

They lie in the folder that TWINSCOPE_PEERS names::

    npm install --prefix $TWINSCOPE_PEERS elkjs @dagrejs/dagre
    pip install --target $TWINSCOPE_PEERS/python graphlay
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.layout_graphs import SampleGraph
from tests.benchmarks.layout_quality import Drawn
from views.graph.centres import BOX_GAP
from views.graph.layering import ROW_GAP

_LIMIT_S = 60.0
_DRIVER = Path(__file__).with_name("layout_peers.mjs")
_INSTALLED = {
    "graphlay": "python/graphlay",
    "elkjs": "node_modules/elkjs",
    "dagre": "node_modules/@dagrejs/dagre",
}


def found_peers() -> tuple[str, ...]:
    """Peers that can be run; says of the others why not."""
    folder = os.environ.get("TWINSCOPE_PEERS")
    if not folder:
        print("no peers: TWINSCOPE_PEERS names no folder with them (see layout_peers.py)")
        return ()
    found = []
    for name, place in _INSTALLED.items():
        if not (Path(folder) / place).exists():
            print(f"{name} is not in {folder}")
        elif name != "graphlay" and not shutil.which("node"):
            print(f"{name} needs node, which is not installed")
        else:
            found.append(name)
    return tuple(found)


def peer_drawing(name: str, graph: SampleGraph) -> tuple[float, Drawn] | str:
    """Seconds within the peer and what it drew, or why there is nothing."""
    folder = Path(os.environ["TWINSCOPE_PEERS"]).resolve()
    given = {
        "sizes": graph.blocks[:, :2].tolist(), "edges": graph.edges.tolist(),
        "boxGap": BOX_GAP, "rowGap": ROW_GAP,
    }  # fmt: skip
    command, environment = ["node", str(_DRIVER), name, str(folder)], dict(os.environ)
    if name == "graphlay":
        command = [sys.executable, "-m", "tests.benchmarks.layout_peers"]
        environment["PYTHONPATH"] = str(folder / "python")
    try:
        done = subprocess.run(
            command, input=json.dumps(given), env=environment, capture_output=True, text=True,
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"> {_LIMIT_S:.0f} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1][:60]
    answer = json.loads(done.stdout)
    boxes = np.hstack([np.array(answer["corners"], np.float64), graph.blocks[:, :2]])
    routes = [np.array(route, np.float64).reshape(-1, 2) for route in answer["routes"]]
    return float(answer["seconds"]), Drawn(boxes, routes)


def _graphlay(given: dict[str, Any]) -> dict[str, object]:
    import graphlay

    graph = graphlay.Graph()
    for box, (width, height) in enumerate(given["sizes"]):
        graph.node(str(box), width=width, height=height)
    for source, target in given["edges"]:
        graph.edge(str(source), str(target))
    spacing = {"node_gap": given["boxGap"], "layer_gap": given["rowGap"]}
    begin = time.perf_counter()
    drawing = graphlay.layout(graph, options={"direction": "topbottom", "spacing": spacing})
    seconds = time.perf_counter() - begin
    middles = drawing.positions()
    corners = [
        (middles[str(box)][0] - width / 2, middles[str(box)][1] - height / 2)
        for box, (width, height) in enumerate(given["sizes"])
    ]
    routes = [[(point["x"], point["y"]) for point in edge["points"]] for edge in drawing.edges]
    return {"seconds": seconds, "corners": corners, "routes": routes}


if __name__ == "__main__":
    json.dump(_graphlay(json.load(sys.stdin)), sys.stdout)
