"""Ties the operators of an eager run to the nodes of the graph that the same calls make when traced."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.sequence_alignment import END, Place, align
from profilers.captures.tf.files import LAYER_MARK, NODE_MARK, TAPE_SCOPE
from profilers.captures.tf.names import NodeNames
from profilers.profile import (
    Allocations,
    Graph,
    NodeKind,
    SliceKind,
    Slices,
    StringPool,
    StringTable,
)
from profilers.profile.table import Int32

_CALL = re.compile(r"EagerLocalExecute: (?P<operator>\w+)")
_CONVERSIONS = ("tf.constant", "convert_to_tensor")
_KERNEL = "KernelAndDeviceFunc::Run"
_RETRACED = re.compile(r"_\d+$")
_SILENT = frozenset({"Const", "NoOp", "VarHandleOp", "Placeholder", "If", "StatelessIf", "Case"})
_LOOPS = frozenset({"While", "StatelessWhile"})
_SAME = {"_EagerConst": "Const", "StatelessWhile": "While"}


def with_operators(slices: Slices, strings: StringTable, pool: StringPool) -> Slices:
    """Kernels that the eager runtime runs become the operators; the calls around them are dispatch.

    Ranges of layers and nodes become scopes and go by the layer's or node's own name.
    """
    operator = _operators(slices, strings)
    kind, name = slices.kind.copy(), slices.name.copy()
    kernel = strings.find(_KERNEL)
    parents = slices.parent
    for row in np.flatnonzero((slices.name == kernel) & (parents >= 0)).tolist():
        caller = row
        while caller >= 0 and not operator[caller]:
            caller = int(parents[caller])
        if caller >= 0:
            kind[caller], kind[row] = SliceKind.OTHER, SliceKind.OPERATOR
            name[row] = pool.add(operator[caller])
    for row in np.flatnonzero(_marked(slices, strings, (LAYER_MARK, NODE_MARK))).tolist():
        kind[row] = SliceKind.SCOPE
    return slices.replace(kind=kind, name=name)


def unmarked(slices: Slices, strings: StringTable, pool: StringPool) -> Slices:
    """Ranges without their marks."""
    plain = {
        row: pool.add(text.removeprefix(LAYER_MARK).removeprefix(NODE_MARK))
        for row, text in enumerate(strings)
        if text.startswith((LAYER_MARK, NODE_MARK))
    }
    names = [plain.get(name, name) for name in slices.name.tolist()]
    return slices.replace(name=np.array(names, np.int32))


def eager_nodes(
    slices: Slices,
    strings: StringTable,
    authored: Graph,
    layers: Mapping[str, str],
    names: NodeNames,
) -> Int32:
    """The node of each slice.

    By the range around it where the nodes were run one by one; else by the order of operators within
    the ranges of layers.

    Parameters
    ----------
    slices : Slices
        As the trace has them, before `with_operators`.
    layers : mapping of str to str
        Class name by layer name.
    """
    if any(text.startswith(NODE_MARK) for text in strings):
        marked = {
            row: names.find(text.removeprefix(NODE_MARK))
            for row, text in enumerate(strings)
            if text.startswith(NODE_MARK)
        }
        found = [marked.get(name, -1) for name in slices.name.tolist()]
        return inherited(slices, np.array(found, np.int32))
    places, rows = _Program(authored, strings, layers).laid_out()
    nodes = _by_order(slices, strings, layers, places, rows)
    return inherited(slices, _with_conversions(slices, strings, nodes))


def makers_of(allocations: Allocations, slices: Slices, nodes: Int32) -> Int32:
    """The node of each allocation: that of its slice, and what Python makes for the next operator.

    Parameters
    ----------
    slices : Slices
        As `with_operators` has them.
    nodes : ndarray of int32
        The node of each slice.
    """
    makers: Int32 = np.append(nodes, np.int32(-1))[allocations.slice]
    ends = slices.start_ns + slices.duration_ns
    for row in np.flatnonzero((makers < 0) & (allocations.slice >= 0)).tolist():
        around = int(allocations.slice[row])
        while around >= 0 and slices.kind[around] != SliceKind.SCOPE:
            around = int(slices.parent[around])
        if around < 0:
            continue
        inside = (slices.track == slices.track[around]) & (nodes >= 0) & (ends <= ends[around])
        following = np.flatnonzero(inside & (slices.start_ns >= allocations.allocated_ns[row]))
        if len(following):
            makers[row] = nodes[following[np.argmin(slices.start_ns[following])]]
    return makers


def _with_conversions(slices: Slices, strings: StringTable, nodes: Int32) -> Int32:
    """What Python makes a tensor of, the next operator takes."""
    linked = np.flatnonzero(nodes >= 0)
    made = np.flatnonzero(np.isin(slices.name, [strings.find(name) for name in _CONVERSIONS]))
    made = made[nodes[made] < 0]
    at = np.searchsorted(linked, made)
    made, at = made[at < len(linked)], at[at < len(linked)]
    following = linked[at]
    is_near = (slices.track[following] == slices.track[made]) & (
        slices.step[following] == slices.step[made]
    )
    filled = nodes.copy()
    filled[made[is_near]] = nodes[following[is_near]]
    return filled


def _by_order(
    slices: Slices,
    strings: StringTable,
    layers: Mapping[str, str],
    places: Sequence[Place],
    rows: Sequence[int],
) -> Int32:
    operator = _operators(slices, strings)
    scopes = _layer_paths(slices, strings, layers)
    alike = _Alike(places)
    nodes = np.full(len(slices), -1, np.int32)
    found: dict[tuple[tuple[str, str], ...], list[int]] = {}
    called = [row for row in np.flatnonzero(slices.step >= 0).tolist() if operator[row]]
    for step in np.unique(slices.step[called]).tolist():
        own = [row for row in called if slices.step[row] == step]
        own.sort(key=lambda row: int(slices.start_ns[row]))
        executed = tuple(
            (_SAME.get(operator[row], operator[row]), scopes.get(row, "")) for row in own
        )
        if executed not in found:
            aligned = align(executed, places, 0 if places else END)
            found[executed] = alike.completed(executed, aligned)
        for row, place in zip(own, found[executed], strict=True):
            if place >= 0:
                nodes[row] = rows[place]
    return nodes


class _Alike:
    """Places by operator and layer, for operators that are out of order, such as those of a tape.

    A gradient through a loop is another program when it is traced: there the loop is run backwards,
    here each of its rounds. Its operators share the nodes of the layer that do the same. An operator
    that is not traced at all, since sizes are known then, serves the next one of its layer; where none
    follows, it does what the layer's last one does when it is traced.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self._places: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._last_of: dict[str, int] = {}
        for number, place in enumerate(places):
            self._places[place.operator, place.scope].append(number)
            if place.is_silent:  # such as a shape that is a constant when it is traced
                self._last_of.setdefault(place.scope, number)
            else:
                self._last_of[place.scope] = number

    def completed(self, executed: Sequence[tuple[str, str]], places: list[int]) -> list[int]:
        """The same with places for those that have none, one after the other."""
        taken: Counter[tuple[str, str]] = Counter()
        completed = list(places)
        for number, (key, place) in enumerate(zip(executed, places, strict=True)):
            known = self._places.get(key) or self._places.get((key[0], _around(key[1])))
            if place < 0 and known:
                completed[number] = known[taken[key] % len(known)]
                taken[key] += 1
        following: dict[str, int] = {}
        for number in range(len(completed) - 1, -1, -1):
            scope = executed[number][1]
            if completed[number] >= 0:
                following[scope] = completed[number]
            elif scope:
                completed[number] = following.get(scope, self._last_of.get(scope, -1))
        return completed


def _around(scope: str) -> str:
    """The layer around a layer."""
    return scope.rpartition(".")[0] or scope


def _operators(slices: Slices, strings: StringTable) -> list[str]:
    """For each slice the operator that it calls, "" if it is no such call."""
    of_name = []
    for text in strings:
        match = _CALL.fullmatch(text)
        of_name.append(match["operator"] if match else "")
    is_call = slices.kind == SliceKind.OPERATOR
    return [
        of_name[name] if called else ""
        for name, called in zip(slices.name.tolist(), is_call.tolist(), strict=True)
    ]


def _marked(slices: Slices, strings: StringTable, marks: tuple[str, ...]) -> "np.ndarray":
    has_mark = np.array([text.startswith(marks) for text in strings], np.bool_)
    found: np.ndarray = has_mark[slices.name]
    return found


def _layer_paths(slices: Slices, strings: StringTable, layers: Mapping[str, str]) -> dict[int, str]:
    """Dotted path of the layers around each slice that lies in any."""
    is_layer = _marked(slices, strings, (LAYER_MARK,)).tolist()
    paths: dict[int, str] = {}
    for row, (parent, name) in enumerate(
        zip(slices.parent.tolist(), slices.name.tolist(), strict=True)
    ):
        path = paths.get(parent, "")
        if is_layer[row]:
            own = _layers_in(strings[name].removeprefix(LAYER_MARK).split("/"), layers)
            path = _joined(path, own)
        if path:
            paths[row] = path
    return paths


class _Program:
    """The order in which the nodes of a traced function may be executed."""

    def __init__(self, graph: Graph, strings: StringTable, layers: Mapping[str, str]) -> None:
        self._graph, self._strings = graph, strings
        self._paths = _node_layers(graph, strings, layers)
        self._nodes_in: dict[int, list[int]] = defaultdict(list)
        self._bodies_of: dict[int, dict[str, int]] = defaultdict(dict)
        kinds = graph.nodes.kind.tolist()
        for row, subgraph in enumerate(graph.nodes.subgraph.tolist()):
            if kinds[row] not in (NodeKind.INPUT, NodeKind.OUTPUT):
                self._nodes_in[subgraph].append(row)
        for row, owner in enumerate(graph.subgraphs.owner.tolist()):
            self._bodies_of[owner][strings[graph.subgraphs.name[row]]] = row
        self._places: list[Place] = []
        self._rows: list[int] = []

    def laid_out(self) -> tuple[list[Place], list[int]]:
        self._block(-1, (END,))
        return self._places, self._rows

    def _block(self, subgraph: int, after: tuple[int, ...]) -> tuple[int, ...]:
        """Lay out a body that is followed by `after`; returns where it begins."""
        rows = self._nodes_in[subgraph]
        first = len(self._places)
        for row in rows:
            self._places.append(self._place(row))
            self._rows.append(row)
        for index in range(len(rows) - 1, -1, -1):
            following = (first + index + 1,) if index + 1 < len(rows) else after
            followers = self._followers(rows[index], following)
            self._places[first + index] = replace(self._places[first + index], followers=followers)
        return (first,) if rows else after

    def _followers(self, row: int, following: tuple[int, ...]) -> tuple[int, ...]:
        bodies = self._bodies_of[row]
        if "body" in bodies and "cond" in bodies:
            return self._loop(bodies["cond"], bodies["body"], following)
        begins = [begin for body in bodies.values() for begin in self._block(body, following)]
        return tuple(dict.fromkeys(begins)) or following

    def _loop(self, condition: int, body: int, following: tuple[int, ...]) -> tuple[int, ...]:
        """The condition is followed by the body or by what comes after; the body by the condition."""
        turn = len(self._places)
        self._places.append(Place("", "", (), is_silent=True))
        self._rows.append(-1)
        begin = self._block(body, (turn,))
        self._places[turn] = replace(
            self._places[turn], followers=self._block(condition, (*begin, *following))
        )
        return (turn,)

    def _place(self, row: int) -> Place:
        nodes = self._graph.nodes
        operator = self._strings[int(nodes.operator[row])]
        is_silent = operator in _SILENT or operator in _LOOPS
        return Place(operator, self._paths[row], (), is_silent=is_silent)


def _node_layers(graph: Graph, strings: StringTable, layers: Mapping[str, str]) -> list[str]:
    """For each node the dotted path of the layers that it lies in, those around its body first."""
    scopes, nodes = graph.scopes, graph.nodes
    called = [strings[name] for name in scopes.name.tolist()]
    is_numbered = next(iter(layers), "") not in called  # the model comes first
    paths = {-1: ""}
    for row, (name, parent) in enumerate(zip(called, scopes.parent.tolist(), strict=True)):
        paths[row] = _joined(paths[parent], _layers_in((name,), layers, is_numbered))
    owners = graph.subgraphs.owner.tolist()
    found: list[str] = []
    for scope, body in zip(nodes.scope.tolist(), nodes.subgraph.tolist(), strict=True):
        around = found[owners[body]] if body >= 0 and owners[body] < len(found) else ""
        own = paths[scope]
        found.append(_unrepeated(own if own.startswith(around) else _joined(around, own)))
    return found


def _unrepeated(path: str) -> str:
    """Gradients of loops name the layers of the loop again, from the model on; that counts."""
    tape, *layers = path.split(".") if path.startswith(TAPE_SCOPE) else ("", *path.split("."))
    again = max((at for at, name in enumerate(layers) if name == layers[0]), default=0)
    return _joined(tape, ".".join(layers[again:]))


def _joined(outer: str, inner: str) -> str:
    return f"{outer}.{inner}" if outer and inner else outer or inner


def _layers_in(names: Sequence[str], layers: Mapping[str, str], is_numbered: bool = False) -> str:
    """Dotted path of those names that are layers, without the numbers of later traces.

    Where all scopes are numbered, "dense_1" is the layer "dense", even if there is a layer "dense_1".
    """
    found = []
    for name in names:
        plain = _RETRACED.sub("", name)
        either = (plain, name) if is_numbered else (name, plain)
        known = next((each for each in either if each in layers), "")
        found += [known or TAPE_SCOPE] if known or name == TAPE_SCOPE else []
    return ".".join(found)
