"""Graph breaks, recompilations and fallbacks, with what they cost this run."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import Finding, costliest, counted, listed, step_count
from profilers.analysis.comparison.side import step_durations
from profilers.analysis.wall_time import wall_time
from profilers.profile import Profile, TimingPhase
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent

_LEAST_SHARE = 0.01


def find(profile: Profile) -> Iterator[Finding]:
    """From what the compiler itself told."""
    yield from _graph_breaks(profile)
    yield from _recompiles(profile)
    yield from _nodes_apart(profile)


def _graph_breaks(profile: Profile) -> Iterator[Finding]:
    rows, reasons = _told(profile, "graph break")
    wall = wall_time(profile)
    cost = wall.between_ns / max(wall.steps, 1)
    if not len(rows) or cost <= 0:
        return
    share = wall.between_ns / wall.whole_ns
    nodes = profile.fusion.breaks.node[rows]
    yield Finding(
        "graph-breaks",
        f"{counted(len(rows), 'graph break')} make the compiled model return to Python; each step "
        f"spends {format_duration(cost)} ({format_percent(share)}) between its operators. "
        f"{listed(reasons, 1)}",
        "Rewrite the lines named (no .item(), no branches on data, no unsupported calls), or see them "
        "all with torch.compile(fullgraph=True).",
        cost,
        share=share,
        nodes=tuple(np.unique(nodes[nodes >= 0]).tolist()),
    )


def _recompiles(profile: Profile) -> Iterator[Finding]:
    rows, reasons = _told(profile, "recompile", "recompile limit")
    first, steady = (
        step_durations(profile, phase) for phase in (TimingPhase.WARMUP, TimingPhase.MEASURED)
    )
    lost = float(step_durations(profile, TimingPhase.COMPILE).sum())
    if len(first) and len(steady):
        lost += float(np.maximum(first - np.median(steady), 0).sum())
    if not len(rows) or not lost:
        return
    yield Finding(
        "recompiles",
        f"{counted(len(rows), 'recompilation')} told; compiling took {format_duration(lost)} of this "
        f"run before its steps were steady. {listed(reasons, 1)}",
        "Mark what varies as dynamic (torch._dynamo.mark_dynamic), pad inputs to few sizes, and keep "
        "Python values that change out of the model.",
        lost / step_count(profile),
    )


def _nodes_apart(profile: Profile) -> Iterator[Finding]:
    """Operators for which the compiler has no code, and copies that it makes for layouts."""
    slices, wall = profile.trace.slices, wall_time(profile)
    for kind, title, advice in (
        ("fallback", "run as they are, with nothing fused into them",
         "Replace them by operators that the compiler knows, or register a lowering."),
        ("layout copy", "copy tensors into another layout in every step",
         "Give the model's inputs and weights the layout that its kernels want."),
    ):  # fmt: skip
        rows, _ = _told(profile, kind)
        nodes = np.unique(profile.fusion.breaks.node[rows])
        nodes = nodes[nodes >= 0]
        found = np.flatnonzero(np.isin(slices.node, nodes) & (wall.slice_ns > 0))
        cost = float(wall.slice_ns[found].sum())
        if not len(found) or cost < _LEAST_SHARE * wall.whole_ns:
            continue
        names = [profile.strings[int(profile.authored.nodes.operator[node])] for node in nodes]
        yield Finding(
            kind.replace(" ", "-"),
            f"{counted(len(nodes), 'operator')} {title}: {format_duration(cost / step_count(profile))} "
            f"per step ({format_percent(cost / wall.whole_ns)}); {listed(names)}.",
            advice,
            cost / step_count(profile),
            share=cost / wall.whole_ns,
            slices=costliest(found, wall.slice_ns[found]),
            nodes=tuple(nodes.tolist()),
        )


def _told(profile: Profile, *kinds: str) -> tuple[Int64, list[str]]:
    """Rows of breaks of these kinds, and their reasons."""
    breaks, strings = profile.fusion.breaks, profile.strings
    names = [strings[kind] if kind >= 0 else "" for kind in breaks.kind.tolist()]
    rows = np.flatnonzero(np.array([name in kinds for name in names], np.bool_))
    return rows, [strings[int(row)] for row in breaks.reason[rows] if row >= 0]
