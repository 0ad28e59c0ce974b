"""What a trace does not hold, and which figures that costs."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import WORK_KINDS, Diagnostic, Severity, SliceKind, decode
from profilers.units import format_percent

_SHARE = 0.05  # of launches or kernels without their other half that real traces stay below
_KINETO_STEPS = "call step() on torch.profiler.profile after each iteration."
_OTHER_STEPS = (
    "wrap each iteration in tf.profiler.experimental.Trace or jax.profiler.StepTraceAnnotation."
)
_EXAMPLES = 100  # operators whose arguments are looked at


def no_steps(facts: TraceFacts) -> Iterator[Diagnostic]:
    kinds = facts.profile.trace.slices.kind
    if not len(facts.profile.steps) and np.isin(kinds, (SliceKind.OPERATOR, *WORK_KINDS)).any():
        yield Diagnostic(
            Severity.INFO,
            "The trace marks no steps, so all figures are of the whole trace.",
            "For figures per step, " + (_KINETO_STEPS if facts.is_kineto else _OTHER_STEPS),
        )


def missing_steps(facts: TraceFacts) -> Iterator[Diagnostic]:
    numbers = np.unique(facts.profile.steps.number).astype(np.int64)
    gaps = np.diff(numbers)
    if (gaps > 1).any():
        yield Diagnostic(
            Severity.INFO,
            f"Step numbers leave gaps between {numbers[0]} and {numbers[-1]}: the steps between "
            "were not recorded.",
            "Times from one step to the next include what was not recorded.",
            int((gaps - 1).sum()),
        )


def no_kernels(facts: TraceFacts) -> Iterator[Diagnostic]:
    launched = len(facts.submit_rows)
    if launched and not len(facts.device_rows):
        yield Diagnostic(
            Severity.WARNING,
            "The host launched kernels or copies, but the trace holds none: device times are "
            "missing.",
            "Record ProfilerActivity.CUDA, allow GPU performance counters for all users in the "
            "driver, and run no second profiler at the same time.",
            launched,
        )


def launches_without_kernel(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Leaves out those after the last kernel, which are told of as records that stop early."""
    if not len(facts.device_rows):
        return
    over_ns = int(facts.slices.start_ns[facts.device_rows].max())
    lost = facts.unanswered_rows
    lost = lost[facts.slices.start_ns[lost] <= over_ns]
    share = len(lost) / max(len(facts.submit_rows), 1)
    if share > _SHARE:
        yield Diagnostic(
            Severity.WARNING,
            f"{format_percent(share)} of the launches have no kernel or copy in the trace: device "
            "times may be too low.",
            "Launches into a CUDA graph while it is captured have none; otherwise capture fewer "
            "steps, so that the profiler drops no records.",
            len(lost),
        )


def kernels_without_launch(facts: TraceFacts) -> Iterator[Diagnostic]:
    share = len(facts.unlaunched_rows) / max(len(facts.device_rows), 1)
    if share > _SHARE:
        yield Diagnostic(
            Severity.INFO,
            f"{format_percent(share)} of the kernels and copies have no launch in the trace, so no "
            "operator is known for them.",
            f"{'Record ProfilerActivity.CPU as well; what' if facts.is_kineto else 'What'} was queued "
            "before the profiler started, or by a part that it does not trace, stays without a launch.",
            len(facts.unlaunched_rows),
        )


def not_recorded(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Options of PyTorch's profiler that were off, in one remark."""
    if not facts.is_kineto:
        return
    operators = np.flatnonzero(facts.of_kind(SliceKind.OPERATOR))
    examples = operators[:: max(1, len(operators) // _EXAMPLES)].tolist()
    arguments = facts.profile.trace.arguments
    known = {key for row in examples for key in decode(arguments, row)}
    memory = facts.profile.memory
    options = (
        ("memory", "profile_memory", len(memory.allocations) or len(memory.counters)),
        ("input shapes", "record_shapes", known & {"Input Dims", "Input dims"}),
    )
    missing = [(what, option) for what, option, found in options if not found]
    if missing:
        yield Diagnostic(
            Severity.INFO,
            f"Not in this profile: {' and '.join(what for what, _ in missing)}.",
            "torch.profiler records them with "
            f"{' and '.join(f'{option}=True' for _, option in missing)}.",
        )
