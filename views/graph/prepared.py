"""What the graph view needs of a profile, computed once and in any thread."""

from profilers import compiled
from profilers.analysis.once import once
from profilers.profile import Profile
from views.graph.figures import NodeFigures, node_figures
from views.graph.hierarchy import Hierarchy


@once
def hierarchy_of(profile: Profile, stage: int) -> Hierarchy:
    return Hierarchy(profile.graphs[stage])


@once
def figures_of(profile: Profile) -> NodeFigures:
    return node_figures(profile)


def prepare(profile: Profile) -> None:
    """What the first stage asks for when it is shown."""
    compiled.load()
    figures_of(profile)
    hierarchy_of(profile, 0)
