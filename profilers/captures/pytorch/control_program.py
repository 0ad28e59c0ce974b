"""An exported graph as eager mode may execute it: with the bodies of its branches and loops."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from profilers.captures.nested_program import Step, laid_out
from profilers.captures.pytorch.files import BRANCHES, COMPILED_REGION
from profilers.captures.pytorch.links import operator_name, places_of
from profilers.captures.sequence_alignment import Place
from profilers.profile import Graph, NodeKind, StringTable

_SETS_STATE = frozenset(
    {"higher_order::wrap_with_autocast", "higher_order::wrap_with_set_grad_enabled"}
)


def program_with_bodies(graph: Graph, strings: StringTable) -> tuple[list[Place], list[int]]:
    """Places of the main graph, then those of bodies, and the node of each place.

    An operator with bodies is a region of PyTorch's, or leaves no trace: autocast, say, only sets a
    state for its body.
    """
    return laid_out(_steps(graph, strings, _computed(graph, -1)))


def program_of_bodies(
    graph: Graph, strings: StringTable, owner: int
) -> tuple[list[Place], list[int]]:
    """The same of the bodies of one operator; the owner itself is place 0.

    Scopes are the branches of torch.cond: a body knows no modules.
    """
    return laid_out(_steps(graph, strings, [owner], ""))


def in_own_bodies(graph: Graph, strings: StringTable) -> NDArray[np.bool_]:
    """Which nodes are in a branch, a loop or the like, and not only where a state is set."""
    nodes, apart = graph.nodes, np.zeros(len(graph.nodes), np.bool_)
    for body, owner in enumerate(graph.subgraphs.owner.tolist()):  # outer bodies come first
        sets_state = operator_name(strings[int(nodes.operator[owner])]) in _SETS_STATE
        apart[nodes.subgraph == body] = not sets_state or apart[owner]
    return apart


def _computed(graph: Graph, subgraph: int) -> list[int]:
    is_computed = ~np.isin(graph.nodes.kind, (NodeKind.INPUT, NodeKind.OUTPUT))
    return np.flatnonzero(is_computed & (graph.nodes.subgraph == subgraph)).tolist()


def _steps(
    graph: Graph, strings: StringTable, rows: Sequence[int], branch: str | None = None
) -> list[Step]:
    """In the scopes of their modules, or in a branch where one is given."""
    steps = []
    for row, place in zip(rows, places_of(graph, strings, rows), strict=True):
        owned = np.flatnonzero(graph.subgraphs.owner == row).tolist()
        titles = [strings[int(graph.subgraphs.name[body])] for body in owned]
        bodies = [
            _steps(graph, strings, _computed(graph, body), _branch(title, branch))
            for body, title in zip(owned, titles, strict=True)
        ]
        own = place if branch is None else replace(place, scope=branch)
        region = replace(own, operator=COMPILED_REGION, is_silent=True)
        steps.append(Step(row, region if bodies else own, bodies))
    return steps


def _branch(title: str, around: str | None) -> str | None:
    return title if around is not None and title in BRANCHES else around
