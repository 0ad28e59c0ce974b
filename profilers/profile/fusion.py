"""What a compiler merged, and what stopped it."""

from dataclasses import dataclass

from profilers.profile.table import Int32, Table, column


@dataclass(frozen=True, eq=False)
class FusionGroups(Table):
    """One row per fused kernel or fused node."""

    name: Int32 = column("i4", refers="strings")  # kernel or node name
    kind: Int32 = column("i4", refers="strings")  # "FusedConv", "_FusedConv2D", "Triton", ...
    compiler: Int32 = column("i4", refers="strings")  # "ONNX Runtime", "Grappler", "Inductor"
    source: Int32 = column("i4", refers="strings")  # generated source text, -1 if there is none
    stage: Int32 = column("i4", refers="graphs")  # that holds the fused node, -1 if none
    node: Int32 = column("i4")  # node of that graph, -1 if none


@dataclass(frozen=True, eq=False)
class FusionMembers(Table):
    group: Int32 = column("i4", refers="groups")
    node: Int32 = column("i4", refers="authored")


@dataclass(frozen=True, eq=False)
class FusionBreaks(Table):
    """Why something stayed apart: a graph break, a fallback, a layout reorder."""

    kind: Int32 = column("i4", refers="strings")
    reason: Int32 = column("i4", refers="strings")
    location: Int32 = column("i4", refers="strings")  # source line, -1 if not known
    node: Int32 = column("i4", refers="authored")  # -1 if not known


@dataclass(frozen=True, eq=False)
class Fusion:
    groups: FusionGroups
    members: FusionMembers
    breaks: FusionBreaks

    @classmethod
    def empty(cls) -> "Fusion":
        return cls(FusionGroups.empty(), FusionMembers.empty(), FusionBreaks.empty())
