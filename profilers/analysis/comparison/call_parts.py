"""What the trace tells of the time before a step's first operator and after its last."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from profilers.analysis.comparison.rows import ExplainedRow, RowKind
from profilers.analysis.comparison.side import step_durations
from profilers.analysis.comparison.spent import Share, middle_steps
from profilers.analysis.wall_time import innermost, wall_time
from profilers.profile import Profile, SliceKind, TimingPhase
from profilers.profile.table import Float64, Int64
from profilers.units import format_duration

_MOST_NAMED = 3  # parts in a row's text
_LONGEST_NAME = 30
_REST, _MODULES = "not recorded", "code of modules"


def is_one_call(profile: Profile) -> bool:
    """Whether a step is one call of the model and nothing else: so it is where we ran it ourselves.

    Those runs are told by their steps without the profiler. A step of a trace from elsewhere may
    wait for its data, too.
    """
    return bool(len(step_durations(profile, TimingPhase.MEASURED)))


def call_parts(profile: Profile) -> dict[str, Share]:
    """Ranges on the steps' own thread by name, with their shares of that time; the longest first.

    At each moment the innermost one counts, and time in none of them is left out: plain Python that
    no profiler marks. An operator may be among them where the work of a device is what counts.
    """
    slices, strings = profile.trace.slices, profile.strings
    steps = np.flatnonzero(slices.kind == SliceKind.STEP)
    if not len(steps):
        return {}
    wall = wall_time(profile, middle_steps(profile))
    own = np.flatnonzero((slices.track == slices.track[steps[0]]) & (slices.kind != SliceKind.STEP))
    begin, end, owner = innermost(slices, own)
    edges = np.stack((wall.around_begin_ns, wall.around_end_ns), 1).ravel()
    times = _within(end, edges) - _within(begin, edges)
    sums: dict[str, float] = defaultdict(float)
    longest: dict[str, tuple[float, int]] = {}
    for row, time_ns in zip(owner[times > 0].tolist(), times[times > 0].tolist(), strict=True):
        name = _plain(strings[int(slices.name[row])])
        sums[name] += time_ns
        longest[name] = max(longest.get(name, (0.0, -1)), (time_ns, row))
    found = {name: Share(total / wall.steps, longest[name][1]) for name, total in sums.items()}
    return dict(sorted(found.items(), key=lambda part: -part[1].time_ns))


def call_row(
    profiles: tuple[Profile, Profile],
    around_ns: tuple[float, float],
    modules_ns: tuple[float, float],
) -> ExplainedRow:
    """The root module of one side beside that of the other: what their calls take, per step.

    Parameters
    ----------
    around_ns : tuple of float
        Before the first operator and after the last, of a and b; less than was recorded where the
        profiler's part is taken off.
    modules_ns : tuple of float
        The code of modules between, which belongs to no layer of both.
    """
    parts = [
        _scaled(call_parts(profile), around / (_recorded_ns(profile) or 1.0))
        for profile, around in zip(profiles, around_ns, strict=True)
    ]
    longest = [next((share.slice for share in part.values()), -1) for part in parts]
    told = [
        _told_parts(part, around, modules)
        for part, around, modules in zip(parts, around_ns, modules_ns, strict=True)
    ]
    return ExplainedRow(
        RowKind.CALL,
        ("", ""),
        (told[0], told[1]),
        around_ns[0] + modules_ns[0],
        around_ns[1] + modules_ns[1],
        slices=(longest[0], longest[1]),
    )


def _recorded_ns(profile: Profile) -> float:
    wall = wall_time(profile, middle_steps(profile))
    return wall.around_ns / max(wall.steps, 1)


def _scaled(parts: dict[str, Share], factor: float) -> dict[str, Share]:
    return {name: replace(share, time_ns=factor * share.time_ns) for name, share in parts.items()}


def _told_parts(parts: dict[str, Share], around_ns: float, modules_ns: float) -> str:
    """The longest parts with their times; what no range covers is the code around them."""
    rest = max(around_ns - sum(share.time_ns for share in parts.values()), 0.0)
    times = {name: share.time_ns for name, share in parts.items()}
    times.update({_REST: rest, _MODULES: modules_ns})
    first = sorted(((each, name) for name, each in times.items() if each), reverse=True)
    told = ", ".join(f"{name} {format_duration(each)}" for each, name in first[:_MOST_NAMED])
    return told if len(first) <= _MOST_NAMED else f"{told}, …"


def _plain(name: str) -> str:
    """``Call CompiledFxGraph fkdxq…`` for ``## Call CompiledFxGraph fkdxqmzp... ##``."""
    before, _, after = name.partition(":")
    name = before if before == after else name.strip("# ")
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _within(times: Int64, edges: Int64) -> Float64:
    """How much of the stretches between every other two edges lies before each time."""
    lengths = np.diff(edges, append=edges[-1:])
    lengths[1::2] = 0
    before = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    at = np.maximum(np.searchsorted(edges, times, "right") - 1, 0)
    reached: Float64 = before[at] + np.clip(times - edges[at], 0, lengths[at])
    return reached.astype(np.float64)
