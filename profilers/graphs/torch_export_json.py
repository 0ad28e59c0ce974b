"""The graph in an exported program's JSON (``models/*.json`` of a .pt2), torch and trust not needed.

The layout is that of ``torch/_export/serde/schema.py``, major version 8; unknown fields are ignored.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.einsum_flops import einsum_flops
from profilers.graphs.python_frames import own_line
from profilers.graphs.torch_flops import torch_flops
from profilers.profile import Graph, NodeKind, StringPool

Json = dict[str, Any]

# ScalarType of the schema
_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32",
    8: "float64", 9: "complex32", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16",
    28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz",
    32: "float8_e5m2fnuz", 33: "float8_e8m0fnu", 34: "uint32", 35: "uint64",
}  # fmt: skip
_SYMBOL = re.compile(r"(?:Symbol\('(?P<quoted>\w+)'[^()]*\)|(?P<bare>[A-Za-z]\w*))")
_BRANCHES = {
    "cond": ("then", "else"),
    "while_loop": ("cond", "body"),
}
_NO_MODULE = "_empty_nn_module_stack_from_metadata_hook"
_CHECKED = re.compile(r"(torch\.ops\.)?aten\._assert_tensor_metadata")  # only export adds it


@dataclass
class _Value:
    """Where a tensor comes from: a node, or a parameter."""

    node: int
    parameter: int
    dtype: str
    shape: Shape


@dataclass
class _Frame:
    """One graph of the document while it is read: its values by name."""

    subgraph: int
    metas: Json
    values: dict[str, _Value] = field(default_factory=dict)


def read_exported_graph(
    document: Json,
    pool: StringPool,
    first_names: Mapping[str, str] | None = None,
    classes: Mapping[str, str] | None = None,
) -> Graph:
    """The authored graph of an exported program.

    Nodes keep the names they have in ``torch.fx``, scopes come from ``nn_module_stack``, parameters
    and buffers have the names of the module's state_dict.

    Parameters
    ----------
    document : dict
        The program's JSON.
    pool : StringPool
    first_names : mapping, optional
        For each other name of a shared weight, the one that it is listed under.
    classes : mapping, optional
        Class of each module by path; the document does not know modules that are never called,
        such as a ModuleList.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If the document has not the schema's form.
    """
    return _Reader(document, GraphBuilder(pool), first_names or {}, classes or {}).read()


def tensor_meta(meta: Json) -> tuple[str, Shape]:
    """numpy name of the dtype, and the shape with a symbol for each dynamic dimension."""
    return _DTYPES.get(meta["dtype"], ""), tuple(_size(size) for size in meta["sizes"])


def symbol(expression: str) -> str | None:
    """The name if the expression is a single symbol: ``Symbol('s77', integer=True)`` is s77."""
    found = _SYMBOL.fullmatch(expression.strip())
    return (found["quoted"] or found["bare"]) if found else None


def parameter_names(signature: Json) -> dict[str, str]:
    """Name in the module's state_dict, by the placeholder that stands for it in the graph."""
    names = {}
    for spec in signature["input_specs"]:
        for kind, named in spec.items():
            if kind in ("parameter", "buffer", "tensor_constant"):
                names[named["arg"]["name"]] = named[f"{kind}_name"]
    return names


def _size(size: Json) -> int | str | None:
    if "as_int" in size:
        return int(size["as_int"])
    return symbol(str(size["as_expr"]["expr_str"]))


def tensors_of(argument: Json) -> Iterator[str]:
    """Names of the tensors and symbols that an argument refers to, in order."""
    for kind, value in argument.items():
        if kind in ("as_tensor", "as_custom_obj"):
            yield value["name"]
        elif kind in ("as_tensors", "as_optional_tensors"):
            for item in value:
                name = item.get("name") or (item.get("as_tensor") or {}).get("name")
                if name:
                    yield name
        elif kind in ("as_sym_int", "as_sym_bool", "as_sym_float") and "as_name" in value:
            yield value["as_name"]
        elif kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats"):
            yield from (item["as_name"] for item in value if "as_name" in item)


class _Reader:
    def __init__(
        self,
        document: Json,
        builder: GraphBuilder,
        first_names: Mapping[str, str],
        classes: Mapping[str, str],
    ) -> None:
        module = document["graph_module"]
        self._graph: Json = module["graph"]
        self._parameters = {
            placeholder: first_names.get(name, name)
            for placeholder, name in parameter_names(module["signature"]).items()
        }
        self._builder = builder
        self._classes = classes

    def read(self) -> Graph:
        frame = _Frame(-1, self._graph["tensor_values"])
        for argument in self._graph["inputs"]:
            for name in tensors_of(argument):
                self._add_input(frame, name)
        self._read_nodes(self._graph, frame)
        return self._builder.build()

    def _add_input(self, frame: _Frame, name: str) -> None:
        dtype, shape = _meta(frame, name)
        if frame.subgraph < 0 and name in self._parameters:
            row = self._builder.parameter(self._parameters[name], dtype, shape)
            frame.values[name] = _Value(-1, row, dtype, shape)
            return
        node = self._builder.node(name, "input", kind=NodeKind.INPUT, subgraph=frame.subgraph)
        frame.values[name] = _Value(node, -1, dtype, shape)

    def _read_nodes(self, graph: Json, frame: _Frame) -> None:
        for node in graph["nodes"]:
            if not _CHECKED.match(str(node["target"])):
                self._add_node(node, frame)
        output = self._builder.node(
            "output", "output", kind=NodeKind.OUTPUT, subgraph=frame.subgraph
        )
        for argument in graph["outputs"]:
            for name in tensors_of(argument):
                self._connect(frame, name, output)

    def _add_node(self, node: Json, frame: _Frame) -> None:
        operator = str(node["target"]).removeprefix("torch.ops.").removesuffix(".default")
        metadata = node.get("metadata") or {}
        outputs = [name for argument in node["outputs"] for name in tensors_of(argument)]
        inputs = [name for item in node["inputs"] for name in tensors_of(item["arg"])]
        graphs = [item["arg"]["as_graph"] for item in node["inputs"] if "as_graph" in item["arg"]]
        attributes = _attributes(node["inputs"])
        row = self._builder.node(
            node.get("name") or (outputs[0] if outputs else operator),
            operator,
            kind=NodeKind.CONTROL if graphs else NodeKind.OPERATOR,
            scope=self._builder.scope(_module_path(metadata, self._classes), frame.subgraph),
            subgraph=frame.subgraph,
            flops=self._flops(
                operator, inputs, outputs, str(attributes.get("equation", "")), frame
            ),
            source=own_line(metadata.get("stack_trace", "")),
            attributes=attributes,
        )
        if graphs:
            self._add_branches(operator, graphs, inputs, row, frame)
        for name in inputs:
            self._connect(frame, name, row, uses_parameters=not graphs)
        for name in outputs:
            dtype, shape = _meta(frame, name)
            frame.values[name] = _Value(row, -1, dtype, shape)

    def _flops(
        self, operator: str, inputs: list[str], outputs: list[str], equation: str, frame: _Frame
    ) -> int:
        shapes = [frame.values[name].shape for name in inputs if name in frame.values]
        if operator == "aten.einsum":
            return einsum_flops(equation, shapes)
        return torch_flops(operator, shapes, _meta(frame, outputs[0])[1] if outputs else None)

    def _connect(
        self, frame: _Frame, name: str, target: int, *, uses_parameters: bool = True
    ) -> None:
        value = frame.values.get(name)
        if value is None:
            return
        if value.parameter < 0:
            self._builder.edge(value.node, target, name, value.dtype, value.shape)
        elif uses_parameters:
            self._builder.use(value.parameter, target)

    def _add_branches(
        self, operator: str, graphs: list[Json], inputs: list[str], owner: int, outer: _Frame
    ) -> None:
        """Bodies of a higher-order operator; each names its inputs after the operands, in order."""
        titles = _BRANCHES.get(operator.removeprefix("higher_order."), ())
        for index, item in enumerate(graphs):
            title = titles[index] if index < len(titles) else "body"
            body: Json = item["graph"]
            names = [name for argument in body["inputs"] for name in tensors_of(argument)]
            operands = inputs[len(inputs) - len(names) :] if len(names) <= len(inputs) else []
            frame = _Frame(self._builder.subgraph(title, owner), body["tensor_values"])
            for position, name in enumerate(names):
                operand = outer.values.get(operands[position]) if operands else None
                if operand is not None and operand.parameter >= 0:
                    frame.values[name] = operand
                else:
                    self._add_input(frame, name)
            self._read_nodes(body, frame)


def _meta(frame: _Frame, name: str) -> tuple[str, Shape]:
    meta = frame.metas.get(name)
    return tensor_meta(meta) if meta is not None else ("", None)


def _module_path(metadata: Json, known: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, class) of each module from the outside in, from ``key,path,class;key,path,class``.

    The number that a repeated call adds to a path ("encoder@1") is left out: it is one module.
    """
    classes = dict(known)
    path = ""
    for entry in metadata.get("nn_module_stack", "").split(";"):
        parts = entry.split(",")
        if len(parts) >= 3 and parts[1] != _NO_MODULE:
            path = parts[1].split("@")[0]
            classes[path] = parts[2].rsplit(".", 1)[-1]
    segments = path.split(".") if path else []
    return [
        (segment, classes.get(".".join(segments[: index + 1]), ""))
        for index, segment in enumerate(segments)
    ]


def _attributes(inputs: list[Json]) -> Json:
    """Arguments that are not tensors, by name; large lists are left out."""
    found = {}
    for position, item in enumerate(inputs):
        for kind, value in item["arg"].items():
            if kind in ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats"):
                if not isinstance(value, list) or len(value) <= 64:
                    found[item.get("name") or f"argument {position}"] = value
            elif kind == "as_scalar_type":
                found[item.get("name") or "dtype"] = _DTYPES.get(value, str(value))
    return found
