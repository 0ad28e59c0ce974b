"""One stage of a profile's graphs as the view needs it: names, sizes, links to the authored nodes."""

from collections import Counter, defaultdict

import numpy as np
from PySide6.QtGui import QFont, QFontMetricsF

from profilers.analysis.operator_family import operator_family
from profilers.profile import Graph, NodeKind, Profile
from views.graph.hierarchy import Hierarchy
from views.graph.scene import Size

_NODE_HEIGHT = 36.0
_FOLDED_HEIGHT = 40.0
_SHORTEST, _WIDEST = 84.0, 240.0
_BADGE_WIDTH = 48.0
_FOLD_MARK_WIDTH = 14.0


class StageModel:
    """Titles of items, what they cost in pixels, and which authored nodes stand behind them."""

    def __init__(self, profile: Profile, stage: int, font: QFont) -> None:
        self.profile = profile
        self.graph: Graph = profile.graphs[stage]
        self.is_authored = stage == 0
        self.hierarchy = Hierarchy(self.graph)
        self._metrics = QFontMetricsF(font)
        bold = QFont(font)
        bold.setBold(True)
        self._bold_metrics = QFontMetricsF(bold)
        self._authored_of: dict[int, list[int]] = defaultdict(list)
        self._made_from: dict[int, list[int]] = defaultdict(list)
        origins = self.graph.origins
        for node, authored in zip(origins.node.tolist(), origins.authored.tolist(), strict=True):
            self._authored_of[node].append(authored)
            self._made_from[authored].append(node)
        self._has_times = len(profile.trace.slices) > 0
        self._fused = set(profile.fusion.members.node.tolist())

    def title(self, item: int) -> str:
        """The first line of a box."""
        strings, scope = self.profile.strings, self.hierarchy.scope_row(item)
        if scope >= 0:
            return strings[int(self.graph.scopes.name[scope])]
        body = self.hierarchy.subgraph_row(item)
        if body >= 0:
            return strings[int(self.graph.subgraphs.name[body])]
        kind = self.graph.nodes.kind[item]
        if kind in (NodeKind.INPUT, NodeKind.OUTPUT):
            return strings[int(self.graph.nodes.name[item])]
        return self.operator(item)

    def operator(self, node: int) -> str:
        """Short: ``conv2d`` for ``aten.conv2d.default``."""
        name = self.profile.strings[int(self.graph.nodes.operator[node])]
        for prefix in ("aten.", "aten::", "prim::", "higher_order."):
            name = name.removeprefix(prefix)
        return name

    def subtitle(self, item: int) -> str:
        """The second line: a scope's class and content, a node's name."""
        strings, scope = self.profile.strings, self.hierarchy.scope_row(item)
        if item >= self.hierarchy.node_count:
            kind = strings[int(self.graph.scopes.kind[scope])] if scope >= 0 else ""
            count = len(self.hierarchy.nodes_in(item))
            return f"{kind}  ·  {count} nodes" if kind else f"{count} nodes"
        if self.graph.nodes.kind[item] == NodeKind.INPUT:
            return "input"
        if self.graph.nodes.kind[item] == NodeKind.OUTPUT:
            return "output"
        return strings[int(self.graph.nodes.name[item])].rpartition("/")[2]

    def open_title(self, item: int) -> str:
        """The one line of an unfolded box: its title, and its class or the node's name."""
        title = self.title(item)
        scope = self.hierarchy.scope_row(item)
        if scope >= 0:
            more = self.profile.strings[int(self.graph.scopes.kind[scope])]
        else:
            more = self.subtitle(item) if item < self.hierarchy.node_count else ""
        return title if more in ("", title) else f"{title}  {more}"

    def families(self) -> dict[str, str]:
        """Operator families of the stage, the most frequent first, each with an operator of it."""
        nodes = self.graph.nodes
        is_operator = nodes.kind == NodeKind.OPERATOR
        rows, counts = np.unique(nodes.operator[is_operator], return_counts=True)
        totals: Counter[str] = Counter()
        example: dict[str, str] = {}
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
            family = operator_family(self.profile.strings[row])
            totals[family] += count
            example.setdefault(family, self.profile.strings[row])
        return {family: example[family] for family, _ in totals.most_common()}

    def size_of(self, item: int) -> Size:
        is_folded = self.hierarchy.is_container(item)
        title = self._bold_metrics.horizontalAdvance(self.title(item))
        title += _FOLD_MARK_WIDTH if is_folded else 0.0
        title += _BADGE_WIDTH if self._has_times else 0.0
        widest = max(title, self._metrics.horizontalAdvance(self.subtitle(item)))
        width = min(max(widest + 24.0, _SHORTEST), _WIDEST)
        is_scope = item >= self.hierarchy.node_count
        return width, _FOLDED_HEIGHT if is_scope else _NODE_HEIGHT

    def authored(self, nodes: list[int]) -> list[int]:
        """Authored nodes behind nodes of this stage."""
        if self.is_authored:
            return nodes
        return sorted({each for node in nodes for each in self._authored_of.get(node, ())})

    def from_authored(self, nodes: list[int]) -> list[int]:
        """Nodes of this stage that were made from authored ones."""
        if self.is_authored:
            return nodes
        return sorted({each for node in nodes for each in self._made_from.get(node, ())})

    def is_fused(self, item: int) -> bool:
        """Whether a node was merged with others by the compiler."""
        if not 0 <= item < self.hierarchy.node_count:
            return False
        if self.is_authored:
            return item in self._fused
        return len(self._authored_of.get(item, ())) > 1

    def shape_text(self, edge: int) -> str:
        """``1×64×56×56``, empty if it is not known."""
        row = int(self.graph.edges.shape[edge])
        return self.profile.strings[row].replace(",", "×") if row >= 0 else ""

    def found(self, text: str) -> list[int]:
        """Nodes whose name, operator or scope holds every word, in the order of their rows."""
        words = text.lower().split()
        if not words:
            return []
        strings, nodes = self.profile.strings, self.graph.nodes
        lowered = {
            row: strings[row].lower()
            for row in np.unique(np.concatenate((nodes.name, nodes.operator))).tolist()
        }
        return [
            row
            for row, (name, operator) in enumerate(
                zip(nodes.name.tolist(), nodes.operator.tolist(), strict=True)
            )
            if all(word in lowered[name] or word in lowered[operator] for word in words)
        ]
