"""The immutable result of a capture: frozen dataclasses over numpy columns.

Times are int64 nanoseconds since the profile's start, sizes int64 bytes, a row number is an id,
-1 means none, and text columns hold row numbers of `Profile.strings`.
"""

from profilers.profile.fusion import Fusion, FusionBreaks, FusionGroups, FusionMembers
from profilers.profile.graph import (
    UNKNOWN,
    Edges,
    Graph,
    NodeKind,
    Nodes,
    Origins,
    Parameters,
    ParameterUses,
    Problems,
    Scopes,
    Subgraphs,
)
from profilers.profile.json_column import JsonColumn, JsonText, decode
from profilers.profile.kept_comparison import KeptComparison, Turns
from profilers.profile.memory import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCategory,
    MemoryCounters,
    Placements,
    Segments,
)
from profilers.profile.note import Note, Pin, node_pin, range_pin, slice_pin
from profilers.profile.profile import (
    SCHEMA_FACT,
    Diagnostic,
    Environment,
    MachinePeaks,
    Profile,
    Severity,
    Steps,
    TimingPhase,
    Timings,
)
from profilers.profile.report import Report
from profilers.profile.strings import StringPool, StringTable
from profilers.profile.sweep import SweepPoints
from profilers.profile.table import Table, column
from profilers.profile.trace import (
    WORK_KINDS,
    Counters,
    Flows,
    SliceKind,
    Slices,
    Trace,
    TrackKind,
    Tracks,
)

__all__ = [
    "NEVER_NS",
    "SCHEMA_FACT",
    "UNKNOWN",
    "WORK_KINDS",
    "Allocations",
    "Counters",
    "Diagnostic",
    "Edges",
    "Environment",
    "Flows",
    "Fusion",
    "FusionBreaks",
    "FusionGroups",
    "FusionMembers",
    "Graph",
    "JsonColumn",
    "JsonText",
    "KeptComparison",
    "MachinePeaks",
    "Memory",
    "MemoryCategory",
    "MemoryCounters",
    "NodeKind",
    "Nodes",
    "Note",
    "Origins",
    "ParameterUses",
    "Parameters",
    "Pin",
    "Placements",
    "Problems",
    "Profile",
    "Report",
    "Scopes",
    "Segments",
    "Severity",
    "SliceKind",
    "Slices",
    "Steps",
    "StringPool",
    "StringTable",
    "Subgraphs",
    "SweepPoints",
    "Table",
    "TimingPhase",
    "Timings",
    "Trace",
    "TrackKind",
    "Tracks",
    "Turns",
    "column",
    "decode",
    "node_pin",
    "range_pin",
    "slice_pin",
]
