"""Small GPU traces made by hand, and real ones with the choices of HolisticTraceAnalysis."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from profilers.profile import Profile, SliceKind, Slices, Steps, StringPool, TrackKind
from profilers.traces.trace_builder import TraceBuilder

US = 1_000
HTA_LAUNCHES = (
    "cudaLaunchKernel",
    "cudaLaunchKernelExC",
    "cuLaunchKernel",
    "cudaMemcpyAsync",
    "cudaMemsetAsync",
)


@dataclass
class GpuTrace:
    """Host threads and device streams; times are in microseconds, as people write them."""

    def __post_init__(self) -> None:
        self._pool = StringPool()
        self._builder = TraceBuilder(self._pool)
        self._tracks: dict[tuple[str, int, int], int] = {}
        self._steps: list[tuple[int, int, int]] = []
        self._handles: list[int] = []

    def host(
        self,
        begin: int,
        end: int,
        name: str,
        kind: SliceKind = SliceKind.RUNTIME,
        correlation: int = -1,
        thread: str = "main",
        step: int = -1,
    ) -> int:
        track = self._track(thread, TrackKind.THREAD, -1, 0)
        return self._slice(track, begin, end, name, kind, correlation, step)

    def work(
        self,
        begin: int,
        end: int,
        name: str = "kernel",
        kind: SliceKind = SliceKind.KERNEL,
        correlation: int = -1,
        stream: str = "stream 7",
        device: int = 0,
        rank: int = 0,
        step: int = -1,
    ) -> int:
        track = self._track(stream, TrackKind.STREAM, device, rank)
        return self._slice(track, begin, end, name, kind, correlation, step)

    def step(self, begin: int, end: int) -> int:
        number = len(self._steps)
        self._steps.append((begin * US, (end - begin) * US, number))
        self.host(begin, end, f"ProfilerStep#{number}", SliceKind.STEP, step=number)
        return number

    def profile(self) -> Profile:
        trace, self.row_of = self._builder.build()
        return Profile("by hand", self._pool.table(), trace, steps=Steps.from_rows(self._steps))

    def _slice(
        self,
        track: int,
        begin: int,
        end: int,
        name: str,
        kind: SliceKind,
        correlation: int,
        step: int,
    ) -> int:
        return self._builder.slice(
            track, begin * US, (end - begin) * US, name, kind, correlation=correlation, step=step
        )

    def _track(self, name: str, kind: TrackKind, device: int, rank: int) -> int:
        key = (name, device, rank)
        if key not in self._tracks:
            self._tracks[key] = self._builder.track(name, kind, "p", device, rank)
        return self._tracks[key]


def with_slices(profile: Profile, slices: Slices) -> Profile:
    return replace(profile, trace=replace(profile.trace, slices=slices))


def whole_microseconds(profile: Profile, base_ns: int = 0) -> Profile:
    """Starts rounded up and ends down, in float64, as HTA does before anything else.

    `base_ns` is what the file has taken off its times ("baseTimeNanoseconds").
    """
    slices, origin_ns = profile.trace.slices, profile.start_unix_ns - base_ns
    start_us = _microseconds((slices.start_ns + origin_ns).tolist())
    end_us = start_us + _microseconds(slices.duration_ns.tolist())
    begin, end = np.ceil(start_us).astype(np.int64), np.floor(end_us).astype(np.int64)
    return with_slices(
        profile,
        slices.replace(start_ns=begin * US - origin_ns, duration_ns=(end - begin) * US),
    )


def without_last_step(profile: Profile) -> Profile:
    """Only device work whose launch began before the last step, where there are several.

    HTA drops the rest, and with it device work that no recorded call launched.
    """
    slices, tracks, steps = profile.trace.slices, profile.trace.tracks, profile.steps
    if len(steps) < 2:
        return profile
    on_host = tracks.kind[slices.track] != TrackKind.STREAM
    early = on_host & (slices.start_ns < steps.start_ns.max())
    ids = np.unique(slices.correlation[early & (slices.correlation >= 0)])
    kept = on_host | np.isin(slices.correlation, ids)
    return with_slices(profile, slices.replace(kind=np.where(kept, slices.kind, SliceKind.OTHER)))


def launched_as_hta_knows(profile: Profile) -> Profile:
    """Correlations of those calls alone that HTA takes for launches (no graph launches)."""
    slices = profile.trace.slices
    on_host = profile.trace.tracks.kind[slices.track] != TrackKind.STREAM
    known = np.isin(slices.name, [profile.strings.find(name) for name in HTA_LAUNCHES])
    gone = on_host & ~known
    return with_slices(profile, slices.replace(correlation=np.where(gone, -1, slices.correlation)))


def with_event_waits(profile: Profile) -> Profile:
    """Records of a stream that waits for an event as kernels: by name HTA takes them for such."""
    slices = profile.trace.slices
    is_wait = slices.name == profile.strings.find("Stream Wait Event")
    kind = np.where(is_wait, SliceKind.KERNEL, slices.kind)
    return with_slices(profile, slices.replace(kind=kind))


def with_records_as_work(profile: Profile) -> Profile:
    """All synchronisation records as device time. The host's waits are a type of their own in HTA,
    neither computation nor communication: here copies. Those for the whole context, which Kineto
    draws on a row of their own, count too.
    """
    profile = with_event_waits(profile)
    slices, tracks = profile.trace.slices, profile.trace.tracks
    stream = int(np.flatnonzero(tracks.kind == TrackKind.STREAM)[0])
    is_record = slices.category == profile.strings.find("cuda_sync")
    is_wait = is_record & (slices.kind != SliceKind.KERNEL)
    return with_slices(
        profile,
        slices.replace(
            kind=np.where(is_wait, SliceKind.COPY, slices.kind),
            track=np.where(is_record, stream, slices.track),
        ),
    )


def stream_numbers(profile: Profile, tracks: Iterable[int]) -> list[int]:
    """The stream of each track, from its name ("stream 7 7", "stream 7")."""
    return [int(profile.strings[profile.trace.tracks.name[row]].split()[1]) for row in tracks]


def _microseconds(nanoseconds: list[int]) -> np.ndarray:
    """Exact quotients, rounded once: what a reader of the text as float64 has."""
    return np.array([value / US for value in nanoseconds])
