"""The part of a GraphDef that a person means: what one signature computes, without its wrappers.

An exported function arrives wrapped: placeholders, a call of a signature wrapper, which calls the
traced function, which holds the model. The wrappers compute nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from profilers.graphs.tensorflow_protos import new
from profilers.graphs.tf_nodes import CALLS, VARIABLES
from profilers.graphs.tf_references import split_input

_HANDED_ON = frozenset({"Identity", "_Retval", "NoOp"})
_MOST_WRAPPERS = 10


def reachable(nodes: Mapping[str, Any], tensors: Iterable[str]) -> dict[str, Any]:
    """Nodes that the tensors depend on (control inputs included), in the order of `nodes`."""
    wanted: set[str] = set()
    waiting = [split_input(tensor.lstrip("^"))[0] for tensor in tensors]
    while waiting:
        name = waiting.pop()
        if name in wanted or name not in nodes:
            continue
        wanted.add(name)
        waiting += [split_input(text.lstrip("^"))[0] for text in nodes[name].input]
    return {name: node for name, node in nodes.items() if name in wanted}


def inputs_first(nodes: Mapping[str, Any]) -> list[Any]:
    """The nodes, each after those that it reads; a loop is cut where it is entered."""
    ordered: dict[str, Any] = {}
    entered: set[str] = set()
    for start in nodes:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            if name in entered:
                waiting.pop()
                ordered.setdefault(name, nodes[name])
                continue
            entered.add(name)
            read = (split_input(text)[0] for text in nodes[name].input if text[:1] != "^")
            waiting += [source for source in read if source in nodes and source not in entered]
    return list(ordered.values())


def subgraph_of(graph_def: Any, outputs: Mapping[str, str]) -> Any:
    """A GraphDef of what the named outputs depend on, with a ``_Retval`` node for each.

    Parameters
    ----------
    graph_def : GraphDef
    outputs : mapping of str to str
        Tensor ("node:0") by the name of the output.
    """
    cut = new("GraphDef")
    cut.library.CopyFrom(graph_def.library)
    nodes = reachable({node.name: node for node in graph_def.node}, outputs.values())
    cut.node.extend(nodes.values())
    for name, tensor in outputs.items():
        cut.node.add(name=name if name not in nodes else f"{name}/output", op="_Retval").input[
            :
        ] = [tensor]
    return cut


def unwrapped(graph_def: Any) -> tuple[Any, str]:
    """The innermost GraphDef that is more than one call, and the path of the calls left out.

    The path is the prefix ("StatefulPartitionedCall/StatefulPartitionedCall/") that TensorFlow's
    optimiser puts before the names of the nodes when it inlines the calls; "" if nothing was left
    out.
    """
    prefix = ""
    library = {function.signature.name: function for function in graph_def.library.function}
    for _ in range(_MOST_WRAPPERS):
        call = _only_call(graph_def, library)
        if call is None:
            break
        graph_def = _body(graph_def, call, library[call.attr["f"].func.name])
        prefix += f"{call.name}/"
    return graph_def, prefix


def _only_call(graph_def: Any, library: Mapping[str, Any]) -> Any | None:
    calls = []
    for node in graph_def.node:
        if node.op in CALLS:
            calls.append(node)
        elif any(not text.startswith("^") for text in node.input) and node.op not in _HANDED_ON:
            return None
    if len(calls) != 1 or calls[0].attr["f"].func.name not in library:
        return None
    return calls[0]


def _body(graph_def: Any, call: Any, function: Any) -> Any:
    """The called function as a GraphDef: its arguments are copies of what the call was given."""
    nodes = {node.name: node for node in graph_def.node}
    body = new("GraphDef")
    body.library.CopyFrom(graph_def.library)
    given = [text for text in call.input if not text.startswith("^")]
    for argument, text in zip(function.signature.input_arg, given, strict=False):
        source = nodes.get(_origin(nodes, text)[0])
        if source is None:
            continue
        node = body.node.add()
        node.CopyFrom(source)
        node.name = argument.name
        if source.op in VARIABLES and not source.attr["shared_name"].s:
            node.attr["shared_name"].s = source.name.encode()
    body.node.extend(function.node_def)
    results = [function.ret[result.name] for result in function.signature.output_arg]
    for node in graph_def.node:
        if node.op != "_Retval" or not node.input:
            continue
        name, index = _origin(nodes, node.input[0])
        if name == call.name and index < len(results):
            body.node.add(name=node.name, op="_Retval", input=[results[index]])
    return body


def _origin(nodes: Mapping[str, Any], text: str) -> tuple[str, int]:
    """Node and output index behind the Identity nodes that only hand a tensor on."""
    name, _, index = split_input(text)
    seen = set()
    while name in nodes and nodes[name].op == "Identity" and nodes[name].input:
        if name in seen:
            break
        seen.add(name)
        name, _, index = split_input(nodes[name].input[0])
    return name, index
