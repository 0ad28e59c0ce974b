"""What may be wrong with ONNX nodes: unknown operators, and functions that never end."""

from functools import lru_cache

import onnx
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

_BUILT_IN = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training")
_RUNTIME = "com.microsoft"  # and below: ONNX Runtime's own, which onnx does not list
_DEEPEST = 32
_MOST_NODES = 100_000  # that all calls of functions together may stand for
_LONGEST = 80


def cut(text: str) -> str:
    """A name that fits into a sentence."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class OperatorChecks:
    """Tells operators that no runtime knows in the model's opset."""

    def __init__(self, model: ModelProto) -> None:
        self._versions = {entry.domain: entry.version for entry in model.opset_import}
        self._known: dict[tuple[str, str], str] = {}

    def problem(self, node: NodeProto) -> str:
        """A sentence, empty if the operator is known or there is no telling."""
        key = node.domain, node.op_type
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look_up(*key)
        return found

    def _look_up(self, domain: str, operator: str) -> str:
        if domain == _RUNTIME or domain.startswith(f"{_RUNTIME}."):
            return ""
        if domain not in _BUILT_IN:
            return (
                f"The operator {cut(operator)} is of the domain {cut(domain)}, which is not known."
            )
        plain = "" if domain == "ai.onnx" else domain
        version = self._versions.get(domain, self._versions.get("ai.onnx" if not domain else "", 0))
        if not version:
            return f"The model does not say which opset of {plain or 'ai.onnx'} it uses."
        if version > _newest(plain):
            return ""
        where = f"opset {version} of {plain or 'ai.onnx'}"
        if not onnx.defs.has(operator, version, plain):
            return f"The operator {cut(operator)} is not in {where}."
        if onnx.defs.get_schema(operator, version, plain).deprecated:
            return f"The operator {cut(operator)} was taken out before {where}."
        return ""


class FunctionBodies:
    """The model's own functions, as graphs for the places where they are called."""

    def __init__(self, model: ModelProto) -> None:
        self._functions: dict[tuple[str, str], FunctionProto] = {
            (function.domain, function.name): function for function in model.functions
        }
        self._graphs: dict[tuple[str, str], GraphProto] = {}
        self._open: list[tuple[str, str]] = []
        self._left = _MOST_NODES

    def has(self, node: NodeProto) -> bool:
        return bool(self._functions) and (node.domain, node.op_type) in self._functions

    def enter(self, node: NodeProto) -> GraphProto | str:
        """The body of the function that a node calls, or why it is not opened."""
        key = node.domain, node.op_type
        function = self._functions[key]
        if key in self._open:
            return f"The function {cut(node.op_type)} calls itself, so it can never end."
        if len(self._open) >= _DEEPEST:
            return f"Functions call each other more than {_DEEPEST} deep; this one is not opened."
        self._left -= len(function.node)
        if self._left < 0:
            return "Opening every function would take too many nodes; this one is not opened."
        self._open.append(key)
        return self._graph(key, function)

    def leave(self, node: NodeProto) -> None:
        self._open.remove((node.domain, node.op_type))

    def _graph(self, key: tuple[str, str], function: FunctionProto) -> GraphProto:
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = GraphProto(name=function.name)
            graph.node.extend(function.node)
            graph.value_info.extend(function.value_info)
            for name in function.input:
                graph.input.add().name = name
            for name in function.output:
                graph.output.add().name = name
        return graph


def can_be_inlined(model: ModelProto) -> bool:
    """Whether the functions of a model end, and stand for a bounded number of nodes.

    Shape inference writes every call out.
    """
    functions = {(each.domain, each.name): each for each in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    for _ in range(_DEEPEST):  # what calls nothing unknown is known in the first round, and so on
        for key, function in functions.items():
            calls = [(node.domain, node.op_type) for node in function.node]
            inner = [sizes.get(call) if call in functions else 1 for call in calls]
            if key not in sizes and None not in inner:
                sizes[key] = sum(size or 0 for size in inner)
        if len(sizes) == len(functions):
            break
    used = [sizes.get((node.domain, node.op_type), 1) for node in model.graph.node]
    return len(sizes) == len(functions) and sum(used) - len(used) <= _MOST_NODES


@lru_cache(maxsize=16)
def _newest(domain: str) -> int:
    """The highest opset of a domain that onnx knows."""
    versions = [
        schema.since_version
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == domain
    ]
    return max(versions, default=0) if domain else onnx.defs.onnx_opset_version()
