"""One stage of a profile's graphs as the view needs it: names, sizes, links to the authored nodes."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QFont, QFontMetricsF

from profilers.profile import Graph, Profile
from profilers.profile.table import Float64, Int32, Int64
from profilers.units import format_bytes
from views.graph.drawing.text_widths import TextWidths
from views.graph.structure.hierarchy import Hierarchy
from views.graph.titles import Titles

_USUAL_LINE = 15.0  # px of a line of text, for which these lengths are made
_NODE_HEIGHT = 36.0
_FOLDED_HEIGHT = 40.0
_SHORTEST, _WIDEST = 84.0, 300.0
_WIDTH_STEP = 12.0  # equal blocks whose names differ a little keep equal layouts
_BADGE_WIDTH = 48.0
_FOLD_MARK_WIDTH = 14.0
_TEXT_MARGIN = 24.0
_MOST_TIPPED, _LONGEST_TIP = 12, 120


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
        self.titles = Titles(profile, hierarchy)
        self._plain = TextWidths(font)
        bold = QFont(font)
        bold.setBold(True)
        self._bold = TextWidths(bold)
        self._enlarged = max(QFontMetricsF(font).height() / _USUAL_LINE, 1.0)
        self._authored_of: dict[int, list[int]] = defaultdict(list)
        self._made_from: dict[int, list[int]] = defaultdict(list)
        origins = self.graph.origins
        for node, authored in zip(origins.node.tolist(), origins.authored.tolist(), strict=True):
            self._authored_of[node].append(authored)
            self._made_from[authored].append(node)
        self._has_times = len(profile.trace.slices) > 0

    def sizes_of(self, items: Int32) -> tuple[Float64, Float64]:
        """Widths and heights of boxes that are not unfolded."""
        rows = items.tolist()
        is_folded = np.diff(self.hierarchy.tree.child_start)[1:][items] > 0
        title = self._bold.of([self.titles.title(item) for item in rows])
        title += np.where(is_folded, _FOLD_MARK_WIDTH * self._enlarged, 0.0)
        title += _BADGE_WIDTH * self._enlarged if self._has_times else 0.0
        widest = np.maximum(title, self._plain.of([self.titles.subtitle(item) for item in rows]))
        width = np.clip(widest + _TEXT_MARGIN, _SHORTEST, _WIDEST * self._enlarged)
        width = np.ceil(width / _WIDTH_STEP) * _WIDTH_STEP
        height = np.where(items >= self.hierarchy.node_count, _FOLDED_HEIGHT, _NODE_HEIGHT)
        height *= self._enlarged
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
