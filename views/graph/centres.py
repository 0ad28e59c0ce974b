"""Horizontal centres of cells in ordered rows. No Qt.

Each row moves as near to its neighbours as its order allows. The longest path is pinned, so that a
deep model is a straight column and does not drift sideways.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from views.graph.cells import Cells
from views.graph.flow import Int64

Float64 = NDArray[np.float64]

BOX_GAP = 18.0
_PASSES = 8
_PASSING_WIDTH = 2.0


def centres_of(loops: Any, cells: Cells, in_rows: Int64, blocks: Float64, spine: Int64) -> Float64:
    """Centres of all cells; `spine` are the boxes that lie straight below each other.

    `in_rows` are cells row by row, left to right; `blocks` are width, height and where edges enter
    and leave, from the left side, of each box.
    """
    count = len(cells.rank)
    half, enter, leave = np.full(count, _PASSING_WIDTH / 2), np.zeros(count), np.zeros(count)
    half[: cells.boxes] = blocks[:, 0] / 2
    enter[: cells.boxes] = blocks[:, 2] - blocks[:, 0] / 2
    leave[: cells.boxes] = blocks[:, 3] - blocks[:, 0] / 2
    pin = _pins(cells, enter, leave, spine)
    centre = _side_by_side(cells, in_rows, half)
    offset, mean, mass = np.zeros(count), np.zeros(count), np.zeros(count)
    last = np.zeros(count, np.int64)
    for number in range(_PASSES):
        loops.pull_rows(
            cells.row_start, in_rows, cells.above_start, cells.above, cells.below_start,
            cells.below, cells.boxes, half, enter, leave, pin, BOX_GAP, number % 2 == 0,
            number >= _PASSES - 2, centre, offset, mean, mass, last,
        )  # fmt: skip
    heads, following = _chains(cells)
    place = cells.places(in_rows)
    for chosen in (heads[heads >= cells.boxes], heads):  # trunks make room for the rest
        loops.straighten(
            cells.row_start, in_rows, cells.rank, place, chosen, following, half, enter, leave, pin,
            BOX_GAP, centre,
        )  # fmt: skip
    return centre


def _side_by_side(cells: Cells, in_rows: Int64, half: Float64) -> Float64:
    """Each row around 0."""
    room = (2 * half + BOX_GAP)[in_rows]
    ends = np.cumsum(room)
    begins = np.concatenate([[0.0], ends])[cells.row_start]
    middle = (begins[:-1] + begins[1:]) / 2
    centre = np.empty(len(half))
    centre[in_rows] = ends - room / 2 - middle[cells.rank[in_rows]]
    return centre


def _pins(cells: Cells, enter: Float64, leave: Float64, spine: Int64) -> Float64:
    """Where the spine and the placeholders between its boxes lie; NaN for all others."""
    pin = np.full(len(enter), np.nan)
    steps = leave[spine] - enter[spine]
    line = np.cumsum(steps) - steps
    pin[spine] = line - enter[spine]
    passed = np.minimum(np.diff(cells.rank[spine]) - 1, np.diff(cells.first)[spine[:-1]])
    for at in np.flatnonzero(passed):
        first = cells.first[spine[at]]
        pin[first : first + passed[at]] = line[at + 1]
    return pin


def _chains(cells: Cells) -> tuple[Int64, Int64]:
    """Where chains begin, and what follows each cell in its chain: trunks, and boxes in single file."""
    readers, sources = np.diff(cells.below_start), np.diff(cells.above_start)
    following = np.full(len(cells.rank), -1)
    single = np.flatnonzero(readers == 1)
    reader = cells.below[cells.below_start[single]]
    in_file = sources[reader] == 1
    following[single[in_file]] = reader[in_file]
    trunk = np.arange(cells.boxes, len(cells.rank))
    is_inner = np.ones(len(trunk), np.bool_)
    is_inner[cells.first[1:][np.diff(cells.first) > 0] - 1 - cells.boxes] = False
    following[trunk[is_inner]] = trunk[is_inner] + 1
    is_head = np.ones(len(following), np.bool_)
    is_head[following[following >= 0]] = False
    return np.flatnonzero(is_head), following
