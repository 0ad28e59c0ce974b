"""What can be left out of a snapshot, and a profile without it."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError
from profilers.profile import (
    Environment,
    Fusion,
    FusionMembers,
    JsonText,
    Memory,
    Note,
    Profile,
    Table,
    Trace,
)
from profilers.snapshot.used_strings import changed_tables, with_used_strings


@dataclass(frozen=True)
class Part:
    """`without` gives a profile that lacks the part and points nowhere into it."""

    id: str
    title: str
    hint: str
    without: Callable[[Profile], Profile]


def without(profile: Profile, ids: Collection[str]) -> Profile:
    """The profile without the named parts, and without the strings that only they used.

    Raises
    ------
    TwinscopeError
        If a part of that name does not exist.
    """
    known = {part.id: part for part in PARTS}
    for name in ids:
        if name not in known:
            raise TwinscopeError(
                f"A snapshot has no part {name!r}", "", f"The parts are: {', '.join(known)}."
            )
    for part in PARTS:
        if part.id in ids:
            profile = part.without(profile)
    return with_used_strings(profile) if ids else profile


def _pointing_nowhere(profile: Profile, refers: Collection[str]) -> Profile:
    """The same tables with -1 in every column that has row numbers of what `refers` names."""

    def blank(table: Table) -> Table:
        return table.replace(
            **{
                spec.name: np.full(len(table), -1, spec.metadata["dtype"])
                for spec in dataclasses.fields(table)
                if spec.metadata["refers"] in refers
            }
        )

    changed: Profile = changed_tables(profile, blank)
    return changed


def _without_graphs(profile: Profile) -> Profile:
    kept = tuple(note for note in profile.notes if note.node < 0)
    fusion = replace(profile.fusion, members=FusionMembers.empty())
    profile = _without_stages(replace(profile, graphs=(), notes=kept, fusion=fusion))
    return _pointing_nowhere(profile, {"authored", "authored parameters"})


def _without_stages(profile: Profile) -> Profile:
    groups = profile.fusion.groups
    nowhere = np.full(len(groups), -1, np.int32)
    fusion = replace(profile.fusion, groups=groups.replace(stage=nowhere, node=nowhere))
    return replace(profile, graphs=profile.graphs[:1], fusion=fusion)


def _without_trace(profile: Profile) -> Profile:
    notes = tuple(_on_its_time(note, profile.trace) for note in profile.notes)
    profile = replace(profile, trace=Trace.empty(), notes=notes)
    return _pointing_nowhere(profile, {"slices"})


def _on_its_time(note: Note, trace: Trace) -> Note:
    if note.slice < 0:
        return note
    begin_ns = int(trace.slices.start_ns[note.slice])
    end_ns = begin_ns + int(trace.slices.duration_ns[note.slice])
    return replace(note, slice=-1, begin_ns=begin_ns, end_ns=end_ns)


def _without_arguments(profile: Profile) -> Profile:
    blank = JsonText.blank(len(profile.trace.slices))
    return replace(profile, trace=replace(profile.trace, arguments=blank))


def _without_fusion(profile: Profile) -> Profile:
    return _pointing_nowhere(replace(profile, fusion=Fusion.empty()), {"groups"})


def _without_sources(profile: Profile) -> Profile:
    fusion = profile.fusion
    graphs = tuple(replace(graph, nodes=_blank(graph.nodes, "source")) for graph in profile.graphs)
    fusion = replace(
        fusion, groups=_blank(fusion.groups, "source"), breaks=_blank(fusion.breaks, "location")
    )
    return replace(profile, graphs=graphs, fusion=fusion)


def _blank(table: Any, name: str) -> Any:
    return table.replace(**{name: np.full(len(table), -1, np.int32)})


def _without_statistics(profile: Profile) -> Profile:
    blank = JsonText.blank(0)
    graphs = tuple(replace(graph, parameter_statistics=blank) for graph in profile.graphs)
    return replace(profile, graphs=graphs)


def _without_attributes(profile: Profile) -> Profile:
    graphs = tuple(
        replace(graph, attributes=JsonText.blank(len(graph.nodes))) for graph in profile.graphs
    )
    return replace(profile, graphs=graphs)


def _without_environment(profile: Profile) -> Profile:
    kept = profile.environment
    environment = Environment(kept.framework, kept.mode, kept.model_name, device=kept.device)
    return replace(profile, environment=environment)


PARTS: tuple[Part, ...] = (
    Part("graph", "Graph", "the model's nodes, tensors and scopes", _without_graphs),
    Part("stages", "Compiled graphs", "what compilers made of the graph", _without_stages),
    Part("attributes", "Attributes of nodes", "strides, axes, constants", _without_attributes),
    Part(
        "statistics", "Statistics of parameters", "mean, spread, histogram of weights",
        _without_statistics,
    ),
    Part("trace", "Timeline", "slices, arrows, counters", _without_trace),
    Part(
        "arguments", "Arguments of slices", "shapes, launch sizes, stacks; the largest part",
        _without_arguments,
    ),
    Part(
        "memory", "Memory", "allocations and what the allocator reported",
        lambda profile: replace(profile, memory=Memory.empty()),
    ),
    Part("fusion", "Fusion", "fused kernels, and what broke fusions", _without_fusion),
    Part("sources", "Source code", "generated kernels, source lines of nodes", _without_sources),
    Part(
        "reports", "Other tools' tables", "what xprof computed of the same run",
        lambda profile: replace(profile, reports=()),
    ),
    Part("environment", "Environment", "versions, device, how it was run", _without_environment),
    Part(
        "findings", "Findings", "what was lost, repaired or guessed",
        lambda profile: replace(profile, diagnostics=()),
    ),
    Part(
        "notes", "Notes", "what was written about it",
        lambda profile: replace(profile, notes=()),
    ),
)  # fmt: skip
