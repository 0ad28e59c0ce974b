"""The graph of what one run executed, from PyTorch's execution trace.

Format: the JSON of ``torch.profiler.ExecutionTraceObserver`` (schema 1.1): one node per operator
call with its parent, and for each tensor an id that tells which values are the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.torch_flops import torch_flops
from profilers.profile import Graph, NodeKind, StringPool

Json = dict[str, Any]

_DTYPES = {
    "float": "float32", "double": "float64", "c10::Half": "float16", "c10::BFloat16": "bfloat16",
    "long int": "int64", "long": "int64", "int": "int32", "short": "int16", "signed char": "int8",
    "unsigned char": "uint8", "bool": "bool", "c10::complex<float>": "complex64",
}  # fmt: skip
_TENSOR = re.compile(r"Tensor\(([^()]*)\)")
_WEIGHT_OPERATOR = "aten::detach"


def read_execution_trace(
    document: Json,
    pool: StringPool,
    known: Sequence[Sequence[str]],
    classes: Mapping[str, str],
    module_mark: str,
) -> Graph:
    """Nodes are the outermost operators in the order they ran.

    Parameters
    ----------
    document : dict
    pool : StringPool
    known : sequence of (kind, name)
        What the first detached tensors are: "parameter" or "input".
    classes : mapping of str to str
        Class of each module by its path.
    module_mark : str
        Prefix of the ranges that name modules.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, IndexError
        If the document has another form.
    """
    return _Reader(document, GraphBuilder(pool), classes, module_mark).read(known)


class _Reader:
    def __init__(
        self, document: Json, builder: GraphBuilder, classes: Mapping[str, str], module_mark: str
    ) -> None:
        self._nodes = sorted(document["nodes"], key=lambda node: int(node["id"]))
        self._by_id = {node["id"]: node for node in self._nodes}
        self._builder = builder
        self._classes = classes
        self._mark = module_mark
        self._parameters: dict[int, int] = {}
        self._makers: dict[int, int] = {}  # node that made each tensor last
        self._names: dict[str, int] = {}

    def read(self, known: Sequence[Sequence[str]]) -> Graph:
        outermost = [node for node in self._nodes if self._is_outermost(node)]
        for (kind, name), node in zip(known, outermost, strict=False):
            self._introduce(kind, name, node)
        for node in outermost[len(known) :]:
            self._add(node)
        return self._builder.build()

    def _introduce(self, kind: str, name: str, node: Json) -> None:
        """A tensor that the model starts with."""
        if node["name"] != _WEIGHT_OPERATOR:
            raise ValueError("the first operators are not the ones that name the weights")
        tensor, dtype, shape = next(_tensors(node["inputs"]))
        if kind == "parameter":
            self._parameters.setdefault(tensor, self._builder.parameter(name, dtype, shape))
        else:
            self._makers[tensor] = self._builder.node(name, "input", kind=NodeKind.INPUT)

    def _add(self, node: Json) -> None:
        operator = str(node["name"])
        inputs, outputs = list(_tensors(node["inputs"])), list(_tensors(node["outputs"]))
        path = self._module(node)
        row = self._builder.node(
            self._unique(operator.rpartition("::")[2].rstrip("_") or operator),
            operator,
            scope=self._builder.scope(self._scope(path)),
            flops=torch_flops(
                operator, [shape for _, _, shape in inputs], outputs[0][2] if outputs else None
            ),
        )
        for tensor, dtype, shape in inputs:
            if tensor in self._parameters:
                self._builder.use(self._parameters[tensor], row)
            elif tensor in self._makers:
                self._builder.edge(self._makers[tensor], row, f"t{tensor}", dtype, shape)
        for tensor, _, _ in outputs:
            if tensor not in self._parameters:
                self._makers[tensor] = row

    def _is_outermost(self, node: Json) -> bool:
        return self._is_operator(node) and not any(map(self._is_operator, self._above(node)))

    def _is_operator(self, node: Json) -> bool:
        name = str(node["name"])
        return "::" in name and not name.startswith((self._mark, "["))

    def _above(self, node: Json) -> Iterator[Json]:
        seen = {node["id"]}
        while (parent := self._by_id.get(node["ctrl_deps"])) is not None:
            if parent["id"] in seen:
                return
            seen.add(parent["id"])
            yield parent
            node = parent

    def _module(self, node: Json) -> str:
        for above in self._above(node):
            if str(above["name"]).startswith(self._mark):
                return str(above["name"]).removeprefix(self._mark)
        return ""

    def _scope(self, path: str) -> list[tuple[str, str]]:
        parts = path.split(".") if path else []
        return [
            (part, self._classes.get(".".join(parts[: number + 1]), ""))
            for number, part in enumerate(parts)
        ]

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, -1) + 1
        return f"{name}_{count}" if count else name


def _tensors(side: Json) -> Iterator[tuple[int, str, Shape]]:
    """Id, dtype and shape of each tensor among the inputs or outputs, lists flattened."""
    for value, shape, kind in zip(side["values"], side["shapes"], side["types"], strict=True):
        dtypes = [_DTYPES.get(name, "") for name in _TENSOR.findall(kind)]
        if not dtypes:
            continue
        if kind.startswith("Tensor("):
            yield int(value[0]), dtypes[0], tuple(shape)
        else:
            for each, size, dtype in zip(value, shape, dtypes, strict=False):
                yield int(each[0]), dtype, tuple(size)
