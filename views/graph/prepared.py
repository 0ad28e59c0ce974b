"""What the graph view needs of a profile, computed once and in any thread."""

from profilers import compiled
from profilers.analysis.graph_walk import GraphWalk
from profilers.analysis.nodes.search import NodeSearch
from profilers.analysis.once import once
from profilers.analysis.stage_figures import stage_figures
from profilers.profile import Profile
from views.graph.structure.hierarchy import Hierarchy

_LARGE = 600  # nodes; up to as many are drawn in 8 ms without the compiled loops, too


@once
def hierarchy_of(profile: Profile, stage: int) -> Hierarchy:
    return Hierarchy(profile.graphs[stage])


@once
def flat_hierarchy_of(profile: Profile, stage: int) -> Hierarchy:
    return Hierarchy.flat(profile.graphs[stage])


@once
def search_of(profile: Profile, stage: int) -> NodeSearch:
    return NodeSearch(profile, stage)


@once
def walk_of(profile: Profile, stage: int) -> GraphWalk:
    return GraphWalk(profile.graphs[stage])


def prepare(profile: Profile) -> None:
    """What the first stage asks for when it is shown."""
    if len(profile.authored.nodes) > _LARGE:
        compiled.load()
    stage_figures(profile, 0)
    _ = hierarchy_of(profile, 0).node_counts
