"""All that has a name in a profile, to be found by words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profilers.analysis.nodes.search import scope_paths
from profilers.analysis.once import once
from profilers.analysis.text_index import TextIndex
from profilers.profile import Profile


@dataclass(frozen=True)
class NamedThing:
    """A row of a table; `kind` is "node", "kernel", "weight" or "slice", here the first of its name."""

    kind: str
    row: int
    name: str


@dataclass(frozen=True, eq=False)
class NamedThings:
    """What there is, and an index over the names."""

    things: Sequence[NamedThing]
    index: TextIndex

    def holding(self, words: Sequence[str], most: int) -> list[NamedThing]:
        """The first of those whose names hold all words, which are in lower case."""
        found = np.ones(len(self.things), np.bool_)
        for word in words:
            found &= self.index.holding(word)
        return [self.things[at] for at in np.flatnonzero(found)[:most].tolist()]


@once
def named_things(profile: Profile) -> NamedThings:
    """Nodes and weights of the authored graph, fused kernels, and slices by name."""
    graph, strings, slices = profile.authored, profile.strings, profile.trace.slices
    paths = [*scope_paths(graph, strings), ""]
    nodes = [
        (f"{paths[scope]}/{strings[name]}" if paths[scope] else strings[name], strings[operator])
        for name, operator, scope in zip(
            graph.nodes.name.tolist(),
            graph.nodes.operator.tolist(),
            graph.nodes.scope.tolist(),
            strict=True,
        )
    ]
    groups, weights = profile.fusion.groups.name.tolist(), graph.parameters.name.tolist()
    names, rows = np.unique(slices.name, return_index=True)
    things = [
        *(NamedThing("node", at, f"{name}  ·  {kind}") for at, (name, kind) in enumerate(nodes)),
        *(NamedThing("kernel", at, strings[name]) for at, name in enumerate(groups)),
        *(NamedThing("weight", at, strings[name]) for at, name in enumerate(weights)),
        *(
            NamedThing("slice", row, strings[name])
            for name, row in zip(names.tolist(), rows.tolist(), strict=True)
        ),
    ]
    return NamedThings(things, TextIndex([each.name for each in things]))
