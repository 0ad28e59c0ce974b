"""What the run says of nodes: times, kernels, memory, fusion."""

from collections.abc import Sequence

import numpy as np

from profilers.analysis.nodes import facts as node_facts
from profilers.analysis.stage_figures import stage_figures
from profilers.profile import Profile
from profilers.units import format_bytes, format_count, format_duration, format_percent
from views.graph.inspector.graph_facts import tr
from views.graph.inspector.section import SHOWN, Bars, Section

_LONGEST_SOURCE = 2000


def timing(profile: Profile, nodes: Sequence[int], flops: int) -> Section:
    """Of authored nodes together: self time per step, its spread over the steps, the rate."""
    section = Section("timing", tr("Timing"))
    times = node_facts.step_times(profile, nodes)
    if times is None:
        return section
    mean = float(times.self_ns.mean())
    section.add(tr("Self time per step"), format_duration(mean))
    section.add(tr("Share of the step"), format_percent(times.share))
    section.add(tr("Calls per step"), f"{times.calls:,.4g}")
    if flops > 0 and mean > 0:
        section.add(tr("FLOPs per second"), format_count(flops / mean * 1e9))
    if len(times.self_ns) > 1:
        low, high = float(times.self_ns.min()), float(times.self_ns.max())
        median = format_duration(float(np.median(times.self_ns)))
        section.add(tr("Median of steps"), median)
        section.add(tr("Fastest, slowest"), f"{format_duration(low)}, {format_duration(high)}")
        tip = tr("Self time in each of {} steps, highest {}").format(
            len(times.self_ns), format_duration(high)
        )
        first, last = tr("first step"), tr("last")
        section.add(tr("Over steps"), "", Bars(tuple(times.self_ns.tolist()), first, last, tip))
    return section


def kernels(profile: Profile, nodes: Sequence[int]) -> Section:
    section = Section("kernels", tr("Kernels"))
    for kernel in node_facts.kernels(profile, nodes)[:SHOWN]:
        word = tr("fused, ") if kernel.is_fused else ""
        text = f"{format_duration(kernel.duration_ns)} × {kernel.calls:,.4g}"
        section.add(kernel.name, f"{text}\n{word}{kernel.track}")
    return section


def memory(profile: Profile, nodes: Sequence[int]) -> Section:
    section = Section("memory", tr("Memory"))
    for each in node_facts.blocks(profile, nodes):
        count = tr("{:,} blocks").format(each.count) if each.count > 1 else tr("1 block")
        lines = [f"{format_bytes(each.total_bytes)}  ·  {count}"]
        if each.count > 1:
            lines.append(tr("largest {}").format(format_bytes(each.largest_bytes)))
        if each.lifetime_ns >= 0:
            lines.append(tr("freed after {}").format(format_duration(each.lifetime_ns)))
        else:
            lines.append(tr("never freed"))
        section.add(each.category.name.replace("_", " ").capitalize(), "\n".join(lines))
    return section


def fusion(profile: Profile, node: int) -> Section:
    """The fused kernels that an authored node is in, and with whom."""
    section = Section("fusion", tr("Fused into"))
    names = profile.authored.nodes.name
    for kernel, members in node_facts.fused_with(profile, node)[:SHOWN]:
        others = [profile.strings[int(names[each])] for each in members.tolist() if each != node]
        section.add(kernel, tr("with {}").format(", ".join(others[:12])) if others else "")
    return section


def generated(profile: Profile, stage: int, node: int) -> Section:
    """What a compiler wrote for a node of a later stage."""
    section = Section("generated", tr("Generated source"))
    groups = profile.fusion.groups
    for row in groups.source[(groups.stage == stage) & (groups.node == node)].tolist():
        if row >= 0:
            section.add("", profile.strings[row][:_LONGEST_SOURCE])
    return section


def heaviest(profile: Profile, nodes: Sequence[int]) -> Section:
    """The authored nodes that took longest."""
    section = Section("heaviest", tr("Longest self times"))
    rows = np.array(nodes, np.int64)
    times = stage_figures(profile, 0).time_ns[rows]
    for at in np.argsort(-times, kind="stable")[:8].tolist():
        if times[at] > 0:
            name = profile.strings[int(profile.authored.nodes.name[rows[at]])]
            section.add(name, format_duration(times[at]))
    return section
