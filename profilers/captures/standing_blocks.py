"""Memory that is held from before the first step to after the last: weights and inputs."""

from collections.abc import Iterator, Sequence

from profilers.graphs.builder import tensor_bytes
from profilers.profile import NEVER_NS, Graph, MemoryCategory, NodeKind, StringPool
from profilers.request import InputSpec


def held_throughout(
    graph: Graph, inputs: Sequence[InputSpec], pool: StringPool, weights_on: str = "cpu"
) -> Iterator[tuple[int, ...]]:
    """Rows of `Allocations`: weights, and inputs, which are made once and fed to every step."""
    cpu, device = pool.add("cpu"), pool.add(weights_on)
    for row, size in enumerate(graph.parameters.bytes.tolist()):
        yield 0, NEVER_NS, size, device, MemoryCategory.PARAMETER, -1, -1, row
    is_main_input = (graph.nodes.kind == NodeKind.INPUT) & (graph.nodes.subgraph < 0)
    row_of_name = {
        name: row for row, name in enumerate(graph.nodes.name.tolist()) if is_main_input[row]
    }
    for spec in inputs:
        size = tensor_bytes(spec.dtype, spec.shape)
        if size >= 0:
            node = row_of_name.get(pool.add(spec.name), -1)
            yield 0, NEVER_NS, size, cpu, MemoryCategory.INPUT, -1, node, -1
