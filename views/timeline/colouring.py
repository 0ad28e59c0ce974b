"""What the colour of a slice tells: its operator family, category, track, module or graph node."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from PySide6.QtGui import QColor

from profilers.analysis.operator_family import operator_family
from profilers.profile.table import Int32, Int64
from views.context import ViewContext
from views.theme import Theme
from views.timeline.lanes import Lanes
from views.timeline.layout import TrackOrder
from views.timeline.range_sums import range_sums
from views.timeline.raster import Pixels

_GOLDEN_DEGREES = 137.508  # hues of neighbouring numbers lie far apart
_MOST_IN_LEGEND = 12


class ColourBy(Enum):
    OPERATOR = "operator"
    CATEGORY = "category"
    TRACK = "track"
    MODULE = "module"
    NODE = "node"


@dataclass(frozen=True, eq=False)
class Colouring:
    """``palette[index[place]]`` is the 0xffRRGGBB of the slice at a place of the lanes.

    The palette's last entry is for slices that have no such thing (index -1). `entry_of` gives the
    same for rows of the profile, `label` an entry's text.
    """

    by: ColourBy
    palette: Pixels
    index: Int32
    entry_of: Callable[[Int32], Int32]
    label: Callable[[int], str]
    lanes: Lanes
    theme: Theme

    @cached_property
    def ink(self) -> Pixels:
        """For each entry of the palette the colour of text on it."""
        fills = (QColor.fromRgb(int(entry)) for entry in self.palette)
        return np.array([self.theme.text_on(fill).rgb() for fill in fills], np.uint32)

    @cached_property
    def legend(self) -> tuple[tuple[QColor, str], ...]:
        """Colours and texts of what took the most time."""
        if not len(self.lanes.row):
            return ()
        begin_ns, end_ns = int(self.lanes.start_ns.min()), int(self.lanes.reach_ns.max())
        sums = range_sums(self.lanes, self.index, begin_ns, end_ns)
        summed: dict[tuple[int, str], int] = {}
        for entry, total_ns in zip(sums.entry.tolist(), sums.total_ns.tolist(), strict=True):
            key = (int(self.palette[entry]), self.label(entry))
            summed[key] = summed.get(key, 0) + total_ns
        largest = sorted(summed, key=lambda key: -summed[key])[:_MOST_IN_LEGEND]
        return tuple((QColor.fromRgb(colour), text) for colour, text in largest)


def colour_by(by: ColourBy, context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    """By operator costs nothing beyond the lanes; every other choice is one pass over the slices."""
    return _MAKERS[by](context, lanes, order)


def choices(context: ViewContext) -> tuple[ColourBy, ...]:
    """Those that tell slices of this profile apart."""
    has_nodes = bool((context.profile.trace.slices.node >= 0).any())
    return tuple(by for by in ColourBy if has_nodes or by not in (ColourBy.MODULE, ColourBy.NODE))


def _by_operator(context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    profile, theme = context.profile, context.theme
    names = profile.trace.slices.name
    palette = np.zeros(len(profile.strings) + 1, np.uint32)
    for row in _present(names, len(profile.strings)).tolist():
        palette[row] = theme.family_colour(profile.strings[row]).rgb()
    palette[-1] = _neutral(context)
    return Colouring(
        ColourBy.OPERATOR,
        palette,
        lanes.name,
        lambda rows: names[rows],
        lambda entry: operator_family(profile.strings[entry]),
        lanes,
        context.theme,
    )


def _by_category(context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    profile = context.profile
    categories = profile.trace.slices.category
    palette = np.full(len(profile.strings) + 1, _neutral(context), np.uint32)
    present = _present(categories, len(profile.strings))
    palette[present] = _hues(context, len(present))
    return Colouring(
        ColourBy.CATEGORY,
        palette,
        categories[lanes.row],
        lambda rows: categories[rows],
        lambda entry: profile.strings[entry],
        lanes,
        context.theme,
    )


def _by_track(context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    profile = context.profile
    tracks = profile.trace.slices.track
    names = profile.trace.tracks.name
    return Colouring(
        ColourBy.TRACK,
        np.append(_hues(context, len(order.depths)), _neutral(context)),
        np.repeat(order.track_of_lane, np.diff(lanes.bounds)),
        lambda rows: tracks[rows],
        lambda entry: f"{order.group_of[entry]} · {profile.strings[int(names[entry])]}",
        lanes,
        context.theme,
    )


def _by_module(context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    """By the innermost scope of the linked graph node."""
    graph, nodes = context.profile.authored, context.profile.trace.slices.node
    scope_of_node = np.append(graph.nodes.scope, np.int32(-1))
    return Colouring(
        ColourBy.MODULE,
        np.append(_hues(context, len(graph.scopes)), _neutral(context)),
        scope_of_node[nodes[lanes.row]],
        lambda rows: scope_of_node[nodes[rows]],
        lambda entry: scope_path(context, entry),
        lanes,
        context.theme,
    )


def _by_node(context: ViewContext, lanes: Lanes, order: TrackOrder) -> Colouring:
    profile, graph = context.profile, context.profile.authored
    nodes = profile.trace.slices.node
    return Colouring(
        ColourBy.NODE,
        np.append(_hues(context, len(graph.nodes)), _neutral(context)),
        nodes[lanes.row],
        lambda rows: nodes[rows],
        lambda entry: profile.strings[int(graph.nodes.name[entry])],
        lanes,
        context.theme,
    )


_MAKERS: dict[ColourBy, Callable[[ViewContext, Lanes, TrackOrder], Colouring]] = {
    ColourBy.OPERATOR: _by_operator,
    ColourBy.CATEGORY: _by_category,
    ColourBy.TRACK: _by_track,
    ColourBy.MODULE: _by_module,
    ColourBy.NODE: _by_node,
}


def scope_path(context: ViewContext, scope: int) -> str:
    """``blocks/1/conv``; "" for no scope."""
    scopes, strings = context.profile.authored.scopes, context.profile.strings
    path: list[str] = []
    while scope >= 0:
        path.append(strings[int(scopes.name[scope])])
        scope = int(scopes.parent[scope])
    return "/".join(reversed(path))


def _present(entries: Int32, size: int) -> Int64:
    """Which of the entries below `size` occur; sorting 10 million takes ten times as long."""
    is_present = np.zeros(size + 1, bool)  # the last one is for -1
    is_present[entries] = True
    return np.flatnonzero(is_present[:-1])


def _hues(context: ViewContext, count: int) -> Pixels:
    hues = [int(_GOLDEN_DEGREES * at) % 360 for at in range(count)]
    return np.array([context.theme.hue_colour(hue).rgb() for hue in hues], np.uint32)


def _neutral(context: ViewContext) -> np.uint32:
    theme = context.theme
    return np.uint32(QColor.fromHsl(215, 14, 88 if theme.is_dark else 196).rgb())
