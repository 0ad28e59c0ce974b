"""Where authored nodes stand in the hierarchy of their model."""

from collections.abc import Sequence

from profilers.profile import Graph

Trail = list[tuple[str, str]]  # (name, class) of scopes, from the outside in


def common_trail(authored: Graph, strings: Sequence[str], nodes: Sequence[int]) -> Trail:
    """The scopes that hold all of the nodes."""
    trails = [_trail(authored, strings, int(authored.nodes.scope[node])) for node in nodes]
    common = trails[0] if trails else []
    for trail in trails[1:]:
        same = [ours == theirs for ours, theirs in zip(common, trail, strict=False)]
        common = common[: same.index(False) if False in same else len(same)]
    return common


def _trail(graph: Graph, strings: Sequence[str], scope: int) -> Trail:
    trail: Trail = []
    while scope >= 0:
        kind = int(graph.scopes.kind[scope])
        trail.insert(
            0, (strings[int(graph.scopes.name[scope])], strings[kind] if kind >= 0 else "")
        )
        scope = int(graph.scopes.parent[scope])
    return trail
