"""What a picture of a graph is made of: flat shapes from the back to the front."""

from dataclasses import dataclass

from profilers.profile.table import Float64, Int64
from views.graph.drawing.fills import Colours
from views.graph.scene import Boxes


@dataclass(frozen=True)
class Viewport:
    """Which part of a scene a picture shows: `left` and `top` lie in its corner.

    `width` and `height` are pixels of the picture, `scale` pixels per unit of the scene.
    """

    scale: float
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width / self.scale

    @property
    def bottom(self) -> float:
        return self.top + self.height / self.scale


@dataclass(frozen=True, eq=False)
class BoxLayer:
    """Rounded boxes with a border inside of their edges, all `grown` scene units larger.

    `radius` and `border` are pixels; `fills` and `borders` have a colour for every box of `boxes`,
    `rows` tells which of them are painted. `shift` moves them down and right, in scene units.
    """

    boxes: Boxes
    rows: Int64
    radius: float
    border: float
    fills: Colours
    borders: Colours
    shift: float = 0.0
    grown: float = 0.0


@dataclass(frozen=True, eq=False)
class LineLayer:
    """Polylines through points in scene coordinates: line i has ``start[i]:start[i + 1]``.

    `widths` are pixels, one for every line; `rows` tells which lines are painted.
    """

    x: Float64
    y: Float64
    start: Int64
    rows: Int64
    widths: Float64
    colour: int


@dataclass(frozen=True, eq=False)
class ArrowLayer:
    """Arrow heads with their tips at points of the scene, `length` and `half` in pixels.

    `ways` is 1 where an arrow points down and -1 where it points up.
    """

    x: Float64
    y: Float64
    ways: Float64
    length: float
    half: float
    colour: int


Layer = BoxLayer | LineLayer | ArrowLayer
