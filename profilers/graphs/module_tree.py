"""A model's modules without its operators: one node per module that computes or holds weights."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from profilers.graphs.builder import GraphBuilder
from profilers.profile import Graph, NodeKind, StringPool

LONGEST_PATH = 300
MOST_MODULES = 100_000
MOST_TENSORS = 300_000
_Trail = tuple[tuple[str, str], ...]
_SEQUENTIAL = "torch.nn.modules.container.Sequential"


@dataclass(frozen=True, eq=False)
class ModuleTensor:
    """A parameter or buffer; equal `identity` means one tensor under several names."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    identity: Hashable


@dataclass(frozen=True, eq=False)
class Module:
    """One module.

    Parameters
    ----------
    path : str
        As ``named_modules`` gives it; "" for the model itself.
    class_name : str
        Qualified ("torch.nn.modules.conv.Conv2d").
    attributes : mapping
        Its own plain attributes (``in_channels``, ``stride``).
    tensors : tuple of ModuleTensor
    children : tuple of Module
        In the order of registration.
    """

    path: str
    class_name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tensors: tuple[ModuleTensor, ...] = ()
    children: tuple["Module", ...] = ()

    @property
    def kind(self) -> str:
        """Class name without its module: "Conv2d"."""
        return self.class_name.rpartition(".")[2]

    def walk(self) -> Iterator["Module"]:
        """This module and all below it, in the order of registration."""
        yield self
        for child in self.children:
            yield from child.walk()


def module_graph(root: Module, pool: StringPool) -> Graph:
    """Scopes for the modules, a node for each that is a leaf or has tensors of its own.

    What a Sequential holds runs in order, so its leaves are joined by edges; of all other modules
    the file does not say how data flows.
    """
    builder = GraphBuilder(pool)
    rows: dict[str, int] = {}
    shared: dict[Hashable, int] = {}
    for module, trail in _trails(root, ()):
        if module.children and not module.tensors:
            continue
        rows[module.path] = row = builder.node(
            module.path or module.kind,
            module.kind,
            scope=builder.scope(trail),
            attributes={"class": module.class_name, **module.attributes},
        )
        for tensor in module.tensors:
            name = f"{module.path}.{tensor.name}".removeprefix(".")
            builder.use(_parameter(replace(tensor, name=name), builder, shared), row)
    for before, after in _chain(root)[2]:
        builder.edge(rows[before], rows[after])
    return builder.build()


def tensor_graph(tensors: Iterable[ModuleTensor], pool: StringPool) -> Graph:
    """Tensors with dotted names: a node for each prefix that holds some, in its scope.

    These nodes hold weights and compute nothing: the file does not say what does.

    Raises
    ------
    ValueError
        If a name is longer, or there are more tensors, than any model has.
    """
    builder = GraphBuilder(pool)
    rows: dict[str, int] = {}
    shared: dict[Hashable, int] = {}
    for count, tensor in enumerate(tensors):
        if len(tensor.name) > LONGEST_PATH or count >= MOST_TENSORS:
            raise ValueError("it names more tensors, or longer ones, than any model does")
        prefix = tensor.name.rpartition(".")[0]
        if prefix not in rows:
            rows[prefix] = builder.node(
                prefix or "(top)",
                "parameters",
                kind=NodeKind.CONSTANT,
                scope=builder.scope((part, "") for part in prefix.split(".") if part),
            )
        builder.use(_parameter(tensor, builder, shared), rows[prefix])
    return builder.build()


def _parameter(tensor: ModuleTensor, builder: GraphBuilder, shared: dict[Hashable, int]) -> int:
    """Row of the parameter; one that is shared is listed under its first name."""
    if tensor.identity not in shared:
        row = builder.parameter(tensor.name, tensor.dtype, tensor.shape)
        shared[tensor.identity] = row
    return shared[tensor.identity]


def _trails(module: Module, above: _Trail) -> Iterator[tuple[Module, _Trail]]:
    """Every module with the (name, class) of those around it and its own."""
    yield module, above
    for child in module.children:
        name = child.path.removeprefix(module.path).removeprefix(".")
        yield from _trails(child, (*above, (name, child.kind)))


def _chain(module: Module) -> tuple[str | None, str | None, list[tuple[str, str]]]:
    """First and last leaf that data passes, where that is certain, and the edges within."""
    if not module.children:
        return module.path, module.path, []
    parts = [_chain(child) for child in module.children]
    edges = [edge for part in parts for edge in part[2]]
    if module.class_name != _SEQUENTIAL:
        return None, None, edges
    for (_, last, _), (first, _, _) in pairwise(parts):
        if last is not None and first is not None:
            edges.append((last, first))
    return parts[0][0], parts[-1][1], edges
