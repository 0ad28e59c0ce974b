"""The graph of Inductor's scheduled kernels: generated kernels and operators called as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.torch_flops import torch_flops
from profilers.graphs.torch_inductor_code import Buffer, InductorCode, KernelCall
from profilers.profile import UNKNOWN, NodeKind

Trail = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class CompiledGraph:
    """One graph that Dynamo cut out, as it runs.

    Parameters
    ----------
    code : InductorCode
    weights : mapping of str to str
        Name in the state_dict of each input buffer that is a weight.
    members : sequence of tuple of int
        For each kernel call the authored nodes that it was made from.
    trails : sequence of Trail
        For each kernel call the (name, class) of the modules around all of its members.
    """

    code: InductorCode
    weights: Mapping[str, str]
    members: Sequence[tuple[int, ...]]
    trails: Sequence[Trail]


@dataclass
class _Flow:
    """Who made each buffer last, while one graph is added."""

    weights: Mapping[str, str]
    prefix: str
    makers: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Buffer] = field(default_factory=dict)


def add_kernels(builder: GraphBuilder, graphs: Sequence[CompiledGraph]) -> list[list[int]]:
    """Add every kernel call as a node, with the buffers between them as edges.

    Returns
    -------
    list of list of int
        For each graph the node of each of its kernel calls.
    """
    rows = []
    for number, graph in enumerate(graphs):
        prefix = f"graph {number}/" if len(graphs) > 1 else ""
        inputs = {buffer.name: buffer for buffer in graph.code.inputs}
        flow = _Flow(graph.weights, prefix, inputs=inputs)
        rows.append([_add_call(builder, graph, each, flow) for each in range(len(graph.members))])
        _add_output(builder, graph.code, flow)
    return rows


def _add_call(builder: GraphBuilder, graph: CompiledGraph, number: int, flow: _Flow) -> int:
    call = graph.code.calls[number]
    reads = [(buffer, _maker(builder, buffer, flow)) for buffer in call.reads]
    row = builder.node(
        f"{flow.prefix}{call.handle or f'{call.name}:{number + 1}'}",
        call.name,
        scope=builder.scope(graph.trails[number]),
        flops=_flops(call),
        attributes={"kind": call.kind, "writes": [buffer.name for buffer in call.writes]},
    )
    for buffer, maker in reads:
        if buffer.name in flow.weights and buffer.name in flow.inputs:
            weight = flow.inputs[buffer.name]
            name = flow.weights[buffer.name]
            builder.use(builder.parameter(name, weight.dtype, weight.shape), row)
        elif maker >= 0:
            builder.edge(maker, row, buffer.name, buffer.dtype, buffer.shape)
    for buffer in call.writes:
        flow.makers[buffer.name] = row
    for authored in graph.members[number]:
        builder.origin(row, authored)
    return row


def _maker(builder: GraphBuilder, buffer: Buffer, flow: _Flow) -> int:
    """Node that made the buffer; an input that is no weight is a node of its own."""
    name = buffer.name
    if name in flow.inputs and name not in flow.weights and name not in flow.makers:
        flow.makers[name] = builder.node(f"{flow.prefix}{name}", "input", kind=NodeKind.INPUT)
    return flow.makers.get(name, -1)


def _add_output(builder: GraphBuilder, code: InductorCode, flow: _Flow) -> None:
    output = builder.node(f"{flow.prefix}output", "output", kind=NodeKind.OUTPUT)
    last = {buffer.name: buffer for call in code.calls for buffer in call.writes}
    for name in code.outputs:
        if name in flow.makers:
            buffer = last.get(name, Buffer(name))
            builder.edge(flow.makers[name], output, name, buffer.dtype, buffer.shape)


def _flops(call: KernelCall) -> int:
    """Of an operator that is called as it is; a generated kernel's are those of its members."""
    if call.is_generated or not call.writes:
        return UNKNOWN
    return torch_flops(call.name, [each.shape for each in call.reads], call.writes[0].shape)
