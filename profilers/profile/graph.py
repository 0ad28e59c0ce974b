"""A model's graph at one stage: nodes in nested scopes, the tensors between them, its parameters."""

from dataclasses import dataclass, field
from enum import IntEnum

from profilers.profile.json_column import JsonColumn, JsonText
from profilers.profile.table import Int8, Int32, Int64, Table, column

UNKNOWN = -1  # FLOPs or bytes that nobody could tell; never shown as zero


class NodeKind(IntEnum):
    OPERATOR = 0
    INPUT = 1
    OUTPUT = 2
    CONSTANT = 3
    CONTROL = 4  # owns subgraphs: If, While, cond, Loop, Scan, a called function


@dataclass(frozen=True, eq=False)
class Nodes(Table):
    """One row per node. Weights are not nodes: see `Parameters` and `ParameterUses`."""

    name: Int32 = column("i4", refers="strings")  # unique within its subgraph
    operator: Int32 = column("i4", refers="strings")  # "aten.conv2d", "Conv2D", "Conv"
    kind: Int8 = column("i1")  # NodeKind
    scope: Int32 = column("i4", refers="scopes")  # -1 at the top
    subgraph: Int32 = column("i4", refers="subgraphs")  # that holds it, -1 for the main graph
    flops: Int64 = column("i8")  # per step, multiply and add counted apart; UNKNOWN if not known
    parameter_bytes: Int64 = column("i8")  # of the parameters the node reads
    source: Int32 = column("i4", refers="strings")  # "model.py:12", -1 if not known


@dataclass(frozen=True, eq=False)
class Edges(Table):
    """One row per tensor read: from the node that makes it to a node that reads it."""

    source: Int32 = column("i4", refers="nodes")
    target: Int32 = column("i4", refers="nodes")
    tensor: Int32 = column("i4", refers="strings")  # the tensor's name
    dtype: Int32 = column("i4", refers="strings")  # numpy name ("float32"), -1 if not known
    shape: Int32 = column("i4", refers="strings")  # "1,64,?,56", "" for a scalar, -1 if not known
    bytes: Int64 = column("i8")  # UNKNOWN if not known


@dataclass(frozen=True, eq=False)
class Scopes(Table):
    """The hierarchy that views fold: module path, Keras layer, name scope. Parents come first."""

    name: Int32 = column("i4", refers="strings")  # last part of the path
    parent: Int32 = column("i4", refers="scopes")  # -1 at the top
    kind: Int32 = column("i4", refers="strings")  # class name such as "Conv2d", -1 if not known
    subgraph: Int32 = column("i4", refers="subgraphs")  # that holds it, -1 for the main graph


@dataclass(frozen=True, eq=False)
class Subgraphs(Table):
    """Bodies of control-flow nodes."""

    name: Int32 = column("i4", refers="strings")  # "then", "body", or the function's name
    owner: Int32 = column("i4", refers="nodes")


@dataclass(frozen=True, eq=False)
class Parameters(Table):
    """Weights and buffers; a shared weight is one row with two uses."""

    name: Int32 = column("i4", refers="strings")
    dtype: Int32 = column("i4", refers="strings")
    shape: Int32 = column("i4", refers="strings")
    bytes: Int64 = column("i8")


@dataclass(frozen=True, eq=False)
class ParameterUses(Table):
    parameter: Int32 = column("i4", refers="parameters")
    node: Int32 = column("i4", refers="nodes")


@dataclass(frozen=True, eq=False)
class Origins(Table):
    """Ties a node of a later stage to the authored nodes that it was made from."""

    node: Int32 = column("i4", refers="nodes")  # of this graph
    authored: Int32 = column("i4", refers="authored")


@dataclass(frozen=True, eq=False)
class Problems(Table):
    """What is wrong with single nodes: a cycle, an input that nothing makes, an unknown operator."""

    node: Int32 = column("i4", refers="nodes")
    sentence: Int32 = column("i4", refers="strings")


@dataclass(frozen=True, eq=False)
class Graph:
    """`stage` is "authored" for the model as written, else what a compiler made of it.

    `parameter_statistics` has one JSON object per parameter, or no rows where the weights were not
    at hand: see `profilers.parameter_statistics`.
    """

    stage: str
    nodes: Nodes
    edges: Edges
    scopes: Scopes
    subgraphs: Subgraphs
    parameters: Parameters
    parameter_uses: ParameterUses
    origins: Origins
    attributes: JsonColumn  # one JSON object per node
    problems: Problems = field(default_factory=Problems.empty)
    parameter_statistics: JsonColumn = field(default_factory=lambda: JsonText.blank(0))

    @classmethod
    def empty(cls, stage: str = "authored") -> "Graph":
        return cls(
            stage,
            Nodes.empty(),
            Edges.empty(),
            Scopes.empty(),
            Subgraphs.empty(),
            Parameters.empty(),
            ParameterUses.empty(),
            Origins.empty(),
            JsonText.blank(0),
        )
