"""The immutable result that every view draws and that a snapshot stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from profilers.profile.fusion import Fusion
from profilers.profile.graph import Graph
from profilers.profile.memory import Memory
from profilers.profile.note import Note
from profilers.profile.report import Report
from profilers.profile.strings import StringTable
from profilers.profile.sweep import SweepPoints
from profilers.profile.table import Int8, Int32, Int64, Table, column
from profilers.profile.trace import Trace


@dataclass(frozen=True, eq=False)
class Steps(Table):
    """Profiled steps in order."""

    start_ns: Int64 = column("i8")
    duration_ns: Int64 = column("i8")
    number: Int32 = column("i4")  # as the profiler counted it


class TimingPhase(IntEnum):
    IMPORT = 0
    LOAD = 1
    WARMUP = 2
    MEASURED = 3  # without the profiler: the honest latency
    PROFILED = 4
    COMPILE = 5  # before the first step, or as part of it: a row only where something was compiled


@dataclass(frozen=True, eq=False)
class Timings(Table):
    """Wall-clock durations of the run's phases; one row per import, load, compilation and step."""

    phase: Int8 = column("i1")  # TimingPhase
    duration_ns: Int64 = column("i8")


class Severity(IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Diagnostic:
    """Something the person should know about this profile: what was lost, repaired or guessed."""

    severity: Severity
    message: str
    remedy: str = ""
    count: int = 1


@dataclass(frozen=True)
class MachinePeaks:
    """What the processors that a run had reach at most, as they were measured there.

    Attributes
    ----------
    float32, bandwidth : float
        Operations, and bytes read and written, per second; 0 where nobody measured.
    threads : int
    measured_by : str
        The framework whose matrix product it was.
    measured_on : str
        Date and time, ISO 8601.
    waited : float
        Share of the time that the measurement itself waited for a processor.
    """

    processor: str = ""
    float32: float = 0.0
    bandwidth: float = 0.0
    threads: int = 0
    measured_by: str = ""
    measured_on: str = ""
    waited: float = 0.0

    @property
    def are_known(self) -> bool:
        return self.float32 > 0 and self.bandwidth > 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "MachinePeaks":
        """Raises TypeError or ValueError where a value is none of its field's."""
        return cls(
            str(data.get("processor", "")),
            float(data.get("float32", 0)),
            float(data.get("bandwidth", 0)),
            int(data.get("threads", 0)),
            str(data.get("measured_by", "")),
            str(data.get("measured_on", "")),
            float(data.get("waited", 0)),
        )


SCHEMA_FACT = "Trace schema"  # the fact that tells the version of a Kineto file's layout


@dataclass(frozen=True)
class Environment:
    """Where the profile comes from.

    `facts` maps a label ("PyTorch", "CPU", "Threads") to text; `request` is the RunRequest as JSON,
    empty for a trace file; `peaks` are those of the processors, where they were measured.
    """

    framework: str = ""
    mode: str = ""
    model_name: str = ""
    model_sha256: str = ""
    device: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    peaks: MachinePeaks = MachinePeaks()


_NO_GRAPH = Graph.empty()  # one for all: asked for by every row of a table


@dataclass(frozen=True, eq=False)
class Profile:
    """One run of one model, or one trace file, or the inspection of a model that was not run.

    `graphs[0]` is the authored graph where there is any; `start_unix_ns` ties the profile's clock
    (0 at its start) to the wall clock, 0 if not known. `reports` are another tool's tables. `extra`
    holds snapshot members that this version does not know, so that saving again keeps them.
    """

    name: str
    strings: StringTable = field(default_factory=StringTable)
    trace: Trace = field(default_factory=Trace.empty)
    graphs: tuple[Graph, ...] = ()
    fusion: Fusion = field(default_factory=Fusion.empty)
    memory: Memory = field(default_factory=Memory.empty)
    steps: Steps = field(default_factory=Steps.empty)
    timings: Timings = field(default_factory=Timings.empty)
    sweep: SweepPoints = field(default_factory=SweepPoints.empty)
    diagnostics: tuple[Diagnostic, ...] = ()
    environment: Environment = field(default_factory=Environment)
    notes: tuple[Note, ...] = ()
    reports: tuple[Report, ...] = ()
    start_unix_ns: int = 0
    extra: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def authored(self) -> Graph:
        """The authored graph; empty if the profile has none."""
        return self.graphs[0] if self.graphs else _NO_GRAPH
