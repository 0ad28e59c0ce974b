"""A graph, or some of its nodes, as text: what goes to the clipboard."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from profilers.analysis.flow_order import flow_order
from profilers.analysis.nodes.figures import node_figures
from profilers.profile import Edges, Profile
from profilers.profile.table import Int32, Int64
from profilers.units import format_duration

_ROOT = -1
_INDENT = "  "
_MOST_LINES = 2000
_MOST_INPUTS = 8
_DEEPEST = 40
_LONGEST_NAME = 160


def graph_text(
    profile: Profile,
    stage: int = 0,
    nodes: Iterable[int] | None = None,
    most_lines: int = _MOST_LINES,
) -> str:
    """One line per node in flow order, indented by scope: name, operator, results, inputs, time.

    Without `nodes` all of the stage's. Bodies of control flow stand below their node, which is there
    whenever one of theirs is. Past `most_lines` a last line says how many are left out.
    """
    return _GraphText(profile, stage, nodes).text(most_lines)


class _GraphText:
    """Items are numbered: nodes first, then scopes, then bodies."""

    def __init__(self, profile: Profile, stage: int, nodes: Iterable[int] | None) -> None:
        self._strings = profile.strings
        self._graph = graph = profile.graphs[stage]
        self._time_ns = node_figures(profile, stage).time_ns
        self._first_scope = len(graph.nodes)
        self._first_body = self._first_scope + len(graph.scopes)
        self._incoming = _Grouped(graph.edges.target, len(graph.nodes))
        self._outgoing = _Grouped(graph.edges.source, len(graph.nodes))
        order = np.argsort(flow_order(graph), kind="stable")
        if nodes is not None:
            is_wanted = np.zeros(len(graph.nodes), np.bool_)
            is_wanted[np.fromiter(nodes, np.int64)] = True
            order = order[is_wanted[order]]
        self._children: dict[int, list[int]] = defaultdict(list)
        self._count = self._place(order.tolist())

    def text(self, most_lines: int) -> str:
        lines: list[str] = []
        waiting = [(item, 0) for item in reversed(self._children[_ROOT])]
        while waiting and len(lines) < most_lines:
            item, depth = waiting.pop()
            lines.append(_INDENT * min(depth, _DEEPEST) + self._line(item))
            waiting += [(child, depth + 1) for child in reversed(self._children.get(item, ()))]
        left = self._count - len(lines)
        if left:
            lines.append(f"… {left:,} more lines are left out")
        return "\n".join(lines)

    def _place(self, nodes: list[int]) -> int:
        """Put each node and all that is around it below its parent, in the order of nodes."""
        placed: set[int] = set()
        for node in nodes:
            item = node
            while item != _ROOT and item not in placed:
                placed.add(item)
                parent = self._parent(item)
                self._children[parent].append(item)
                item = parent
        return len(placed)

    def _parent(self, item: int) -> int:
        if item >= self._first_body:
            return int(self._graph.subgraphs.owner[item - self._first_body])
        if item >= self._first_scope:
            scopes, row = self._graph.scopes, item - self._first_scope
            scope, body = int(scopes.parent[row]), int(scopes.subgraph[row])
        else:
            scope, body = int(self._graph.nodes.scope[item]), int(self._graph.nodes.subgraph[item])
        if scope >= 0:
            return scope + self._first_scope
        return body + self._first_body if body >= 0 else _ROOT

    def _line(self, item: int) -> str:
        if item >= self._first_body:
            return self._name(self._graph.subgraphs.name[item - self._first_body]) + ":"
        if item >= self._first_scope:
            scopes, row = self._graph.scopes, item - self._first_scope
            kind = self._name(scopes.kind[row])
            return self._name(scopes.name[row]) + (f" ({kind}):" if kind else ":")
        nodes = self._graph.nodes
        parts = [
            self._name(nodes.name[item]),
            self._name(nodes.operator[item]),
            self._results(item),
            self._inputs(item),
            f"{format_duration(self._time_ns[item])} per step" if self._time_ns[item] >= 0 else "",
        ]
        return "  ".join(part for part in parts if part)

    def _results(self, node: int) -> str:
        """``1×16×32×32 float32``, of each tensor that others read."""
        edges = self._graph.edges
        rows = {int(edges.tensor[row]): row for row in reversed(self._outgoing.rows(node).tolist())}
        return ", ".join(self._tensor(edges, row) for row in reversed(rows.values()))

    def _tensor(self, edges: Edges, row: int) -> str:
        shape = "?" if edges.shape[row] < 0 else self._name(edges.shape[row]).replace(",", "×")
        return f"{shape or 'scalar'} {self._name(edges.dtype[row]) or '?'}"

    def _inputs(self, node: int) -> str:
        rows = self._incoming.rows(node)
        names = [
            self._name(self._graph.nodes.name[feeder])
            for feeder in self._graph.edges.source[rows[:_MOST_INPUTS]].tolist()
        ]
        if len(rows) > _MOST_INPUTS:
            names.append(f"{len(rows) - _MOST_INPUTS:,} more")
        return "← " + ", ".join(names) if names else ""

    def _name(self, row: int) -> str:
        text = " ".join(self._strings[int(row)].split())
        return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


class _Grouped:
    """Rows of a table by one of its columns."""

    def __init__(self, key: Int32, count: int) -> None:
        self._rows = np.argsort(key, kind="stable")
        self._start = np.concatenate(([0], np.cumsum(np.bincount(key, minlength=count))))

    def rows(self, key: int) -> Int64:
        return self._rows[self._start[key] : self._start[key + 1]]
