"""What a compiler merged, and what stopped it."""

from dataclasses import dataclass

from profilers.profile.table import Int32, Table, column


@dataclass(frozen=True, eq=False)
class FusionGroups(Table):
    """One row per fused kernel or fused node."""

    name: Int32 = column("i4")  # string row: kernel or node name
    kind: Int32 = column("i4")  # string row: "FusedConv", "_FusedConv2D", "Triton", ...
    compiler: Int32 = column("i4")  # string row: "ONNX Runtime", "Grappler", "oneDNN", "Inductor"
    source: Int32 = column("i4")  # string row: generated source text, -1 if there is none
    stage: Int32 = column("i4")  # row of Profile.graphs that holds the fused node, -1 if none
    node: Int32 = column("i4")  # node of that graph, -1 if none


@dataclass(frozen=True, eq=False)
class FusionMembers(Table):
    group: Int32 = column("i4")
    node: Int32 = column("i4")  # node of the authored graph


@dataclass(frozen=True, eq=False)
class FusionBreaks(Table):
    """Why something stayed apart: a graph break, a fallback, a layout reorder."""

    kind: Int32 = column("i4")  # string row
    reason: Int32 = column("i4")  # string row
    location: Int32 = column("i4")  # string row: source line, -1 if not known
    node: Int32 = column("i4")  # node of the authored graph, -1 if not known


@dataclass(frozen=True, eq=False)
class Fusion:
    groups: FusionGroups
    members: FusionMembers
    breaks: FusionBreaks

    @classmethod
    def empty(cls) -> "Fusion":
        return cls(FusionGroups.empty(), FusionMembers.empty(), FusionBreaks.empty())
