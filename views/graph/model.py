"""One stage of a profile's graphs as the view needs it: names, sizes, links to the authored nodes."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QFont

from profilers.profile import Graph, NodeKind, Profile
from profilers.profile.table import Float64, Int32, Int64
from profilers.units import format_bytes
from views.graph.drawing.text_widths import TextWidths
from views.graph.structure.hierarchy import Hierarchy

_NODE_HEIGHT = 36.0
_FOLDED_HEIGHT = 40.0
_SHORTEST, _WIDEST = 84.0, 240.0
_WIDTH_STEP = 12.0  # equal blocks whose names differ a little keep equal layouts
_BADGE_WIDTH = 48.0
_FOLD_MARK_WIDTH = 14.0
_TEXT_MARGIN = 24.0
_MOST_TIPPED, _LONGEST_TIP = 12, 120
_END_WORDS = {int(NodeKind.INPUT): "input", int(NodeKind.OUTPUT): "output"}
_PREFIXES = ("aten.", "aten::", "prim::", "higher_order.")


class StageModel:
    """Titles of items, what they cost in pixels, and which authored nodes stand behind them.

    `graph` is that of the hierarchy: without scopes if this is flat.

    `growth` has for each item a factor of its size, all 1 unless boxes are sized by a figure.
    """

    def __init__(self, profile: Profile, stage: int, hierarchy: Hierarchy, font: QFont) -> None:
        self.profile = profile
        self.graph: Graph = hierarchy.graph
        self.stage = stage
        self.is_authored = stage == 0
        self.hierarchy = hierarchy
        self.growth = np.ones(hierarchy.tree.count)
        self._kinds: list[int] = self.graph.nodes.kind.tolist()
        self._plain = TextWidths(font)
        bold = QFont(font)
        bold.setBold(True)
        self._bold = TextWidths(bold)
        self._authored_of: dict[int, list[int]] = defaultdict(list)
        self._made_from: dict[int, list[int]] = defaultdict(list)
        origins = self.graph.origins
        for node, authored in zip(origins.node.tolist(), origins.authored.tolist(), strict=True):
            self._authored_of[node].append(authored)
            self._made_from[authored].append(node)
        self._has_times = len(profile.trace.slices) > 0

    def title(self, item: int) -> str:
        """The first line of a box."""
        strings, scope = self.profile.strings, self.hierarchy.scope_row(item)
        if scope >= 0:
            return strings[int(self.graph.scopes.name[scope])]
        body = self.hierarchy.subgraph_row(item)
        if body >= 0:
            return strings[int(self.graph.subgraphs.name[body])]
        if item >= self.hierarchy.first_run:
            blocks = self.hierarchy.tree.children(item)
            return f"{self.title(int(blocks[0]))} … {self.title(int(blocks[-1]))}"
        if self._end_word(item):
            return strings[int(self.graph.nodes.name[item])]
        return self.operator(item)

    def name(self, item: int) -> str:
        """The whole name of a node, or the path of a scope."""
        if item < self.hierarchy.node_count:
            return self.profile.strings[int(self.graph.nodes.name[item])]
        around = [item, *self.hierarchy.ancestors(item)]
        return "/".join(self.title(each) for each in reversed(around))

    def operator(self, node: int) -> str:
        """Short: ``conv2d`` for ``aten.conv2d.default``."""
        name = self.profile.strings[int(self.graph.nodes.operator[node])]
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        return name

    def repeats(self, item: int) -> str:
        """``×48`` for a box of equal blocks, else empty."""
        count = int(self.hierarchy.repeats[item])
        return f"×{count}" if count else ""

    def subtitle(self, item: int) -> str:
        """The second line: a box's class and content, the module of a node or its name."""
        strings = self.profile.strings
        if item >= self.hierarchy.node_count:
            kind, count = self.kind(item), int(self.hierarchy.node_counts[item])
            parts = (self.repeats(item), kind, f"{count:,} nodes")
            return "  ·  ".join(part for part in parts if part)
        name = strings[int(self.graph.nodes.name[item])].rpartition("/")[2]
        return self._end_word(item) or self._lone_scopes(item) or name

    def _lone_scopes(self, node: int) -> str:
        """Names of the scopes that a node stands in for: they hold nothing else."""
        shown = self.hierarchy.scope_row(int(self.hierarchy.tree.parent[node]))
        scope, names = int(self.graph.nodes.scope[node]), []
        while scope not in (-1, shown):
            names.append(self.profile.strings[int(self.graph.scopes.name[scope])])
            scope = int(self.graph.scopes.parent[scope])
        return "/".join(reversed(names))

    def _end_word(self, node: int) -> str:
        return _END_WORDS.get(self._kinds[node], "")

    def kind(self, item: int) -> str:
        """The class of a scope, or of the blocks in a run; empty for others."""
        scope = self.hierarchy.scope_row(item)
        if scope >= 0:
            return self.profile.strings[int(self.graph.scopes.kind[scope])]
        if item >= self.hierarchy.first_run:
            return self.kind(int(self.hierarchy.tree.children(item)[0]))
        return ""

    def open_title(self, item: int) -> str:
        """The one line of an unfolded box: its title, and its class or the node's name."""
        title = self.title(item)
        more = self.subtitle(item) if item < self.hierarchy.node_count else self.kind(item)
        parts = (title, more if more != title else "", self.repeats(item))
        return "  ".join(part for part in parts if part)

    def sizes_of(self, items: Int32) -> tuple[Float64, Float64]:
        """Widths and heights of boxes that are not unfolded."""
        rows = items.tolist()
        is_folded = np.array([self.hierarchy.is_container(item) for item in rows], bool)
        title = self._bold.of([self.title(item) for item in rows])
        title += np.where(is_folded, _FOLD_MARK_WIDTH, 0.0)
        title += _BADGE_WIDTH if self._has_times else 0.0
        widest = np.maximum(title, self._plain.of([self.subtitle(item) for item in rows]))
        width = np.clip(widest + _TEXT_MARGIN, _SHORTEST, _WIDEST)
        width = np.ceil(width / _WIDTH_STEP) * _WIDTH_STEP
        height = np.where(items >= self.hierarchy.node_count, _FOLDED_HEIGHT, _NODE_HEIGHT)
        growth = self.growth[items]
        return width * growth, height * growth

    def authored(self, nodes: Sequence[int]) -> list[int]:
        """Authored nodes behind nodes of this stage."""
        if self.is_authored:
            return list(nodes)
        return sorted({each for node in nodes for each in self._authored_of.get(node, ())})

    def from_authored(self, nodes: Sequence[int]) -> list[int]:
        """Nodes of this stage that were made from authored ones."""
        if self.is_authored:
            return list(nodes)
        return sorted({each for node in nodes for each in self._made_from.get(node, ())})

    def shape_text(self, shape: int) -> str:
        """``1×64×56×56`` for a row of the strings, empty if it is not known."""
        return self.profile.strings[shape].replace(",", "×") if shape >= 0 else ""

    def edge_tip(self, edges: Int64) -> str:
        """The tensors of edges, each in a line: name, dtype, shape and size."""
        table, strings = self.graph.edges, self.profile.strings
        lines: dict[str, None] = {}
        for row in edges[:_MOST_TIPPED].tolist():
            dtype = strings[int(table.dtype[row])] if table.dtype[row] >= 0 else "?"
            size = f"  {format_bytes(int(table.bytes[row]))}" if table.bytes[row] >= 0 else ""
            shape = self.shape_text(int(table.shape[row])) or "?"
            name = strings[int(table.tensor[row])][:_LONGEST_TIP]
            lines[f"{name}  {dtype} {shape}{size}"] = None
        if len(edges) > _MOST_TIPPED:
            lines[f"… {len(edges) - _MOST_TIPPED:,}"] = None
        return "\n".join(lines)
