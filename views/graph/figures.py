"""Numbers of nodes that boxes are coloured by and badges show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operators import by_node
from profilers.profile import Allocations, MemoryCategory, Profile
from profilers.units import format_bytes, format_count, format_duration


@dataclass(frozen=True, eq=False)
class NodeFigures:
    """One value per node of the authored graph; -1 where nobody knows."""

    time_ns: NDArray[np.float64]  # self time per step
    memory_bytes: NDArray[np.float64]  # largest block that it made
    flops: NDArray[np.float64]

    def scale(self, measure: str) -> NDArray[np.float64] | None:
        return {"time": self.time_ns, "memory": self.memory_bytes, "flops": self.flops}.get(measure)


def node_figures(profile: Profile) -> NodeFigures:
    nodes = profile.authored.nodes
    time_ns = np.full(len(nodes), -1.0)
    statistics = by_node(profile)
    known = statistics.key >= 0
    steps = max(len(profile.steps), 1)
    time_ns[statistics.key[known]] = statistics.self_ns[known] / steps
    return NodeFigures(
        time_ns, _largest_blocks(profile.memory.allocations, len(nodes)), nodes.flops.astype(float)
    )


def described(measure: str, value: float) -> str:
    """A figure with its unit."""
    if value < 0:
        return "?"
    if measure == "time":
        return format_duration(value)
    return format_bytes(value) if measure == "memory" else format_count(value, "FLOPs")


def _largest_blocks(allocations: Allocations, count: int) -> NDArray[np.float64]:
    sizes = np.full(count, -1.0)
    made = (allocations.node >= 0) & (allocations.category != MemoryCategory.INPUT)
    np.maximum.at(sizes, allocations.node[made], allocations.bytes[made])
    return sizes
