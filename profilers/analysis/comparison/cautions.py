"""What makes two profiles hard to compare, told before anyone trusts a figure."""

import math
from collections.abc import Iterator, Sequence

from profilers.analysis.comparison import side
from profilers.analysis.comparison.explained import Explanation
from profilers.analysis.comparison.figures import FigurePair, Rounds, Verdict, timed_phase
from profilers.analysis.step_time import step_time
from profilers.profile import Profile, TimingPhase
from profilers.profile.table import Float64

_COARSE = 0.2  # share of change; who compares wants to see smaller ones
_HOPELESS = 3.0  # nobody asks whether one is more than four times as slow
_BUSY = 0.03  # share of the time
_MUCH = 1.3  # times as long, that profiled steps differ by for no reason that is known


def cautions(
    a: Profile,
    b: Profile,
    explanation: Explanation,
    latency: FigurePair | None,
    rounds: Rounds | None,
    *,
    per_sample: bool,
) -> Iterator[str]:
    """Sentences, the gravest first."""
    if a.graphs and b.graphs and not explanation.by_graph:
        yield (
            "The two graphs have next to nothing in common: these look like unrelated models, so "
            "only operators are compared, by name."
        )
    elif not explanation.by_graph:
        has_none = "Neither has a graph"
        if a.graphs or b.graphs:
            has_none = f"{'B' if a.graphs else 'A'} has no graph"
        yield f"{has_none}, so operators are compared by name instead of layers."
    yield from _inputs(a, b, per_sample=per_sample)
    yield from _settings(a, b)
    yield from _steps(a, b, latency, rounds)
    yield from _waited(a, b, rounds)
    yield from _surroundings(a, b)
    yield from _profiler(a, b, explanation)
    if explanation.on_device[0] != explanation.on_device[1]:
        which = "A" if explanation.on_device[0] else "B"
        yield f"The rows of {which} are times on a device, those of the other side on the host."


def _inputs(a: Profile, b: Profile, *, per_sample: bool) -> Iterator[str]:
    silent = [name for name, each in (("A", a), ("B", b)) if not side.inputs_of(each)]
    if silent:
        yield (
            f"{'Neither tells its' if len(silent) == 2 else f'{silent[0]} does not tell its'} inputs: "
            "the batch sizes and types of both may differ, and so what a step has to do."
        )
    batches = side.batch_size(a), side.batch_size(b)
    if all(batches) and batches[0] != batches[1]:
        told = (
            "step times are divided by it"
            if per_sample
            else "step times are those of whole batches"
        )
        yield f"The batch sizes differ: {batches[0]} in A, {batches[1]} in B; {told}."
    ranks = side.ranks(a), side.ranks(b)
    if ranks[0] != ranks[1] and all(batches):
        yield (
            f"A step is the work of {ranks[0]} ranks in A and {ranks[1]} in B, each with a batch of "
            "its own; samples per second are those of all of them."
        )
    shapes = side.sample_shapes(a), side.sample_shapes(b)
    if shapes[0] and shapes[1] and _sorted(shapes[0]) != _sorted(shapes[1]):
        sizes = [", ".join(map(_size, each)) for each in shapes]
        yield (
            f"The inputs' sizes differ, beside the batch: {sizes[0]} in A, {sizes[1]} in B; these are "
            "times of different work."
        )
    for what, types in (
        ("inputs'", [side.input_dtypes(each) for each in (a, b)]),
        ("weights'", [side.weight_dtypes(each) for each in (a, b)]),
    ):
        if types[0] and types[1] and types[0] != types[1]:
            yield f"The {what} types differ: {', '.join(types[0])} in A, {', '.join(types[1])} in B."


def _size(shape: tuple[int | str, ...]) -> str:
    """``3×32×32``; an input may have no size but its batch."""
    return "×".join(map(str, shape)) or "single values"


def _sorted(shapes: Sequence[tuple[int | str, ...]]) -> list[list[str]]:
    """Whatever the layout and the order of the inputs."""
    return sorted(sorted(map(str, shape)) for shape in shapes)


def _settings(a: Profile, b: Profile) -> Iterator[str]:
    """What was asked of the runs that makes them different work; options have their defaults filled in."""
    ours, theirs = side.options_of(a), side.options_of(b)
    for option, usual, what in (
        ("run", "inference", "What a step does differs"),
        ("autocast", "off", "The lowered precision (autocast) differs"),
    ):
        one, other = ours.get(option, usual), theirs.get(option, usual)
        if one != other:
            yield f"{what}: {one} in A, {other} in B."


def _steps(
    a: Profile, b: Profile, latency: FigurePair | None, rounds: Rounds | None
) -> Iterator[str]:
    if rounds is not None:
        return
    phase = timed_phase(a, b)
    durations = [side.step_durations(each, phase) for each in (a, b)]
    counts = [len(each) for each in durations]
    for name, count in zip("AB", counts, strict=True):
        if count == 1:
            yield f"{name} has one step only, so nothing tells how much its steps vary."
    if min(counts) > 1 and latency is not None:
        yield from _too_few(counts, latency)
        if latency.verdict in (Verdict.SAME, Verdict.UNSURE):
            yield from _apart(durations)
    if phase == TimingPhase.PROFILED and all(counts):
        yield "Only profiled steps are known of both: the profiler's own time is part of them."


def _too_few(counts: list[int], latency: FigurePair) -> Iterator[str]:
    steps = f"{counts[0]:,} steps in A and {counts[1]:,} in B"
    if latency.ratio is None:
        yield (
            f"There are {steps}, which may all be slow or quick together: they show no difference for "
            "sure. Measure more, or both in turns."
        )
    elif latency.ratio.shows_from > _HOPELESS:
        yield (
            f"There are {steps}, which vary so much that they surely show only differences of many "
            "times. Measure more, or both in turns."
        )
    elif latency.ratio.shows_from > _COARSE:
        yield (
            f"There are {steps}: as they vary, they surely show only differences above "
            f"{math.ceil(100 * latency.ratio.shows_from)} %. Measure more, or both in turns."
        )


def _apart(durations: Sequence[Float64]) -> Iterator[str]:
    """What a person sees at once in such steps, beside why it does not decide."""
    ours, theirs = durations
    for word, longer, shorter in (("longer", theirs, ours), ("less", ours, theirs)):
        if min(longer) > max(shorter):
            yield (
                f"Every step of B took {word} than any of A: a hint, but runs of one model may differ "
                "like this, too."
            )


def _waited(a: Profile, b: Profile, rounds: Rounds | None) -> Iterator[str]:
    for name, profile in (("A", a), ("B", b)):
        share = side.waited(profile.environment.facts)
        if share > _BUSY and rounds is None:
            yield (
                f"{name} waited for a processor {100 * share:.0f} % of its time, as other programs "
                "ran: the intervals are wide. Measure on a quiet machine, or both in turns."
            )


def _surroundings(a: Profile, b: Profile) -> Iterator[str]:
    ours, theirs = a.environment, b.environment
    for name, one, other in (
        ("devices", ours.device, theirs.device),
        ("GPUs", _model_of(ours.facts.get("GPU", "")), _model_of(theirs.facts.get("GPU", ""))),
        ("processors", ours.facts.get("Processor", ""), theirs.facts.get("Processor", "")),
        ("threads", side.threads(ours.facts), side.threads(theirs.facts)),
    ):
        if one and other and one != other:
            yield f"The {name} differ: {one} in A, {other} in B."


def _model_of(gpu: str) -> str:
    """Without its memory and capability, which not every framework tells."""
    return gpu.partition(",")[0]


def _profiler(a: Profile, b: Profile, explanation: Explanation) -> Iterator[str]:
    told = step_time(a).overhead, step_time(b).overhead
    if told[0] is None or told[1] is None:
        return
    if any(not 1 / _MUCH <= factor <= _MUCH for factor in explanation.scaled_by):
        yield (
            f"Profiled steps took {_longer(told[0])} in A and {_longer(told[1])} in B, and much of that "
            "nothing places: rows may look worse or better than they are."
        )


def _longer(overhead: float) -> str:
    return f"{100 * abs(overhead):.0f} % {'longer' if overhead >= 0 else 'less'}"
