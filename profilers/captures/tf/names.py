"""From the name of a running TensorFlow node to the node of the authored graph.

Before a function runs, its calls are inlined and its control flow is lowered; the names keep the
way: ``call/while/body/_14/while/MatMul`` is MatMul in the body of the While node of a function.
"""

import re
from collections.abc import Sequence

from profilers.profile import Graph

_NUMBER = re.compile(r"_\d+")
_BRANCH = re.compile(r"branch(\d+)")
_REPEATED = re.compile(r"(?P<name>.+)_\d+")  # a node of the same name was there already
_REWRITES = (  # names that Grappler gives to what it makes of a node
    re.compile(r"ConstantFolding(?:Ctrl)?/(?P<name>.+?)(?:-folded-.*|_recip|_\d+)?"),
    re.compile(r"(?P<name>.+)-\d+-(?:Transpose|DataFormat|Cast)\w*-\w+"),
    re.compile(r"(?P<scope>(?:.*/)?)ArithmeticOptimizer/[A-Za-z]+_(?:Leaf_\d+_)?(?P<name>[^/]+)"),
    re.compile(
        r"(?P<scope>(?:.*/)?)ArithmeticOptimizer/ReorderCast[A-Za-z]+_[a-z]+\d*_(?P<name>[^/]+)"
    ),
    re.compile(r"(?:Func/)(?P<name>.+)/(?:input|output)(?:_control_node)?/_\d+"),
)


class NodeNames:
    """Looks up running names in one graph.

    Parameters
    ----------
    graph : Graph
        The authored graph.
    strings : sequence of str
        The profile's strings.
    """

    def __init__(self, graph: Graph, strings: Sequence[str]) -> None:
        nodes = graph.nodes
        self._rows: dict[tuple[int, str], int] = {}
        self._anywhere: dict[str, int] = {}
        self._own = [strings[name] for name in nodes.name.tolist()]
        for row, (text, subgraph) in enumerate(
            zip(self._own, nodes.subgraph.tolist(), strict=True)
        ):
            self._rows[subgraph, text] = row
            self._anywhere[text] = -1 if text in self._anywhere else row
        uses = zip(graph.parameter_uses.parameter, graph.parameter_uses.node, strict=True)
        self._readers: dict[str, int] = {}
        for parameter, row in uses:
            self._readers.setdefault(strings[graph.parameters.name[parameter]], int(row))
        self._bodies: dict[int, dict[str, int]] = {}
        for row, owner in enumerate(graph.subgraphs.owner.tolist()):
            self._bodies.setdefault(owner, {})[strings[graph.subgraphs.name[row]]] = row
        self._known: dict[str, int] = {}

    def find(self, name: str) -> int:
        """Node of a running name; -1 if there is none.

        What TensorFlow adds to run a control-flow node (Switch, Enter, ...) is that node, and a
        variable of TensorFlow 1, which is a node that runs, is the one that reads or changes it.
        """
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def exact(self, name: str) -> int:
        """Node that itself goes by this name when it runs; -1 for what was made from one."""
        row = self.find(name)
        own = self._own[row] if row >= 0 else ""
        return row if row >= 0 and (name == own or name.endswith(f"/{own}")) else -1

    def within(self, subgraph: int, name: str) -> int:
        """Node of a name as it is given in one body; -1 if there is none."""
        return self._in(subgraph, name)

    def body(self, node: int, label: str) -> int:
        """Subgraph of a control-flow node by its label; -1 if there is none."""
        return self._bodies.get(node, {}).get(label, -1)

    def _find(self, name: str) -> int:
        row = self._in(-1, name)
        for pattern in _REWRITES if row < 0 else ():
            match = pattern.fullmatch(name)
            if match and row < 0:
                row = self._in(-1, match.groupdict().get("scope", "") + match["name"])
        if row < 0:
            reader = self._rows.get((-1, f"{name}/read"), self._readers.get(name, -1))
            row = self._anywhere.get(name, reader)
        repeated = _REPEATED.fullmatch(name)
        return self._rows.get((-1, repeated["name"]), -1) if row < 0 and repeated else row

    def _in(self, subgraph: int, name: str) -> int:
        row = self._rows.get((subgraph, name))
        if row is not None:
            return row
        parts = name.split("/")
        for end in range(len(parts) - 1, 0, -1):
            row = self._rows.get((subgraph, "/".join(parts[:end])))
            if row is not None:
                inner = self._inside(self._bodies.get(row, {}), parts[end:])
                return inner if inner >= 0 else row
        return -1

    def _inside(self, bodies: dict[str, int], parts: list[str]) -> int:
        """The node that the rest of a name leads to within the bodies of one node."""
        label = _BRANCH.sub(r"branches \1", parts[0])
        if label in bodies:
            rest = parts[2:] if len(parts) > 1 and _NUMBER.fullmatch(parts[1]) else parts[1:]
            return self._in(bodies[label], "/".join(rest))
        if len(bodies) == 1:
            return self._in(next(iter(bodies.values())), "/".join(parts))
        return -1
