"""Which node of the optimised graph each event of ONNX Runtime's profile ran."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from onnx import NodeProto

from profilers.graphs.onnx_graph import Body
from profilers.traces.onnxruntime_profile import EXECUTE, RUN, Span


@dataclass
class RanNodes:
    """Bodies by executor event, and positions in them by node event, as far as these are found."""

    bodies: dict[Span, Body] = field(default_factory=dict)
    positions: dict[Span, int] = field(default_factory=dict)
    rows: dict[Span, int] = field(default_factory=dict)


def find_nodes(spans: Iterable[Span], optimised: Body) -> RanNodes:
    """Match the node events of every run to the optimised graph and its subgraphs."""
    found = RanNodes()
    pending: list[tuple[Span, Sequence[Body]]] = [
        (execute, [optimised]) for run in spans if run.event.name == RUN for execute in run.children
    ]
    while pending:
        execute, candidates = pending.pop()
        kernels = [span for span in execute.children if span.event.is_kernel]
        matches = [(_match(kernels, body), body) for body in candidates]
        if not matches:
            continue
        positions, body = max(matches, key=lambda match: len(match[0]))
        found.bodies[execute] = body
        found.positions.update(positions)
        found.rows.update((span, body.rows[position]) for span, position in positions.items())
        for span, position in positions.items():
            inner = [each for (owner, _), each in body.inner.items() if owner == position]
            pending += [(child, inner) for child in span.children if child.event.name == EXECUTE]
    return found


def _match(kernels: Sequence[Span], body: Body) -> dict[Span, int]:
    """Nodes by name; those without a name run in the order in which the file holds them."""
    named: defaultdict[str, deque[int]] = defaultdict(deque)
    nameless: defaultdict[str, deque[int]] = defaultdict(deque)
    for position, node in enumerate(body.graph.node):
        (named[node.name] if node.name else nameless[node.op_type]).append(position)
    found = {}
    for span in kernels:
        queue = named.get(span.event.node_name) or nameless.get(span.event.operator)
        if queue and _is_operator(body.graph.node[queue[0]], span):
            found[span] = queue.popleft()
    return found


def _is_operator(node: NodeProto, span: Span) -> bool:
    return bool(node.op_type == span.event.operator)
