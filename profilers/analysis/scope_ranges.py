"""Ranges in a trace that name a scope of the graph, such as a module's call."""

import numpy as np

from profilers.analysis.once import once
from profilers.analysis.pairing.item_sides import scope_paths
from profilers.profile import Profile, SliceKind
from profilers.profile.table import Int32


@once
def scope_of_range(profile: Profile) -> Int32:
    """The authored graph's scope that each slice is a range of, by its path; -1 for none."""
    slices, graph = profile.trace.slices, profile.authored
    found = np.full(len(slices), -1, np.int32)
    rows = np.flatnonzero(slices.kind == SliceKind.SCOPE)
    scope_of = {path: row for row, path in enumerate(scope_paths(graph, profile.strings)) if path}
    scope_of_name = {
        name: scope_of.get(profile.strings[name], -1)
        for name in np.unique(slices.name[rows]).tolist()
    }
    found[rows] = [scope_of_name[name] for name in slices.name[rows].tolist()]
    found.flags.writeable = False
    return found
