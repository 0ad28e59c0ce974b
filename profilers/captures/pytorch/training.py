"""Ties a training step to the model: backward to what it is the derivative of, loss and optimiser."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.compiled_backward import COMPILED_BACKWARD
from profilers.captures.pytorch.files import (
    BACKWARD_RANGE,
    FORWARD_RANGE,
    LOSS_RANGE,
    OPTIMISER_RANGE,
)
from profilers.captures.pytorch.script_backward import SCRIPT_BACKWARD, linked_script_backward
from profilers.profile import (
    UNKNOWN,
    Diagnostic,
    Edges,
    Flows,
    Graph,
    JsonText,
    NodeKind,
    Nodes,
    ParameterUses,
    Severity,
    SliceKind,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32

FORWARD_FLOPS = Diagnostic(
    Severity.INFO, "FLOPs are those of the forward; backward does about twice as many."
)
_EVALUATE = "autograd::engine::evaluate_function"
_ACCUMULATE = "AccumulateGrad"
_MANY_AT_ONCE = (COMPILED_BACKWARD, SCRIPT_BACKWARD)
_LOSS_OPERATORS = {"mse": "mse_loss", "cross-entropy": "cross_entropy", "sum": "sum"}


@dataclass(frozen=True)
class TrainedGraph:
    """The authored graph with two more nodes, whose rows these are."""

    graph: Graph
    loss: int
    optimiser: int


def forward_alone(slices: Slices, strings: StringTable) -> Slices:
    """The slices, of which only those of the forward belong to a step: its operators are the graph's."""
    inside = _inside(slices, strings, FORWARD_RANGE)
    return slices.replace(step=np.where(inside, slices.step, -1))


def with_training(graph: Graph, told: Mapping[str, Any], pool: StringPool) -> TrainedGraph:
    """Nodes for the loss, which reads the outputs, and for the optimiser, which reads the weights.

    Parameters
    ----------
    told : mapping
        "loss", "optimiser" and "gradient_bytes" of `profilers.runtimes.pytorch.steps`.
    """
    loss, optimiser = len(graph.nodes), len(graph.nodes) + 1
    operators = (_LOSS_OPERATORS[told["loss"]], f"{told['optimiser'].lower()}_step")
    nodes = Nodes.from_rows([
        (pool.add(name), pool.add(operator), NodeKind.OPERATOR, -1, -1, UNKNOWN, 0, -1)
        for name, operator in zip(("training loss", "optimiser step"), operators, strict=True)
    ])  # fmt: skip
    gradients = told["gradient_bytes"]
    edges = [
        *_outputs(graph, loss, told["loss"]),
        (loss, optimiser, pool.add("gradients"), -1, -1, sum(gradients.values())),
    ]
    names = pool.table()
    uses = [
        (row, optimiser)
        for row, name in enumerate(graph.parameters.name.tolist())
        if names[name] in gradients
    ]
    texts = [graph.attributes.text(row) for row in range(len(graph.nodes))]
    extended = replace(
        graph,
        nodes=Nodes.joined([graph.nodes, nodes]),
        edges=Edges.joined([graph.edges, Edges.from_rows(edges)]),
        parameter_uses=ParameterUses.joined([graph.parameter_uses, ParameterUses.from_rows(uses)]),
        attributes=JsonText.from_texts([*texts, b"", b""]),
    )
    return TrainedGraph(extended, loss, optimiser)


def linked_training(
    trained: TrainedGraph, slices: Slices, strings: StringTable, flows: Flows, nodes: Int32
) -> Int32:
    """Nodes of slices, beginning with those of the forward."""
    linked = nodes.copy()
    backward = int(strings.find("fwdbwd"))
    evaluations = _evaluations(slices, strings)
    pairs = flows.take(flows.kind == backward)
    evaluated = evaluations[pairs.target]
    known = (evaluated >= 0) & (nodes[pairs.source] >= 0)
    linked[evaluated[known]] = nodes[pairs.source[known]]
    for name, node in ((LOSS_RANGE, trained.loss), (OPTIMISER_RANGE, trained.optimiser)):
        inside = _inside(slices, strings, name)
        linked[inside] = node
        derived = inside[pairs.source] & (evaluated >= 0)
        linked[evaluated[derived]] = node
    linked = linked_script_backward(slices, strings, linked)
    begins = _inside(slices, strings, BACKWARD_RANGE) & (evaluations < 0)
    linked[begins & (linked < 0)] = trained.loss  # the gradient that backward begins with
    _accumulations(slices, strings, evaluations, linked, trained.optimiser)
    return inherited(slices, linked)


def _outputs(graph: Graph, loss: int, kind: str) -> list[tuple[int, ...]]:
    """Edges from what makes the outputs that the loss reads."""
    kinds = graph.nodes.kind[graph.edges.target]
    is_output = (kinds == NodeKind.OUTPUT) & (graph.nodes.subgraph[graph.edges.target] < 0)
    rows = np.flatnonzero(is_output)
    columns = graph.edges.take(rows if kind == "sum" else rows[:1]).replace(
        target=np.full(len(rows if kind == "sum" else rows[:1]), loss)
    )
    return list(zip(*(values.tolist() for values in columns.columns().values()), strict=True))


def _inside(slices: Slices, strings: StringTable, name: str) -> NDArray[np.bool_]:
    """Whether a slice lies in a range of that name."""
    row = strings.find(name)
    inside: NDArray[np.bool_] = (slices.name == row) & (slices.kind == SliceKind.ANNOTATION)
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    return inside


def _evaluations(slices: Slices, strings: StringTable) -> Int32:
    """For each slice the derivative that is being evaluated, as a row of slices; -1 for none."""
    is_evaluation = np.array([text.startswith(_EVALUATE) for text in strings], np.bool_)
    rows = np.arange(len(slices), dtype=np.int32)
    own = np.where(is_evaluation[slices.name], rows, np.int32(-1))
    return inherited(slices, own)


def _accumulations(
    slices: Slices, strings: StringTable, evaluations: Int32, linked: Int32, optimiser: int
) -> None:
    """A gradient is added up right after it was computed: its node is that of the one before.

    A compiled or scripted backward hands all of its gradients over at its end, to be read by the
    optimiser.
    """
    is_accumulation = np.array(
        [text.startswith(_EVALUATE) and text.endswith(_ACCUMULATE) for text in strings], np.bool_
    )
    rows = np.flatnonzero(evaluations == np.arange(len(slices)))
    for before, row in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
        is_same_lane = slices.track[before] == slices.track[row]
        if is_same_lane and linked[row] < 0 and is_accumulation[slices.name[row]]:
            all_at_once = strings[int(slices.name[before])].endswith(_MANY_AT_ONCE)
            linked[row] = optimiser if all_at_once else linked[before]
