"""What there is to say about a profile first, as text."""

from dataclasses import dataclass

from profilers.analysis.coverage import link_coverage
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.step_time import phase_ns, step_time
from profilers.profile import NodeKind, Profile, TimingPhase
from profilers.units import format_bytes, format_count, format_duration, format_percent


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    note: str = ""
    explanation: str = ""


def figures_of(profile: Profile) -> tuple[Figure, ...]:
    """What there is to say about this profile; a figure that does not apply is left out."""
    return (
        *_time_figures(profile),
        *_memory_figures(profile),
        *_graph_figures(profile),
        *_trace_figures(profile),
    )


def _time_figures(profile: Profile) -> list[Figure]:
    time = step_time(profile)
    figures = []
    if time.median_ns is not None and time.p95_ns is not None:
        figures.append(
            Figure(
                "Step, unprofiled",
                format_duration(time.median_ns),
                f"p95 {format_duration(time.p95_ns)}",
                "Median wall-clock time of one step, measured without the profiler.",
            )
        )
    if time.profiled_ns is not None:
        figures.append(
            Figure(
                "Step, profiled",
                format_duration(time.profiled_ns),
                _overhead_words(time.overhead) or _counted(len(profile.steps), "step"),
                "Median of the profiled steps; the timeline shows these.",
            )
        )
    compile_ns = phase_ns(profile, TimingPhase.COMPILE)
    if compile_ns:
        figures.append(
            Figure(
                "Compiled in",
                format_duration(compile_ns),
                "before the steps",
                "What making the model's code took: tracing, exporting, converting and compiling; of a "
                "model that is compiled when it is called with its first step.",
            )
        )
    return figures


def _overhead_words(overhead: float | None) -> str:
    if overhead is None:
        return ""
    if overhead < 0:  # steps vary by more than the profiler costs
        return "profiler's cost unseen"
    return f"+{100 * overhead:.0f} % by profiler"


def _memory_figures(profile: Profile) -> list[Figure]:
    curve = memory_curve(profile)
    if curve.device < 0:
        return []
    return [
        Figure(
            "Peak memory",
            format_bytes(curve.peak_bytes),
            profile.strings[curve.device],
            profile.memory.source,
        )
    ]


def _graph_figures(profile: Profile) -> list[Figure]:
    graph = profile.authored
    if not len(graph.nodes) and not len(graph.parameters):
        return []
    figures = [
        Figure(
            "Parameters",
            format_bytes(int(graph.parameters.bytes.clip(min=0).sum())),
            f"{len(graph.parameters):,} tensors",
        )
    ]
    operators = graph.nodes.flops[graph.nodes.kind == NodeKind.OPERATOR]
    known = operators[operators >= 0]
    if len(known):
        unknown = len(operators) - len(known)
        figures.append(
            Figure(
                "FLOPs per step",
                format_count(int(known.sum())),
                f"{unknown:,} nodes unknown" if unknown else "every node known",
                "Multiplications and additions counted apart, summed over the nodes whose FLOPs "
                "are known.",
            )
        )
    figures.append(
        Figure(
            "Graph nodes",
            f"{len(graph.nodes):,}",
            f"{len(graph.scopes):,} scopes",
        )
    )
    return figures


def _trace_figures(profile: Profile) -> list[Figure]:
    if not len(profile.trace.slices):
        return []
    groups, members = len(profile.fusion.groups), len(profile.fusion.members)
    figures = [
        Figure(
            "Slices", f"{len(profile.trace.slices):,}", _counted(len(profile.trace.tracks), "track")
        )
    ]
    if profile.environment.mode:
        figures.append(
            Figure("Fused groups", f"{groups:,}", f"of {members:,} nodes" if groups else "none")
        )
    coverage = link_coverage(profile).operator_time
    if coverage is not None:
        figures.append(
            Figure(
                "Linked to the graph",
                format_percent(coverage),
                "of operator time",
                "Share of operator self time that is tied to a node of the graph.",
            )
        )
    return figures


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
