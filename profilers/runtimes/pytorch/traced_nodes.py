"""The nodes of a graph as Dynamo traced it, with the bodies of operators that run them.

A block under `torch.utils.checkpoint` is one node to Dynamo: an operator that takes a graph and runs it
once. The compiler dissolves it, and its kernels are made of the nodes inside. Branches and loops stay
graphs of their own, with kernels of their own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from profilers.captures.pytorch.bodies import IN_BODY, OWN_BODIES

_RUN_ONCE = frozenset(
    {
        "tag_activation_checkpoint",
        "wrap_activation_checkpoint",
        "dynamo_bypassing_wrapper",
        "wrap",
        "wrap_with_autocast",
        "wrap_with_set_grad_enabled",
    }
)  # others run their graphs many times, or none of them
_NO_CALL = ("placeholder", "get_attr", "output")


@dataclass(frozen=True)
class TracedNode:
    """A node by a name that no other node of the whole has.

    Parameters
    ----------
    node : torch.fx.Node
    name : str
        The node's own, in a body after the body's: ``wrap_body_0/linear``.
    inputs : sequence of str
        Names of the nodes that make what it takes.
    """

    node: Any
    name: str
    inputs: Sequence[str]

    @property
    def is_in_body(self) -> bool:
        return IN_BODY in self.name


def traced_nodes(module: Any) -> list[TracedNode]:
    """All nodes in order but outputs, and what only hands values into bodies and out of them.

    Parameters
    ----------
    module : torch.fx.GraphModule
    """
    found: list[TracedNode] = []
    _add_nodes(module, "", {}, found)
    return found


def tell_bodies_apart(module: Any) -> None:
    """Call nodes in bodies by their whole names, and so those that share a name with another.

    What an operator takes that computes with it in one kernel goes by that operator's name. The
    compiler keeps the names through all it does.

    Parameters
    ----------
    module : torch.fx.GraphModule
    """
    nodes = traced_nodes(module)
    counts = Counter(source_of(each.node) for each in nodes)
    for each in nodes:
        if each.is_in_body:
            _rename(each.node, each.name)
        elif each.node.op not in _NO_CALL and counts[source_of(each.node)] > 1:
            _rename(each.node, f"{IN_BODY}{each.name}")
    for each in nodes:
        bodies = _bodies(each.node)
        if bodies:
            whole = f"{IN_BODY}{IN_BODY}{each.name}"
            inside = () if _operator(each.node) in OWN_BODIES else map(_calls, bodies)
            for node in [each.node, *chain.from_iterable(inside)]:
                _rename(node, whole)


def source_of(node: Any) -> str:
    """What a backward calls the node: its name before Dynamo named it after the model's variables."""
    calls = node.meta.get("source_fn_stack")
    return str(calls[-1][0]) if calls else str(node.name)


def _bodies(node: Any) -> list[Any]:
    """Graphs that an operator takes."""
    if node.op != "call_function":
        return []
    owner = node.graph.owning_module
    taken = [getattr(owner, each.target, None) for each in node.args if _is_attribute(each)]
    return [body for body in taken if hasattr(body, "graph")]


def _calls(body: Any) -> list[Any]:
    """All that a graph calls, also in the graphs that it takes."""
    graphs = [module.graph for module in body.modules() if hasattr(module, "graph")]
    return [node for graph in graphs for node in graph.nodes if node.op not in _NO_CALL]


def _rename(node: Any, name: str) -> None:
    calls = node.meta.get("source_fn_stack") or [("", node.target)]
    node.meta["source_fn_stack"] = [*calls[:-1], (name, calls[-1][1])]


def _add_nodes(
    module: Any, prefix: str, given: Mapping[Any, Sequence[str]], found: list[TracedNode]
) -> list[list[str]]:
    """Adds the nodes of a graph; the names that make each of its results.

    Parameters
    ----------
    given : mapping
        By placeholder what makes its value, where the graph is a body.
    """
    makers: dict[Any, Sequence[str]] = dict(given)
    results: dict[Any, list[list[str]]] = {}  # by node that runs a body
    for node in module.graph.nodes:
        if node.op == "output":
            outputs = node.args[0] if isinstance(node.args[0], tuple | list) else node.args
            return [_made_by(each, makers) for each in outputs]
        if node in makers:
            continue
        place = _place_of_body(module, node)
        if place >= 0:
            target = node.args[place].target
            body, taken = getattr(module, target), node.args[place + 1 :]
            values = [_made_by(each, makers) for each in taken]
            inputs = dict(zip(_placeholders(body), values, strict=True))
            results[node] = _add_nodes(body, f"{prefix}{target}{IN_BODY}", inputs, found)
            makers[node] = [name for names in results[node] for name in names]
        elif _is_item(node) and node.args[0] in results:
            makers[node] = results[node.args[0]][node.args[1]]
        else:
            if _operator(node) in OWN_BODIES:
                _add_bodies(module, node, prefix, found)
            name = prefix + node.name
            takes = [maker for each in node.all_input_nodes for maker in makers[each]]
            makers[node] = [name]
            found.append(TracedNode(node, name, list(dict.fromkeys(takes))))
    return []


def _add_bodies(module: Any, node: Any, prefix: str, found: list[TracedNode]) -> None:
    """Nodes of graphs that run on their own; they are given what the operator is given."""
    for taken in filter(_is_attribute, node.args):
        body = getattr(module, taken.target)
        if hasattr(body, "graph"):
            given: dict[Any, Sequence[str]] = dict.fromkeys(_placeholders(body), ())
            _add_nodes(body, f"{prefix}{taken.target}{IN_BODY}", given, found)


def _made_by(value: Any, makers: Mapping[Any, Sequence[str]]) -> list[str]:
    """Numbers and None are made by nothing."""
    return list(makers.get(value, ())) if hasattr(value, "all_input_nodes") else []


def _place_of_body(module: Any, node: Any) -> int:
    """Of the graph among what an operator takes that runs it once; -1 if it is no such operator."""
    if _operator(node) not in _RUN_ONCE:
        return -1
    for place, taken in enumerate(node.args):
        body = getattr(module, taken.target, None) if _is_attribute(taken) else None
        if hasattr(body, "graph"):
            is_whole = len(_placeholders(body)) == len(node.args) - place - 1
            return place if is_whole else -1
    return -1


def _placeholders(body: Any) -> list[Any]:
    return list(body.graph.find_nodes(op="placeholder"))


def _operator(node: Any) -> str:
    return str(getattr(node.target, "__name__", "")) if node.op == "call_function" else ""


def _is_attribute(value: Any) -> bool:
    return getattr(value, "op", "") == "get_attr"


def _is_item(node: Any) -> bool:
    return _operator(node) == "getitem"
