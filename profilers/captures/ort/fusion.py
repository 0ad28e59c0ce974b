"""Which authored nodes each node of ONNX Runtime's optimised graph was made from.

The optimiser keeps the names of tensors that survive it. So each optimised node owns the authored
nodes between its outputs and the nearest tensors that are still alive; optimised nodes joined by a
tensor that the author never named own theirs together. Names of blocked convolutions ("<tensor>_nchwc")
and of nodes that only moved past a transpose tell which authored tensor their renamed output stands
for.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from onnx import NodeProto

from profilers.graphs.onnx_graph import Body
from profilers.graphs.onnx_nodes import bodies_of, weights_of

_COPIES = {
    "ReorderInput": "layout reorder",
    "ReorderOutput": "layout reorder",
    "MemcpyFromHost": "device copy",
    "MemcpyToHost": "device copy",
}
_CAST_PREFIX = "InsertedPrecisionFreeCast_"  # of nodes and tensors that replace a narrower float
_PASSES_THROUGH = frozenset({"Identity", "Dropout", "Constant"})
_SHAPE_SOURCES = frozenset({"Constant", "Shape", "Size"})
_BLOCKED_NAME = re.compile(r"(?P<tensor>.+)_nchwc(_token_\d+|_\d+)?")
_SUM_INPUT = 3  # of a blocked convolution that adds a residual


@dataclass(frozen=True)
class FusedNode:
    """Several authored nodes that run as one (or as one with helpers such as a reshape around it).

    Rows are those of the two graphs; `node` is the optimised node that does the work.
    """

    node: int
    operator: str
    helpers: tuple[int, ...]
    members: tuple[int, ...]


@dataclass
class Provenance:
    """Rows of the optimised graph tied to rows of the authored one.

    Parameters
    ----------
    origins : dict
        Optimised row to the authored rows it was made from; a missing row has none.
    fused : list of FusedNode
    conversions : dict
        Row of an inserted node that only copies a tensor into another layout, precision or memory,
        to the kind of conversion and the tensor's name.
    gone : dict
        Authored row that runs nowhere, to whether it was folded into a constant; others were proven
        needless.
    """

    origins: dict[int, tuple[int, ...]] = field(default_factory=dict)
    fused: list[FusedNode] = field(default_factory=list)
    conversions: dict[int, tuple[str, str]] = field(default_factory=dict)
    gone: dict[int, bool] = field(default_factory=dict)


def trace_provenance(authored: Body, optimised: Body) -> Provenance:
    """Tie the optimised graph to the authored one, subgraphs included."""
    result = Provenance()
    _BodyMatch(authored, optimised, result).run()
    return result


class _BodyMatch:
    """One authored body against the optimised body that came of it."""

    def __init__(self, authored: Body, optimised: Body, result: Provenance) -> None:
        self._authored = authored
        self._optimised = optimised
        self._result = result
        self._old = authored.graph.node
        self._new = optimised.graph.node
        self._old_maker = _makers(self._old)
        self._new_maker = _makers(self._new)
        self._readers = _readers(self._old)
        self._twins = _equal_tensors(self._old)
        self._constants = _constant_tensors(authored)
        self._named = {node.name: node for node in self._old if node.name and node.output}
        self._stands_for = self._moved_outputs() | self._blocked_outputs()
        self._alive = self._alive_tensors()
        self._conversions = self._inserted_conversions()

    def run(self) -> None:
        for cluster in self._clusters():
            members = self._slice_back(cluster)
            if members:
                self._assign(cluster, members)
        self._link_conversions()
        self._descend()
        reached = {row for rows in self._result.origins.values() for row in rows}
        self._result.gone |= {
            row: all(name in self._constants for name in node.output)
            for row, node in zip(self._authored.rows, self._old, strict=True)
            if row not in reached and node.op_type != "Constant"
        }

    def _moved_outputs(self) -> dict[str, str]:
        """Outputs that were renamed when a transpose was moved, by those of the node of that name."""
        return {
            new: old
            for node in self._new
            if node.name in self._named and self._named[node.name].op_type == node.op_type
            for new, old in zip(node.output, self._named[node.name].output, strict=False)
            if new not in self._old_maker
        }

    def _blocked_outputs(self) -> dict[str, str]:
        """Renamed outputs of blocked (NCHWc) nodes by the authored tensor that they stand for."""
        stands_for = {}
        for node in self._new:
            match = _BLOCKED_NAME.fullmatch(node.name.removeprefix(_CAST_PREFIX))
            tensor = self._tensor_called(match["tensor"]) if match and node.output else ""
            if tensor:
                stands_for[node.output[0]] = self._after_epilogue(tensor, node)
        for node in self._new:  # behind it the tensor has its name again
            if node.op_type == "ReorderOutput" and node.output[0] in self._old_maker:
                stands_for.setdefault(node.input[0], node.output[0])
        return stands_for

    def _tensor_called(self, name: str) -> str:
        """An authored tensor of this name, or what the authored node of this name makes."""
        if name in self._old_maker:
            return name
        return self._named[name].output[0] if name in self._named else ""

    def _after_epilogue(self, tensor: str, node: NodeProto) -> str:
        """The tensor behind the residual add and the activation that a convolution took in."""
        if len(node.input) > _SUM_INPUT and node.input[_SUM_INPUT]:
            tensor = self._output_of_only_reader(tensor, {"Add", "Sum"})
        activation = next((a.s.decode() for a in node.attribute if a.name == "activation"), "")
        if activation and self._old[self._old_maker[tensor]].op_type != activation:
            tensor = self._output_of_only_reader(tensor, {activation})
        return tensor

    def _output_of_only_reader(self, tensor: str, operators: set[str]) -> str:
        readers = self._readers.get(tensor, [])
        if len(readers) == 1 and self._old[readers[0]].op_type in operators:
            return str(self._old[readers[0]].output[0])
        return tensor

    def _authored_name(self, tensor: str) -> str:
        return self._stands_for.get(tensor, tensor.removeprefix(_CAST_PREFIX))

    def _alive_tensors(self) -> set[str]:
        graph = self._optimised.graph
        names = {self._authored_name(name) for node in self._new for name in node.output}
        names.update(weight.name for weight in weights_of(graph))
        names.update(value.name for value in graph.input)
        return names

    def _inserted_conversions(self) -> dict[int, tuple[str, str]]:
        """Kind and authored tensor of reorders and casts that the optimiser put in, by position."""
        graph = self._authored.graph
        known = {value.name for value in graph.input} | {
            weight.name for weight in weights_of(graph)
        }
        conversions = {}
        for position, node in enumerate(self._new):
            tensor = self._authored_name(node.input[0]) if node.input else ""
            if node.op_type in _COPIES:
                conversions[position] = (_COPIES[node.op_type], tensor)
                continue
            is_inserted = node.op_type == "Cast" and node.name.startswith(_CAST_PREFIX)
            if is_inserted and (tensor in known or tensor in self._old_maker):
                conversions[position] = ("precision cast", tensor)
        return conversions

    def _clusters(self) -> list[list[int]]:
        """Optimised nodes, joined where the tensor between them has no authored name."""
        leader = list(range(len(self._new)))

        def find(node: int) -> int:
            while leader[node] != node:
                leader[node] = leader[leader[node]]
                node = leader[node]
            return node

        for position, node in enumerate(self._new):
            for name in node.input:
                maker = self._new_maker.get(name)
                if (
                    maker is not None
                    and self._authored_name(name) not in self._old_maker
                    and position not in self._conversions
                    and maker not in self._conversions
                ):
                    leader[find(position)] = find(maker)
        clusters: dict[int, list[int]] = {}
        for position in range(len(self._new)):
            if position not in self._conversions:
                clusters.setdefault(find(position), []).append(position)
        return list(clusters.values())

    def _slice_back(self, cluster: Sequence[int]) -> list[int]:
        """Authored nodes between a cluster's outputs and the nearest tensors still alive."""
        names = [self._authored_name(name) for node in cluster for name in self._new[node].output]
        starts = {name for name in names if name in self._old_maker}
        computes_constant = starts <= self._constants
        found: set[int] = set()
        pending = list(starts)
        while pending:
            tensor = pending.pop()
            maker = self._old_maker.get(tensor)
            if maker is None or maker in found:
                continue
            if tensor not in starts and self._is_boundary(tensor, computes_constant):
                continue
            found.add(maker)
            pending += self._old[maker].input
        return sorted(found)

    def _is_boundary(self, tensor: str, computes_constant: bool) -> bool:
        """It exists in the optimised graph, under its own or a twin's name, or was folded."""
        if tensor in self._constants and not computes_constant:
            return True
        return any(name in self._alive for name in self._twins.get(tensor, (tensor,)))

    def _assign(self, cluster: Sequence[int], members: Sequence[int]) -> None:
        """Pair off nodes of equal operator; what is left on both sides was fused."""
        pairs, new, old = (
            self._pair_off(cluster, members) if len(cluster) > 1 else ([], cluster, members)
        )
        if old and not new:
            pairs, new, old = [], cluster, members
        for position, member in pairs:
            self._link(position, [member])
        rest = old or members
        working = [member for member in rest if self._old[member].op_type not in _PASSES_THROUGH]
        for position in new:
            self._link(position, working or rest)
        if old and len(working) > 1:
            self._add_fused(new, working)

    def _pair_off(
        self, cluster: Sequence[int], members: Sequence[int]
    ) -> tuple[list[tuple[int, int]], list[int], list[int]]:
        pairs: list[tuple[int, int]] = []
        for operator in {self._new[position].op_type for position in cluster}:
            new = [p for p in cluster if self._new[p].op_type == operator]
            old = [m for m in members if self._old[m].op_type == operator]
            if len(old) == 1:  # one node may have been copied to several places
                pairs += [(position, old[0]) for position in new]
            elif len(old) == len(new):
                by_name = {self._old[m].name: m for m in old}
                named = [by_name.get(self._new[p].name) for p in new]
                ordered = old if None in named or len(by_name) < len(old) else named
                pairs += [(p, m) for p, m in zip(new, ordered, strict=True) if m is not None]
        paired_new = {position for position, _ in pairs}
        paired_old = {member for _, member in pairs}
        return (
            pairs,
            [position for position in cluster if position not in paired_new],
            [member for member in members if member not in paired_old],
        )

    def _link(self, position: int, members: Iterable[int]) -> None:
        rows = tuple(self._authored.rows[member] for member in members)
        self._result.origins[self._optimised.rows[position]] = rows

    def _add_fused(self, cluster: Sequence[int], members: Sequence[int]) -> None:
        authored_operators = {self._old[member].op_type for member in members}
        moves = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Cast", "Identity"}
        work = [p for p in cluster if self._new[p].op_type not in moves] or list(cluster)
        new = [p for p in work if self._new[p].op_type not in authored_operators] or work
        main = new[-1]
        self._result.fused.append(
            FusedNode(
                self._optimised.rows[main],
                self._new[main].op_type,
                tuple(self._optimised.rows[p] for p in cluster if p != main),
                tuple(self._authored.rows[member] for member in members),
            )
        )

    def _link_conversions(self) -> None:
        """A conversion belongs to the node whose tensor it copies, or to the one that needs it."""
        for position, (kind, tensor) in self._conversions.items():
            self._result.conversions[self._optimised.rows[position]] = (kind, tensor)
            maker = self._old_maker.get(tensor)
            readers = self._readers.get(tensor, [])
            if maker is not None:
                self._link(position, [maker])
            elif readers:
                self._link(position, readers[:1])

    def _descend(self) -> None:
        position_of = {row: position for position, row in enumerate(self._authored.rows)}
        for (position, name), body in self._optimised.inner.items():
            origins = self._result.origins.get(self._optimised.rows[position], ())
            for old in (position_of[row] for row in origins if row in position_of):
                authored = self._authored.inner.get((old, name))
                if authored is not None:
                    _BodyMatch(authored, body, self._result).run()
                    break


def _makers(nodes: Sequence[NodeProto]) -> dict[str, int]:
    return {name: position for position, node in enumerate(nodes) for name in node.output if name}


def _readers(nodes: Sequence[NodeProto]) -> dict[str, list[int]]:
    readers: dict[str, list[int]] = {}
    for position, node in enumerate(nodes):
        for name in dict.fromkeys(node.input):
            readers.setdefault(name, []).append(position)
    return readers


def _equal_tensors(nodes: Sequence[NodeProto]) -> dict[str, list[str]]:
    """Tensors by all that are computed alike: the optimiser keeps one of each."""
    first_of: dict[str, str] = {}
    twins: dict[tuple[Any, ...], list[str]] = {}
    result: dict[str, list[str]] = {}
    for node in nodes:
        inputs = tuple(first_of.get(name, name) for name in node.input)
        attributes = tuple(sorted(a.SerializeToString() for a in node.attribute))
        if node.op_type.startswith("Random"):
            continue
        for place, name in enumerate(filter(None, node.output)):
            alike = twins.setdefault((node.domain, node.op_type, inputs, attributes, place), [])
            alike.append(name)
            first_of[name] = alike[0]
            result[name] = alike
    return result


def _constant_tensors(body: Body) -> set[str]:
    """Tensors that do not depend on the values of the model's inputs."""
    constants = {weight.name for weight in weights_of(body.graph)} | {""}
    for node in body.graph.node:
        is_control = any(True for _ in bodies_of(node))
        if node.op_type in _SHAPE_SOURCES or (
            not is_control
            and not node.op_type.startswith("Random")
            and all(name in constants for name in node.input)
        ):
            constants.update(node.output)
    return constants
