"""What was met in the planes of an XSpace so far, as columns in the order of meeting."""

from collections import Counter
from dataclasses import dataclass, field, replace

from profilers.profile import StringPool, TrackKind
from profilers.profile.table import Float64, Int8, Int32, Int64
from profilers.traces.xplane_arguments import EventTexts
from profilers.traces.xplane_memory import MemoryCalls


@dataclass(frozen=True)
class HostPlace:
    """Where a plane's times and tracks belong."""

    name: str  # shown where the run had several hosts
    rank: int
    shift_ns: int  # added to times that count from this host's profiler's start
    epoch_ns: int  # subtracted from wall-clock times


@dataclass(frozen=True, eq=False)
class SlicePart:
    """Slices of one track, in the order they were met."""

    track: int
    start_ns: Int64
    duration_ns: Int64
    name: Int32
    kind: Int8
    correlation: Int64
    event: Int64  # number among all events


@dataclass(frozen=True, eq=False)
class LinkPart:
    """Ends of arrows, or steps: slices by the order they were met, and what each one says."""

    rank: int
    slice: Int64
    type: Int64
    id: Int64


@dataclass
class EventColumns:
    """What was met so far."""

    pool: StringPool
    texts: EventTexts = field(default_factory=EventTexts)
    tracks: list[tuple[int, ...]] = field(default_factory=list)
    enclosing_tracks: list[int] = field(default_factory=list)  # loops around their operations
    slices: list[SlicePart] = field(default_factory=list)
    producers: list[LinkPart] = field(default_factory=list)
    consumers: list[LinkPart] = field(default_factory=list)
    steps: list[LinkPart] = field(default_factory=list)
    memory: list[MemoryCalls] = field(default_factory=list)
    memory_texts: StringPool = field(default_factory=StringPool)
    samples: list[tuple[int, Int64, Float64]] = field(default_factory=list)  # track, time, value
    has_device: bool = False
    slice_count: int = 0
    flaws: Counter[str] = field(default_factory=Counter)

    def add_track(
        self, name: str, kind: TrackKind, process: str, device: int, rank: int, order: int
    ) -> int:
        pool = self.pool
        self.tracks.append((pool.add(name), int(kind), pool.add(process), device, rank, order))
        return len(self.tracks) - 1

    def start_at_zero(self) -> int:
        """Move all times so that none is negative; returns by how much time 0 moved (<= 0)."""
        earliest = min((
            0,
            *(int(part.start_ns.min()) for part in self.slices),
            *(int(times.min()) for _, times, _ in self.samples if len(times)),
            *(int(part.time_ns.min()) for part in self.memory),
        ))  # fmt: skip
        if earliest < 0:
            self.slices = [replace(part, start_ns=part.start_ns - earliest) for part in self.slices]
            self.samples = [
                (track, times - earliest, values) for track, times, values in self.samples
            ]
            self.memory = [replace(each, time_ns=each.time_ns - earliest) for each in self.memory]
        return earliest
