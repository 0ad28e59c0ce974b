"""Kernels so short that the device waits for the launch of each next one."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import (
    Finding,
    costliest,
    counted,
    in_steps,
    listed,
    of_each_step,
    step_count,
)
from profilers.analysis.device.idle_time import IdleCause, idle_gaps
from profilers.analysis.device.launches import launching_call
from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.wall_time import wall_time
from profilers.profile import Profile, SliceKind
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.02  # of the steps
_LEAST_PER_STEP = 10  # kernels


def find(profile: Profile) -> Iterator[Finding]:
    """Idle gaps before kernels that take less time than their launch: the host cannot keep up.

    Of a gap no more counts than the launch took: what is longer waits for something else. A launch
    that takes long since the queue is full leaves no gap.
    """
    slices, gaps, wall = profile.trace.slices, idle_gaps(profile), wall_time(profile)
    work = gaps.after
    late = (gaps.cause == IdleCause.HOST_WAIT) & in_steps(profile, work)
    gaps = gaps.take(late & (slices.kind[work] == SliceKind.KERNEL))
    call = launching_call(profile, gaps.after)
    is_short = (call >= 0) & (slices.duration_ns[gaps.after] < slices.duration_ns[call])
    gaps, call = gaps.take(is_short), call[is_short]
    if len(gaps) < _LEAST_PER_STEP * step_count(profile) or not wall.whole_ns:
        return
    lengths = np.minimum(gaps.end_ns - gaps.begin_ns, slices.duration_ns[call])
    cost = min(float(lengths.sum()), wall.between_ns) / step_count(profile)
    share = cost * step_count(profile) / wall.whole_ns
    if share < _LEAST_SHARE:
        return
    names, times = np.unique(slices.name[gaps.after], return_counts=True)
    often = [
        short_kernel_name(profile.strings[int(name)])[:60]
        for name in names[np.argsort(-times, kind="stable")]
    ]
    number = max(round(len(gaps) / step_count(profile)), 1)
    yield Finding(
        "small-kernels",
        f"{counted(number, 'kernel')} {of_each_step(profile)} are over before the next is launched: the device "
        f"idles {format_duration(cost)} ({format_percent(share)}) before kernels shorter than "
        f"their launch; most often {listed(often, 2)}.",
        "Fuse them (torch.compile, jit_compile=True, fused optimisers), launch them as one CUDA graph, "
        "or give each more to do with a larger batch.",
        cost,
        share=share,
        slices=costliest(gaps.after, lengths),
    )
