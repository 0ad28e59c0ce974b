"""Print how long large ONNX models take to open: ``python -m tests.benchmarks.bench_onnx_graph``.

Goals: 100,000 nodes within 3 s, 1,000,000 within 40 s and 4 GB. Each size runs in a process of its
own, so that its peak of memory is told.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onnx import TensorProto, helper

_SIZES = (10_000, 100_000, 1_000_000)
_BLOCK = ("MatMul", "Add", "Relu", "MatMul", "Add")


def write_model(path: Path, nodes: int) -> None:
    """Equal blocks in scopes of their own, 16 floats wide, that share two weights."""
    made, last = [], "x"
    for number in range(nodes):
        operator = _BLOCK[number % len(_BLOCK)]
        inputs = [last] if operator == "Relu" else [last, "w" if operator == "MatMul" else "b"]
        block = number // len(_BLOCK)
        last = f"t{number}"
        name = f"/layers.{block}/{operator}_{number}"
        made.append(helper.make_node(operator, inputs, [last], name=name))
    graph = helper.make_graph(
        made,
        "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 16))],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, (1, 16))],
        [
            helper.make_tensor("w", TensorProto.FLOAT, (16, 16), [0.1] * 256),
            helper.make_tensor("b", TensorProto.FLOAT, (16,), [0.1] * 16),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())


def measure(path: Path) -> None:
    from profilers.models.onnx_file import inspect

    begin = time.perf_counter()
    graph = inspect(path).preview.authored
    seconds = time.perf_counter() - begin
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    known = int((graph.edges.shape >= 0).sum()) / max(len(graph.edges), 1)
    print(
        f"{len(graph.nodes):>10,} nodes  {path.stat().st_size / 1e6:6.1f} MB  {seconds:7.2f} s  "
        f"{peak_mb:7,.0f} MB at the peak  shapes on {known:.0%} of edges"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        for size in _SIZES:
            model = Path(folder) / f"{size}.onnx"
            write_model(model, size)
            subprocess.run([sys.executable, "-m", __spec__.name, str(model)], check=True)
