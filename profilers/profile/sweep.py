"""How a model's step changes with the size of its inputs."""

from dataclasses import dataclass

from profilers.profile.table import Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class SweepPoints(Table):
    """One row per size that was measured; all without the profiler."""

    axis: Int32 = column("i4", refers="strings")  # "batch", "sequence"
    size: Int32 = column("i4")
    batch: Int32 = column("i4")  # samples in one step, -1 if not known
    median_ns: Int64 = column("i8")  # of one step, -1 where it failed
    p95_ns: Int64 = column("i8")
    peak_bytes: Int64 = column("i8")  # UNKNOWN if not known
    problem: Int32 = column("i4", refers="strings")  # why it failed, -1 if it did not
