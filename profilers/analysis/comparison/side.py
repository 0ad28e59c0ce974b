"""The series of one profile that are compared: one value per step wherever steps tell."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profilers.analysis.device.launches import launches
from profilers.analysis.device.work import work_rows
from profilers.analysis.intervals import union
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.once import once
from profilers.profile import NodeKind, Profile, SliceKind, TimingPhase
from profilers.profile.table import Float64, Int64

NONE = np.empty(0)
_MUCH = 0.1  # of all weights
_SHARE = re.compile(r"([\d.]{1,6}) %")


def step_durations(profile: Profile, phase: TimingPhase) -> Float64:
    """Steps of a phase in ns; of the profiled phase those of the trace where no clock told them."""
    timings = profile.timings
    found = timings.duration_ns[timings.phase == phase]
    if phase == TimingPhase.PROFILED and not len(found):
        found = profile.steps.duration_ns
    series: Float64 = found[found > 0].astype(np.float64)
    return series


def compile_time(profile: Profile) -> Float64:
    """Compiling, in ns; where nothing tells it, how much longer the first step took than later ones."""
    told = step_durations(profile, TimingPhase.COMPILE)
    if len(told):
        return told
    first = step_durations(profile, TimingPhase.WARMUP)[:1]
    steady = step_durations(profile, TimingPhase.MEASURED)
    return np.maximum(first - np.median(steady), 0) if len(first) and len(steady) else NONE


def load_time(profile: Profile) -> Float64:
    """Loading the model, in ns; importing the framework took time too, but a warm worker spares it."""
    return step_durations(profile, TimingPhase.LOAD)


@once
def peak_bytes(profile: Profile) -> Float64:
    """Highest total of live blocks in each step; without steps the one of the whole trace."""
    curve = memory_curve(profile)
    if curve.device < 0:
        return NONE
    if not len(profile.steps):
        return np.array([curve.peak_bytes], np.float64)
    begins = profile.steps.start_ns
    ends = begins + profile.steps.duration_ns
    first = np.maximum(np.searchsorted(curve.time_ns, begins, "right") - 1, 0)
    last = np.maximum(np.searchsorted(curve.time_ns, ends, "right"), first + 1)
    edges = np.stack((first, last), 1).ravel()
    peaks: Float64 = np.maximum.reduceat(np.append(curve.total_bytes, 0), edges)[::2].astype(
        np.float64
    )
    return peaks


def kernels(profile: Profile) -> Float64:
    """Compute kernels that each step ran on devices."""
    rows = work_rows(profile)
    return _per_step(profile, rows[profile.trace.slices.kind[rows] == SliceKind.KERNEL])


def launch_calls(profile: Profile) -> Float64:
    """Calls of the host that launched work, in each step."""
    return _per_step(profile, np.unique(launches(profile).call))


def operator_calls(profile: Profile) -> Float64:
    """Operators that each step called, without those that they call themselves."""
    slices = profile.trace.slices
    is_operator = slices.kind == SliceKind.OPERATOR
    inside = (slices.parent >= 0) & is_operator[slices.parent]
    return _per_step(profile, np.flatnonzero(is_operator & ~inside))


def device_busy(profile: Profile) -> Float64:
    """Share of each step in which a device worked."""
    rows = work_rows(profile)
    if not len(rows) or not len(profile.steps):
        return NONE
    slices, steps = profile.trace.slices, profile.steps
    busy = union(slices.start_ns[rows], slices.start_ns[rows] + slices.duration_ns[rows])
    begin, end = busy.begin_ns, busy.end_ns
    edges = np.stack((begin, end), 1).ravel().astype(np.float64)
    worked = np.stack((np.cumsum(end - begin) - (end - begin), np.cumsum(end - begin)), 1).ravel()
    at_begin, at_end = (
        np.interp(each, edges, worked)
        for each in (steps.start_ns, steps.start_ns + steps.duration_ns)
    )
    shares: Float64 = (at_end - at_begin) / np.maximum(steps.duration_ns, 1)
    return shares


def flops(profile: Profile) -> Float64:
    """Floating-point operations of a step, over the nodes of which they are known."""
    nodes = profile.authored.nodes
    known = nodes.flops[(nodes.kind == NodeKind.OPERATOR) & (nodes.flops >= 0)]
    return np.array([known.sum()], np.float64) if known.sum() else NONE


def batch_size(profile: Profile) -> int | None:
    """First size of the first input, where the run tells its inputs."""
    inputs = inputs_of(profile)
    shape = inputs[0].get("shape", ()) if inputs else ()
    return int(shape[0]) if shape and isinstance(shape[0], int) and shape[0] > 0 else None


def ranks(profile: Profile) -> int:
    """How many ranks worked at once, each on a batch of its own; 1 for an ordinary run."""
    return max(len(np.unique(profile.trace.tracks.rank[profile.trace.slices.track])), 1)


def samples_per_step(profile: Profile) -> int | None:
    """What all ranks together took in, where the run tells its batch size."""
    batch = batch_size(profile)
    return batch * ranks(profile) if batch else None


def waited(facts: Mapping[str, str]) -> float:
    """Share of the time that the run waited for a processor; 0 where nobody tells."""
    found = _SHARE.match(facts.get("Waited for a processor", ""))
    return min(float(found[1]) / 100, 1.0) if found else 0.0


def threads(facts: Mapping[str, str]) -> str:
    """How many threads an operator may use, "1" for "1 of 2"; "" where nobody tells."""
    return facts.get("Threads", "").partition(" of ")[0]


def sample_shapes(profile: Profile) -> list[tuple[int | str, ...]]:
    """Sizes of the run's inputs without the first, which is the batch."""
    shapes = [each.get("shape", ()) for each in inputs_of(profile)]
    return [tuple(shape[1:]) for shape in shapes if isinstance(shape, (list, tuple))]


def input_dtypes(profile: Profile) -> list[str]:
    return sorted({str(each.get("dtype", "")) for each in inputs_of(profile)})


def weight_dtypes(profile: Profile) -> list[str]:
    """Types that hold a tenth or more of the weights' bytes."""
    parameters, strings = profile.authored.parameters, profile.strings
    known = (parameters.dtype >= 0) & (parameters.bytes > 0)
    if not known.any():
        return []
    kinds, number = np.unique(parameters.dtype[known], return_inverse=True)
    held = np.bincount(number, parameters.bytes[known])
    return sorted(strings[int(kind)] for kind in kinds[held >= _MUCH * held.sum()])


def options_of(profile: Profile) -> Mapping[str, str]:
    """Settings of the run's mode; a file may hold anything."""
    found = profile.environment.request.get("options", {})
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def inputs_of(profile: Profile) -> Sequence[Mapping[str, Any]]:
    """The inputs of the run, as its request holds them; a file may hold anything."""
    found = profile.environment.request.get("inputs", ())
    if not isinstance(found, (list, tuple)):
        return ()
    return [each for each in found if isinstance(each, Mapping)]


def _per_step(profile: Profile, rows: Int64) -> Float64:
    """How many of the rows lie in each step; none at all is no figure."""
    steps = profile.trace.slices.step[rows]
    if not len(rows) or not len(profile.steps):
        return NONE
    counts = np.bincount(steps[steps >= 0], minlength=len(profile.steps))
    return counts.astype(np.float64)
