"""Writes the graph of a TorchScript module as JSON that needs no torch to be read.

``{"inputs": [value], "nodes": [node], "outputs": [name], "parameters": [value]}`` where a value is
``{"name", "dtype", "shape"}`` (shape null if not known) and a node ``{"name", "operator", "scope":
[[name, class]], "arguments": [[position, value name]], "parameters": [[position, name]], "arity":
int, "outputs": [value], "attributes": {}, "source": "file:line", "blocks": [{"inputs", "nodes",
"outputs"}], "fused": [node]}``; `fused` are the operators of a fusion group, most often none.
Constants, attribute reads, tuples and arithmetic on plain numbers are no nodes: what they feed is
fed by their inputs.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from profilers.captures.pytorch.files import EXECUTED_SCRIPT_FILE, FOLDED, SCRIPT_GRAPH_FILE
from profilers.runtimes.pytorch.weights import address_of

Json = dict[str, Any]

_HIERARCHY = re.compile(r"([^.()]+)\(([^()]*)\)")
_NO_MODULE = frozenset({"SELF", "UNKNOWN_INSTANCE", "TOP"})
_SOURCE = re.compile(  # of a script, of one that was saved, and of a trace
    r'File "(?P<file>[^"]+)", line (?P<line>\d+)|(?<!\S)(?P<plain>[^\s"]+\.py)[:(](?P<at>\d+)'
)
_NOT_THE_MODEL = ("site-packages", str(Path(__file__).parents[1]))  # libraries, and what traces it
_DTYPES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool",
    "ComplexFloat": "complex64", "ComplexDouble": "complex128",
}  # fmt: skip
_FUSED = "prim::TensorExprGroup"
_DIFFERENTIABLE = "prim::DifferentiableGraph"
_CHECKS = frozenset({"prim::TypeCheck", "prim::RequiresGradCheck"})  # each gives what it takes
_PYTHON = "prim::PythonOp"  # a call of Python, of which a trace has a range of that name
_FROZEN = "self."  # begins the name of a constant that was an attribute
_TAKES_APART = frozenset({"prim::TupleUnpack", "prim::TupleIndex"})
_PASSED_THROUGH = frozenset({
    "prim::ListConstruct", "prim::TupleConstruct", "prim::NumToTensor", "aten::Int", "aten::Bool",
    "prim::unchecked_cast", "prim::Uninitialized", "prim::RaiseException", "prim::data", "prim::device",
})  # fmt: skip


def write_script_graph(module: Any, results: Sequence[Any], folder: Path) -> None:
    """Leave the inlined graph of `module`'s forward as `SCRIPT_GRAPH_FILE`.

    `results` are the tensors that it returned: no operator's record tells their sizes.
    """
    own, *_ = module.inlined_graph.inputs()
    document = _Writer(module, own.debugName()).document(module.inlined_graph)
    sizes = {
        name: list(result.shape) for name, result in zip(document["outputs"], results, strict=False)
    }
    for node in document["nodes"]:
        for value in node["outputs"]:
            if value["shape"] is None:
                value["shape"] = sizes.get(value["name"])
    (folder / SCRIPT_GRAPH_FILE).write_text(json.dumps(document))


def python_functions(module: Any) -> list[str]:
    """Names of the ``torch.autograd.Function`` classes that a traced module calls, as traces have them."""
    graph = module.inlined_graph  # a new one each time, which owns its nodes
    return sorted({node.pyname() for node in graph.findAllNodes(_PYTHON)})


def write_executed_graph(
    module: Any,
    graph: Any,
    folder: Path,
    differentiable: Sequence[Any] = (),
    *,
    optimised: bool = False,
) -> bool:
    """Leave what TorchScript executes as `EXECUTED_SCRIPT_FILE`, where that is another graph.

    It is where it fused or folded anything, and where it was `optimised` before it ran.

    Parameters
    ----------
    module : ScriptModule
        As loaded, with its weights' names.
    graph : torch.Graph
        As ``torch.jit.last_executed_optimized_graph`` gives it.
    differentiable : sequence of torch.Graph
        What is executed in place of each of its differentiable graphs.

    Returns
    -------
    bool
        Whether there was anything to tell.
    """
    own = next(iter(graph.inputs()), None)
    name = own.debugName() if own is not None else ""
    document = _Writer(module, name, list(differentiable)).document(graph)
    text = json.dumps(document)
    is_told = optimised or _FUSED in text or FOLDED in text
    if is_told:
        (folder / EXECUTED_SCRIPT_FILE).write_text(text)
    return is_told


@dataclass
class _Writer:
    module: Any
    own: str  # name of the value that is the module itself
    _differentiable: list[Any] = field(default_factory=list)  # graphs that come next
    _paths: dict[str, str] = field(default_factory=dict)  # attribute path by value name
    _constants: dict[str, Any] = field(default_factory=dict)
    _sources: dict[str, list[str]] = field(
        default_factory=dict
    )  # what feeds a value that is no node
    _parts: dict[str, list[list[str]]] = field(default_factory=dict)  # the same for each of a tuple
    _parameters: dict[str, Json] = field(default_factory=dict)
    _frozen: dict[str, str] = field(default_factory=dict)  # path of a constant weight by value name
    _known: dict[int, str] = field(default_factory=dict)  # first name of a weight by address
    _names: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, tensor in (*self.module.named_parameters(), *self.module.named_buffers()):
            self._known.setdefault(address_of(tensor), name)

    def document(self, graph: Any) -> Json:
        self._paths[self.own] = ""
        inputs = [each for each in graph.inputs() if each.debugName() != self.own]
        nodes = self._nodes(graph)
        return {
            "inputs": [_value(each) for each in inputs],
            "nodes": nodes,
            "outputs": self._feeding(list(graph.outputs())),
            "parameters": list(self._parameters.values()),
        }

    def _nodes(self, block: Any) -> list[Json]:
        return [document for node in block.nodes() for document in self._node(node)]

    def _node(self, node: Any) -> list[Json]:
        kind = node.pyname() if node.kind() == _PYTHON else node.kind()
        outputs = list(node.outputs())
        if kind == "prim::GetAttr":
            base = self._paths.get(node.input().debugName(), "")
            name = node.s("name")
            self._paths[node.output().debugName()] = f"{base}.{name}" if base else name
            return []
        if kind == "prim::ConstantMKLDNNTensor":
            self._add_frozen(node.output().debugName(), None)
            return []
        if kind == "prim::Constant":
            self._take_constant(node.output())
            return []
        if kind == "prim::TupleConstruct":
            self._parts[node.output().debugName()] = [
                self._feeding([value]) for value in node.inputs()
            ]
        if kind in _TAKES_APART:
            self._take_apart(node)
            return []
        if kind in _CHECKS:
            for checked, output in zip(node.inputs(), outputs, strict=False):
                self._sources[output.debugName()] = self._feeding([checked])
            return []
        if kind == "prim::If" and _guards_fusion(node):
            return self._guarded(node)
        if kind == _DIFFERENTIABLE:
            return self._inlined(node)
        blocks = [self._block(block) for block in node.blocks()]
        if not _makes_tensors(node) and not any(block["nodes"] for block in blocks):
            for output in outputs:
                self._sources[output.debugName()] = self._feeding(list(node.inputs()))
            return []
        arguments = [
            [position, name]
            for position, value in enumerate(node.inputs())
            for name in self._feeding([value])
        ]
        return [
            {
                "name": self._unique(kind.rpartition("::")[2].rstrip("_").lower() or kind),
                "operator": kind,
                "scope": _scope(node),
                "arguments": arguments,
                "arity": len(list(node.inputs())),
                "outputs": [_value(output) for output in outputs],
                "parameters": self._weights(node),
                "attributes": self._attributes(node),
                "source": _source(node),
                "blocks": blocks,
                "fused": self._nodes(node.g("Subgraph")) if kind == _FUSED else [],
            }
        ]

    def _take_constant(self, output: Any) -> None:
        """A frozen module's weights are constants that keep the weight's path as their name."""
        name, value = output.debugName(), output.toIValue()
        self._constants[name] = value
        if name.startswith(_FROZEN) and _is_tensor(output):
            self._add_frozen(name, value)

    def _add_frozen(self, name: str, tensor: Any) -> None:
        path = self._frozen[name] = name.removeprefix(_FROZEN)
        self._constants.setdefault(name, None)
        self._parameters.setdefault(path, _parameter(path, tensor))

    def _guarded(self, node: Any) -> list[Json]:
        """A fusion group behind a check of types; what would run if these changed is left out."""
        fused, _ = node.blocks()
        nodes = self._nodes(fused)
        for inner, output in zip(fused.outputs(), node.outputs(), strict=True):
            self._sources[output.debugName()] = self._feeding([inner])
        return nodes

    def _inlined(self, node: Any) -> list[Json]:
        """What a differentiable graph executes; its further outputs are kept for the backward."""
        graph = self._differentiable.pop(0) if self._differentiable else node.g("Subgraph")
        for outer, inner in zip(node.inputs(), graph.inputs(), strict=True):
            self._stand_for(outer.debugName(), inner.debugName())
        nodes = self._nodes(graph)
        for output, inner in zip(node.outputs(), graph.outputs(), strict=False):
            self._sources[output.debugName()] = self._feeding([inner])
        return nodes

    def _stand_for(self, outer: str, inner: str) -> None:
        """A value goes by another name within a graph of its own."""
        if outer in self._paths:
            self._paths[inner] = self._paths[outer]
        elif outer in self._constants:
            self._constants[inner] = self._constants[outer]
        else:
            self._sources[inner] = self._sources.get(outer, [outer])

    def _take_apart(self, node: Any) -> None:
        """Parts of a tuple come from where it was put together, or else from all of it."""
        whole, *index = node.inputs()
        parts = self._parts.get(whole.debugName())
        if parts and index:
            position = self._constants.get(index[0].debugName())
            parts = [parts[position]] if isinstance(position, int) else None
        for number, output in enumerate(node.outputs()):
            name = output.debugName()
            self._sources[name] = parts[number] if parts else self._feeding([whole])

    def _block(self, block: Any) -> Json:
        return {
            "inputs": [_value(each) for each in block.inputs()],
            "nodes": self._nodes(block),
            "outputs": self._feeding(list(block.outputs())),
        }

    def _feeding(self, values: list[Any]) -> list[str]:
        """Names of the values that really stand behind these, constants and weights left out."""
        names: list[str] = []
        for value in values:
            name = value.debugName()
            if name in self._sources:
                names += self._sources[name]
            elif name not in self._constants and name not in self._paths:
                names.append(name)
        return list(dict.fromkeys(names))

    def _weights(self, node: Any) -> list[list[Any]]:
        """Parameters and buffers among the inputs, single or in lists; a shared one by one name."""
        found = []
        for position, value in enumerate(node.inputs()):
            if value.debugName() in self._frozen:
                found.append([position, self._frozen[value.debugName()]])
            for name, tensor in self._read(value):
                self._parameters.setdefault(name, _parameter(name, tensor))
                found.append([position, name])
        return found

    def _read(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Weights behind a value, by name: one, a list of them, or a list put together here."""
        if value.node().kind() == "prim::ListConstruct":
            for part in value.node().inputs():
                yield from self._read(part)
            return
        path = self._paths.get(value.debugName(), "")
        for tensor in self._tensors_at(path) if path else ():
            yield self._known.get(address_of(tensor), path) if tensor.numel() else path, tensor

    def _tensors_at(self, path: str) -> list[Any]:
        import torch

        found = self.module
        for part in path.split("."):
            found = getattr(found, part, None)
        parts = found if isinstance(found, (list, tuple)) else [found]
        return [part for part in parts if isinstance(part, torch.Tensor)]

    def _attributes(self, node: Any) -> Json:
        """Constant arguments, by position where the schema does not name them."""
        names = _argument_names(node)
        found = {}
        for position, value in enumerate(node.inputs()):
            constant = self._constants.get(value.debugName())
            if isinstance(constant, (bool, int, float, str)) or _is_plain_list(constant):
                name = names[position] if position < len(names) else f"argument {position}"
                found[name] = constant
        return found

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, -1) + 1
        return f"{name}_{count}" if count else name


def _parameter(name: str, tensor: Any) -> Json:
    """A weight in a layout of oneDNN's own has no tensor to ask."""
    if tensor is None:
        return {"name": name, "dtype": "", "shape": None}
    return {"name": name, "dtype": _dtype_name(tensor), "shape": list(tensor.shape)}


def _guards_fusion(node: Any) -> bool:
    fused, *_ = node.blocks()
    return any(each.kind() in (_FUSED, _DIFFERENTIABLE) for each in fused.nodes())


def _makes_tensors(node: Any) -> bool:
    if node.kind() in _PASSED_THROUGH:
        return False
    return any("Tensor" in str(output.type()) or _is_tensor(output) for output in node.outputs())


def _is_tensor(value: Any) -> bool:
    return bool(value.type().kind() == "TensorType")


def _value(value: Any) -> Json:
    dtype, shape = "", None
    if _is_tensor(value):
        kind = value.type()
        dtype = _DTYPES.get(kind.scalarType() or "", "")
        shape = kind.sizes()
    return {"name": value.debugName(), "dtype": dtype, "shape": shape}


def _scope(node: Any) -> list[list[str]]:
    """Module path with classes: from the call stack of a scripted node, the scope of a traced one."""
    hierarchy = [
        [name, kind]
        for name, kind in _HIERARCHY.findall(node.getModuleHierarchy())
        if name not in _NO_MODULE
    ]
    if hierarchy:
        return hierarchy
    last = node.scopeName().rpartition("/")[2]
    path = last.rpartition("::")[2] if "::" in last else last
    return [[name, ""] for name in path.split(".")[1:]]


def _source(node: Any) -> str:
    """The innermost line of the model's own code."""
    found = [
        (match["file"] or match["plain"], match["line"] or match["at"])
        for match in _SOURCE.finditer(node.sourceRange())
    ]
    own = [each for each in found if _is_of_the_model(each[0])]
    return f"{PurePath(own[0][0]).name}:{own[0][1]}" if own else ""


def _is_of_the_model(file: str) -> bool:
    return not file.startswith("<") and not any(part in file for part in _NOT_THE_MODEL)


def _argument_names(node: Any) -> list[str]:
    import torch

    try:
        schema = torch._C.parse_schema(node.schema())
    except RuntimeError:
        return []
    return [argument.name for argument in schema.arguments]


def _is_plain_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 64
        and all(isinstance(item, (bool, int, float)) for item in value)
    )


def _dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
