"""A profile's figures as plain data, for the command line and for comparing files."""

from dataclasses import asdict
from typing import Any

from profilers.analysis.coverage import link_coverage
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.rank_time import rank_rows
from profilers.analysis.step_time import phase_ns, step_time
from profilers.analysis.sweep import sweep_rows
from profilers.profile import NodeKind, Profile, TimingPhase


def statistics(profile: Profile) -> dict[str, Any]:
    """Figures that hold for any profile; None where one does not apply. Serialisable as JSON."""
    environment, graph = profile.environment, profile.authored
    time = step_time(profile)
    flops = graph.nodes.flops[graph.nodes.kind == NodeKind.OPERATOR]
    has_memory, curve = len(profile.memory.allocations) > 0, memory_curve(profile)
    growth = memory_growth(profile, curve.device)
    return {
        "name": profile.name,
        "model": environment.model_name or None,
        "framework": environment.framework or None,
        "mode": environment.mode or None,
        "device": environment.device or None,
        "steps": len(profile.steps),
        "median_step_ns": time.median_ns,
        "p95_step_ns": time.p95_ns,
        "profiled_step_ns": time.profiled_ns,
        "compile_ns": phase_ns(profile, TimingPhase.COMPILE) or None,
        "slices": len(profile.trace.slices),
        "tracks": len(profile.trace.tracks),
        "graph_nodes": len(graph.nodes),
        "graph_stages": [each.stage for each in profile.graphs],
        "parameter_bytes": int(graph.parameters.bytes.sum()),
        "known_flops": int(flops[flops >= 0].sum()),
        "nodes_of_unknown_flops": int((flops < 0).sum()),
        "fusion_groups": len(profile.fusion.groups),
        "allocations": len(profile.memory.allocations),
        "peak_bytes": curve.peak_bytes if has_memory else None,
        "memory_growth_bytes_per_step": growth.bytes_per_step if has_memory else None,
        "memory_source": profile.memory.source or None,
        "link_coverage": asdict(link_coverage(profile)),
        "ranks": rank_rows(profile),
        "sweep": sweep_rows(profile),
        "facts": dict(environment.facts),
        "diagnostics": len(profile.diagnostics),
        "notes": [f"{each.message} {each.remedy}".rstrip() for each in profile.diagnostics],
    }
