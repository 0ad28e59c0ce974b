"""Checks that every row number in a profile points at a row that is there."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np

from profilers.profile.graph import Graph
from profilers.profile.profile import Profile
from profilers.profile.table import Int32, Table


def broken_references(profile: Profile) -> list[str]:
    """One sentence for each column that points nowhere, or in a circle; empty for a sound profile.

    Everything that views and analyses rely on when they index by a column or climb along one.
    """
    return list(_problems(profile))


def _problems(profile: Profile) -> Iterator[str]:
    trace, fusion, memory = profile.trace, profile.fusion, profile.memory
    rows = {
        "strings": len(profile.strings),
        "slices": len(trace.slices),
        "tracks": len(trace.tracks),
        "steps": len(profile.steps),
        "groups": len(fusion.groups),
        "graphs": len(profile.graphs),
        "allocations": len(memory.allocations),
        "authored": len(profile.authored.nodes),
        "authored parameters": len(profile.authored.parameters),
    }
    tables: tuple[Table, ...] = (
        *(trace.slices, trace.tracks, trace.flows, trace.counters),
        *(fusion.groups, fusion.members, fusion.breaks),
        *(profile.sweep, memory.allocations, memory.counters, memory.segments, memory.placements),
    )
    for table in tables:
        yield from _outside(table, rows)
    yield from _negative(trace.slices, "track")
    yield from _negative(trace.counters, "track")
    yield from _negative(trace.flows, *_reference_columns(trace.flows))
    yield from _negative(fusion.members, *_reference_columns(fusion.members))
    yield from _negative(memory.placements, "allocation")
    yield from _not_before_its_row("slices", trace.slices.parent)
    if len(trace.arguments) != len(trace.slices):
        yield "there are not as many arguments as slices"
    if len(trace.slices) and int(trace.slices.duration_ns.min()) < 0:
        yield "a slice has a negative duration"
    for graph in profile.graphs:
        yield from _graph_problems(graph, rows)
    yield from _fused_node_problems(profile)
    if not all(-1 <= note.node < rows["authored"] for note in profile.notes):
        yield "a note belongs to a node that is not there"
    if not all(-1 <= note.slice < rows["slices"] for note in profile.notes):
        yield "a note belongs to a slice that is not there"


def _graph_problems(graph: Graph, rows: Mapping[str, int]) -> Iterator[str]:
    rows = {
        **rows,
        "nodes": len(graph.nodes),
        "scopes": len(graph.scopes),
        "subgraphs": len(graph.subgraphs),
        "parameters": len(graph.parameters),
    }
    ties: tuple[Table, ...] = (graph.parameter_uses, graph.origins, graph.problems)
    for table in (graph.nodes, graph.edges, graph.scopes, graph.subgraphs, graph.parameters, *ties):
        yield from _outside(table, rows)
    for table in ties:
        yield from _negative(table, *_reference_columns(table))
    yield from _negative(graph.edges, "source", "target")
    yield from _negative(graph.subgraphs, "owner")
    yield from _not_before_its_row("scopes", graph.scopes.parent)
    if len(graph.attributes) != len(graph.nodes):
        yield "there are not as many attributes as nodes"
    if len(graph.parameter_statistics) not in (0, len(graph.parameters)):
        yield "there are not as many statistics as parameters"
    if not any(_outside(graph.subgraphs, rows)) and _has_circle(graph):
        yield "subgraphs hold each other in a circle"


def _fused_node_problems(profile: Profile) -> Iterator[str]:
    groups = profile.fusion.groups
    for stage, graph in enumerate(profile.graphs):
        nodes = groups.node[groups.stage == stage]
        if len(nodes) and int(nodes.max()) >= len(graph.nodes):
            yield "a fused group names a node that its graph does not have"


def _outside(table: Table, rows: Mapping[str, int]) -> Iterator[str]:
    for spec in fields(table):
        target = spec.metadata["refers"]
        values: Int32 = getattr(table, spec.name)
        if target and len(values) and not -1 <= values.min() <= values.max() < rows[target]:
            yield f"{type(table).__name__}.{spec.name} points outside the {target}"


def _negative(table: Table, *names: str) -> Iterator[str]:
    for name in names:
        values = getattr(table, name)
        if len(values) and values.min() < 0:
            yield f"{type(table).__name__}.{name} lacks a value"


def _reference_columns(table: Table) -> tuple[str, ...]:
    return tuple(
        spec.name for spec in fields(table) if spec.metadata["refers"] not in ("", "strings")
    )


def _not_before_its_row(what: str, parent: Int32) -> Iterator[str]:
    """Parents come first, so that climbing always ends."""
    if (parent >= np.arange(len(parent))).any():
        yield f"{what} do not come after their parents"


def _has_circle(graph: Graph) -> bool:
    """Whether some subgraph holds itself through the nodes that own subgraphs."""
    outer = np.append(graph.nodes.subgraph, -1)[graph.subgraphs.owner]
    reached = np.append(outer, -1)  # row -1 leads to itself
    for _ in range(len(outer).bit_length()):
        reached = reached[reached]  # twice as far out each time
    return bool((reached >= 0).any())
