"""What boxes are coloured and sized by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operator_family import operator_family
from profilers.analysis.stage_figures import StageFigures, stage_figures
from profilers.profile import NodeKind, Profile
from profilers.profile.table import Float64, Int32
from profilers.units import format_bytes, format_count, format_duration
from views.graph.model import StageModel

MIXED, NOTHING = -1, -2  # categories of a box whose nodes differ, or have none


@dataclass(frozen=True)
class Measure:
    """A figure of nodes: time, bytes or counts; a box has the sum of its nodes unless `is_peak`."""

    id: str
    values: Callable[[StageFigures], Float64]
    describe: Callable[[float], str]
    is_peak: bool = False  # the highest of the nodes in a box counts, not their sum


@dataclass(frozen=True, eq=False)
class Categories:
    """A word per node: its family, dtype, device, or the kernel that it is fused into.

    `of_item` has places in `names`, or MIXED or NOTHING.
    """

    names: tuple[str, ...]
    of_item: Int32


MEASURES: Mapping[str, Measure] = {
    measure.id: measure
    for measure in (
        Measure("time", lambda figures: figures.time_ns, format_duration),
        Measure("total", lambda figures: figures.total_ns, format_duration),
        Measure("memory", lambda figures: figures.memory_bytes, format_bytes, is_peak=True),
        Measure("flops", lambda figures: figures.flops, lambda each: format_count(each, "FLOPs")),
        Measure("parameters", lambda figures: figures.parameter_bytes, format_bytes),
    )
}


def item_figures(model: StageModel, measure: Measure) -> Float64:
    """For each item the sum (or the highest) over the nodes in it, -1 where none is known."""
    values = measure.values(stage_figures(model.profile, model.stage))
    tree = model.hierarchy.tree
    whole = np.full(tree.count, -1.0)
    whole[: len(values)] = values
    if measure.is_peak:
        return tree.highest(whole)
    known = whole >= 0
    sums = tree.sums(np.where(known, whole, 0.0))
    return np.where(tree.sums(known.astype(np.int64)) > 0, sums, -1.0)


def categories(profile: Profile, model: StageModel, kind: str) -> Categories:
    """`kind` is "family", "dtype", "device" or "fusion"."""
    names, of_node = _CATEGORIES[kind](profile, model)
    tree = model.hierarchy.tree
    low = np.full(tree.count, np.iinfo(np.int64).max)
    low[: len(of_node)] = np.where(of_node >= 0, of_node, np.iinfo(np.int64).max)
    high = np.full(tree.count, float(NOTHING))
    high[: len(of_node)] = of_node
    lowest, highest = tree.lowest(low), tree.highest(high)
    of_item = np.where(lowest == highest, highest, MIXED)
    return Categories(tuple(names), np.where(highest < 0, NOTHING, of_item).astype(np.int32))


def _families(profile: Profile, model: StageModel) -> tuple[Sequence[str], NDArray[np.int64]]:
    nodes = model.graph.nodes
    rows, of_node = np.unique(nodes.operator, return_inverse=True)
    names, number = np.unique(
        [operator_family(profile.strings[row]) for row in rows.tolist()], return_inverse=True
    )
    is_operator = (nodes.kind == NodeKind.OPERATOR) | (nodes.kind == NodeKind.CONTROL)
    return names.tolist(), np.where(is_operator, number[of_node], NOTHING)


def _dtypes(profile: Profile, model: StageModel) -> tuple[Sequence[str], NDArray[np.int64]]:
    """Of what a node makes; of what it reads for an output."""
    edges = model.graph.edges
    found = np.full(len(model.graph.nodes), -1, np.int64)
    found[edges.target[::-1]] = edges.dtype[::-1]
    found[edges.source[::-1]] = edges.dtype[::-1]
    return _named(profile, found)


def _devices(profile: Profile, model: StageModel) -> tuple[Sequence[str], NDArray[np.int64]]:
    """Where a node's work ran: a device if any of its kernels did."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    found = np.full(len(profile.authored.nodes), NOTHING, np.int64)
    rows = np.flatnonzero(slices.node >= 0)
    device = tracks.device[slices.track[rows]]
    found[slices.node[rows]] = 0
    found[slices.node[rows[device >= 0]]] = device[device >= 0] + 1
    names = ("CPU", *(f"GPU {number}" for number in range(int(found.max(initial=0)))))
    return names, _on_stage(model, found)


def _fused(profile: Profile, model: StageModel) -> tuple[Sequence[str], NDArray[np.int64]]:
    members, groups = profile.fusion.members, profile.fusion.groups
    of_node = np.full(len(profile.authored.nodes), NOTHING, np.int64)
    of_node[members.node] = members.group
    names = [profile.strings[row] for row in groups.name.tolist()]
    return names, _on_stage(model, of_node)


def _on_stage(model: StageModel, of_authored: NDArray[np.int64]) -> NDArray[np.int64]:
    if model.is_authored:
        return of_authored
    origins = model.graph.origins
    found = np.full(model.hierarchy.node_count, NOTHING, np.int64)
    known = of_authored[origins.authored] >= 0
    found[origins.node[known]] = of_authored[origins.authored[known]]
    return found


def _named(profile: Profile, strings: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    rows, numbers = np.unique(strings[strings >= 0], return_inverse=True)
    found = np.full(len(strings), NOTHING, np.int64)
    found[strings >= 0] = numbers
    return [profile.strings[row] for row in rows.tolist()], found


_CATEGORIES = {"family": _families, "dtype": _dtypes, "device": _devices, "fusion": _fused}
