"""Steps on the host in which no operator runs: Python, dispatch, waiting."""

from collections.abc import Iterator

from profilers.analysis.advice.finding import Finding, of_each_step, step_count
from profilers.analysis.wall_time import wall_time
from profilers.profile import Profile, SliceKind
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.15


def find(profile: Profile) -> Iterator[Finding]:
    """What the framework takes around its operators, of runs on the host."""
    wall = wall_time(profile)
    slices = profile.trace.slices
    ranges = float(wall.slice_ns[slices.kind == SliceKind.SCOPE].sum())
    if wall.on_device or not wall.whole_ns or not len(profile.steps):
        return
    idle = wall.between_ns + ranges
    share = idle / wall.whole_ns
    if share < _LEAST_SHARE or not wall.slice_ns.any():
        return
    cost = idle / step_count(profile)
    steps = (slices.kind == SliceKind.STEP).nonzero()[0]
    yield Finding(
        "between-operators",
        f"{format_duration(cost)} {of_each_step(profile)} ({format_percent(share)}) pass outside of operators: "
        "in Python and in the framework's own dispatch, the profiler's share included.",
        "Compile the model (torch.compile, tf.function, XLA), export it, or give each step more work "
        "with a larger batch.",
        cost,
        share=share,
        slices=tuple(steps.tolist()),
    )
