"""A device that has nothing to do since the host has not launched the next work yet."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import (
    Finding,
    costliest,
    counted,
    in_steps,
    of_each_step,
    step_count,
)
from profilers.analysis.device.idle_time import IdleCause, idle_gaps
from profilers.analysis.wall_time import wall_time
from profilers.profile import Profile
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.05  # of the steps
_REMEDY = (
    "Launch ahead: larger batches, CUDA graphs or torch.compile(mode='reduce-overhead'), data loading "
    "in workers, and no .item(), print or synchronisation within the step."
)
_OF_ONNX_RUNTIME = (
    "Launch ahead: larger batches, enable_cuda_graph of the CUDA provider, and I/O binding, so that "
    "inputs and results stay on the device."
)


def find(profile: Profile) -> Iterator[Finding]:
    """Idle gaps of the busiest stream of which the host is to blame."""
    gaps = idle_gaps(profile)
    late = (gaps.cause == IdleCause.HOST_WAIT) & in_steps(profile, gaps.after)
    wall = wall_time(profile)
    if not late.any() or not wall.whole_ns or not wall.on_device:
        return
    gaps = gaps.take(late & (gaps.track == _busiest(profile)))
    lengths = gaps.end_ns - gaps.begin_ns
    cost = min(float(lengths.sum()), wall.between_ns) / step_count(profile)
    share = cost * step_count(profile) / wall.whole_ns
    if share < _LEAST_SHARE:
        return
    yield Finding(
        "waiting-for-host",
        f"The device waits for the host for {format_duration(cost)} {of_each_step(profile)} "
        f"({format_percent(share)}), in {counted(len(gaps), 'gap')}.",
        _OF_ONNX_RUNTIME if "ONNX Runtime" in profile.environment.framework else _REMEDY,
        cost,
        share=share,
        slices=costliest(gaps.after, lengths),
    )


def _busiest(profile: Profile) -> int:
    """The stream that worked longest."""
    slices, gaps = profile.trace.slices, idle_gaps(profile)
    tracks = np.unique(gaps.track)
    worked = [int(slices.duration_ns[slices.track == track].sum()) for track in tracks.tolist()]
    return int(tracks[int(np.argmax(worked))])
