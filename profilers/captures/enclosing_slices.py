"""What a slice has from the slices around it."""

import numpy as np

from profilers.profile import Slices
from profilers.profile.table import Int32


def inherited(slices: Slices, nodes: Int32) -> Int32:
    """Nodes of slices; one without takes the node of the slice around it."""
    filled = nodes.copy()
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (filled < 0) & (slices.parent >= 0))
        filled[rows] = filled[slices.parent[rows]]
    return filled
