"""Communication while nothing computes."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import (
    Finding,
    costliest,
    in_steps,
    listed,
    of_each_step,
    step_count,
)
from profilers.analysis.device.time import device_time
from profilers.analysis.device.work import work_rows
from profilers.analysis.kernel_names import short_kernel_name
from profilers.profile import Profile, SliceKind
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.05  # of the device's time


def find(profile: Profile) -> Iterator[Finding]:
    """Collectives of the device that has most of them uncovered."""
    slices, rows = profile.trace.slices, work_rows(profile)
    rows = rows[(slices.kind[rows] == SliceKind.COMMUNICATION) & in_steps(profile, rows)]
    if not len(rows):
        return
    steps = profile.steps
    within = None
    if len(steps):
        within = (int(steps.start_ns.min()), int((steps.start_ns + steps.duration_ns).max()))
    times = device_time(profile, within)
    at = int(np.argmax(times.exposed_communication_ns))
    exposed, span = (
        int(times.exposed_communication_ns[at]),
        int(times.end_ns[at] - times.begin_ns[at]),
    )
    share = exposed / span if span else 0.0
    if share < _LEAST_SHARE:
        return
    total = int(times.communication_ns[at])
    durations = slices.duration_ns[rows]
    names = [
        short_kernel_name(profile.strings[int(slices.name[row])])[:60]
        for row in costliest(rows, durations)
    ]
    yield Finding(
        "exposed-communication",
        f"{format_duration(exposed / step_count(profile))} {of_each_step(profile)} is communication that no "
        f"computation hides: {format_percent(exposed / total)} of all communication; "
        f"{listed(names, 2)}.",
        "Overlap it with the backward pass (smaller buckets, prefetching of shards, another stream), "
        "send less (gradient accumulation, lower precision), or wait for slow ranks to be found.",
        exposed / step_count(profile),
        share=share,
        slices=costliest(rows, durations),
    )
