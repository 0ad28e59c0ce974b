"""Colours of a scene's boxes: what they are coloured by, and the legend that tells it."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QColor

from profilers.profile import NodeKind
from profilers.profile.table import Float64
from views.graph.drawing.fills import Colours, number, on_ramp, ramp
from views.graph.drawing.measures import MEASURES, NOTHING, categories, item_figures
from views.graph.model import StageModel
from views.graph.scene import Scene
from views.theme import Theme

_MOST_ENTRIES = 9
_LONGEST_NAME = 28


@dataclass(frozen=True)
class Legend:
    """Colours with what they stand for; of a scale (`is_scale`) these are its two ends."""

    entries: tuple[tuple[QColor, str], ...]
    is_scale: bool = False


class Look:
    """Colours by one measure: "family", "dtype", "device", "fusion", or one of MEASURES."""

    def __init__(self, theme: Theme, model: StageModel, measure: str) -> None:
        self._theme = theme
        self._model = model
        self._raised = number(theme.raised)
        self.measure = MEASURES.get(measure)
        if self.measure is not None:
            self._values = item_figures(model, self.measure)
            self._ramp = ramp(theme.panel, theme.selection)
        else:
            self._categories = categories(model.profile, model, measure)
            self._colours = self._category_colours(measure)
            nodes = self._categories.of_item[: model.hierarchy.node_count]
            counts = np.bincount(nodes[nodes >= 0])
            frequent = np.argsort(-counts, kind="stable")[:_MOST_ENTRIES]
            self._frequent = frequent[counts[frequent] > 0].tolist()

    def fills(self, scene: Scene) -> Colours:
        """One colour per box of a scene."""
        items = scene.boxes.item
        if self.measure is not None:
            return on_ramp(self._values[items], self.highest(scene), self._ramp, self._raised)
        places = self._categories.of_item[items]
        fills = self._colours[places]
        fills[places < 0] = self._raised
        is_scope = items >= self._model.hierarchy.node_count
        if self._by_family:
            fills[is_scope] = self._raised
            named = np.flatnonzero((places == NOTHING) & ~is_scope)
            for row in named.tolist():
                operator = self._model.titles.operator(int(items[row]))
                fills[row] = number(self._theme.family_colour(operator))
        return fills

    def highest(self, scene: Scene) -> float:
        """The figure of the brightest box: the highest of those that are not unfolded."""
        closed = scene.boxes.item[~scene.boxes.is_open]
        return float(self._values[closed].max(initial=0.0)) if self.measure is not None else 0.0

    def value(self, item: int) -> float:
        """The figure of an item, -1 if nobody knows."""
        return float(self._values[item]) if self.measure is not None else -1.0

    def legend(self, scene: Scene) -> Legend:
        if self.measure is not None:
            highest = self.highest(scene)
            cold, hot = self._theme.panel, self._theme.selection
            ends = (cold, self.measure.describe(0.0)), (hot, self.measure.describe(highest))
            return Legend(ends, is_scale=True)
        return Legend(
            tuple(
                (QColor.fromRgb(int(self._colours[place])), _cut(self._categories.names[place]))
                for place in self._frequent
            )
        )

    def _category_colours(self, measure: str) -> Colours:
        self._by_family = measure == "family"
        names = self._categories.names
        if self._by_family:
            colours = [
                number(self._theme.family_colour(self._example(at))) for at in range(len(names))
            ]
        else:
            colours = [number(self._theme.hue_colour(at * 137 % 360)) for at in range(len(names))]
        return np.array([*colours, self._raised], np.uint32)

    def _example(self, place: int) -> str:
        """An operator of a family, which is what colours are told by."""
        nodes = self._categories.of_item[: self._model.hierarchy.node_count]
        node = int(np.argmax(nodes == place))
        return self._model.titles.operator(node)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def growth(model: StageModel, measure: str) -> Float64:
    """Factors of box sizes: 1 without a figure, 2.5 for the node with the highest."""
    values = item_figures(model, MEASURES[measure])
    nodes = np.maximum(values[: model.hierarchy.node_count], 0.0)
    is_leaf = model.graph.nodes.kind != NodeKind.CONTROL
    highest = float(nodes[is_leaf].max(initial=0.0))
    share = np.clip(values / highest, 0.0, 1.0) if highest else np.zeros(len(values))
    return 1.0 + 1.5 * np.sqrt(share)
