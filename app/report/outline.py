"""The layers of a model with the time of each, as indented rows."""

import numpy as np

from app.report.content import Row
from profilers.analysis.nodes.figures import node_figures
from profilers.profile import Profile
from profilers.units import format_duration, format_percent

_DEEPEST = 4
_MOST_ROWS = 80


def outline_rows(profile: Profile) -> tuple[tuple[Row, ...], int]:
    """Scopes in the graph's order, those of most time if there are many; how many are left out."""
    graph, strings = profile.authored, profile.strings
    if not len(graph.scopes):
        return (), 0
    node_ns = node_figures(profile).time_ns.clip(min=0)
    whole_ns = float(node_ns.sum())
    if not whole_ns:
        return (), 0
    is_inside = graph.nodes.scope >= 0
    time_ns = np.bincount(
        graph.nodes.scope[is_inside], node_ns[is_inside], minlength=len(graph.scopes)
    )
    count = np.bincount(graph.nodes.scope[is_inside], minlength=len(graph.scopes))
    parent = graph.scopes.parent
    level = np.zeros(len(parent), np.int64)
    for scope in range(len(parent)):
        if parent[scope] >= 0:
            level[scope] = level[parent[scope]] + 1
    for scope in range(len(parent) - 1, -1, -1):
        if parent[scope] >= 0:
            time_ns[parent[scope]] += time_ns[scope]
            count[parent[scope]] += count[scope]
    shown = np.flatnonzero((level < _DEEPEST) & (time_ns > 0))
    chosen = set(shown[np.argsort(-time_ns[shown], kind="stable")][:_MOST_ROWS].tolist())
    rows = []
    for scope in _depth_first(parent.tolist()):
        if scope in chosen:
            share = float(time_ns[scope] / whole_ns)
            rows.append(
                Row(
                    (
                        strings[int(graph.scopes.name[scope])],
                        format_percent(share),
                        format_duration(float(time_ns[scope])),
                        strings[int(graph.scopes.kind[scope])],
                        f"{int(count[scope]):,}",
                    ),
                    share,
                    int(level[scope]),
                )
            )
    return tuple(rows), len(parent) - len(chosen)


def _depth_first(parent: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for scope, outer in enumerate(parent):
        children.setdefault(outer, []).append(scope)
    found, waiting = [], children.get(-1, [])[::-1]
    while waiting:
        scope = waiting.pop()
        found.append(scope)
        waiting += children.get(scope, [])[::-1]
    return found
