"""Ties the statistics of weights that a capture folder holds to the parameters of its graphs."""

from dataclasses import replace
from pathlib import Path

from profilers.parameter_statistics import read_statistics
from profilers.profile import Graph, JsonText, Profile


def with_statistics(profile: Profile, folder: Path) -> Profile:
    """The profile with the statistics of its parameters, by name."""
    found = read_statistics(folder)
    if not found:
        return profile

    def told(graph: Graph) -> Graph:
        names = [profile.strings[row] for row in graph.parameters.name.tolist()]
        if not any(name in found for name in names):
            return graph
        rows = JsonText.from_objects(dict(found.get(name, {})) for name in names)
        return replace(graph, parameter_statistics=rows)

    return replace(profile, graphs=tuple(told(graph) for graph in profile.graphs))
