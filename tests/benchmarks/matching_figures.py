"""How well graphs are matched, judged by what is written down in `tests.models.matching_truth`."""

import re
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operators import measured_rows
from profilers.analysis.pairing.matching import Match, match_graphs
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Graph, NodeKind, Profile, SliceKind
from tests.models.matching_truth import (
    Role,
    keras_layers,
    keras_roles,
    scope_path,
    torch_layers,
    torch_roles,
)

_BUILT_AGAIN = re.compile(r"_\d+$")  # Keras numbers all layers of a model that it builds again
_MOVES = re.compile(
    r"pad|crop|flatten|reshape|dropout|input|identity"
)  # layers that only move data


@dataclass(frozen=True)
class Quality:
    """Shares from 0 to 1; None where there is nothing to judge.

    Attributes
    ----------
    precision, recall : float
        Of pairs of operators that are right; of operators that are a whole operation and have a
        counterpart, on both sides, those that are rightly paired.
    took_ms : float
    rights, confidences : ndarray
        Of each judged pair of operators.
    layer_precision, layer_recall : float or None
        Of pairs of scopes; of the layers that have a scope on both sides.
    time : float or None
        Of the self time in layers that both sides have, that on nodes that are rightly paired or
        whose layer is, in the worse of both profiles.
    """

    precision: float
    recall: float
    took_ms: float
    rights: NDArray[np.bool_]
    confidences: NDArray[np.float32]
    layer_precision: float | None = None
    layer_recall: float | None = None
    time: float | None = None


def judged(architecture: str, a: Profile, b: Profile) -> Quality:
    """Match the authored graphs of two profiles and compare with what is written down."""
    took_ms, match = _matched(a.authored, a, b.authored, b)
    ours, theirs = (_roles(profile, architecture) for profile in (a, b))
    quality = _compared(match, ours, theirs, took_ms)
    layers_a, layers_b = _layers(a, ours, architecture), _layers(b, theirs, architecture)
    layer_precision, layer_recall = _layer_figures(match, layers_a, layers_b)
    pairs = zip(match.layers.a.tolist(), match.layers.b.tolist(), strict=True)
    right = {layers_a[x] for x, y in pairs if x in layers_a and layers_a[x] == layers_b.get(y)}
    is_right = _rights(match, ours, theirs)
    times = [
        _time_share(
            a, _told(ours, theirs), _found(a.authored, match.nodes.a[is_right], layers_a, right)
        ),
        _time_share(
            b, _told(theirs, ours), _found(b.authored, match.nodes.b[is_right], layers_b, right)
        ),
    ]
    known = [share for share in times if share is not None]
    return replace(
        quality,
        layer_precision=layer_precision,
        layer_recall=layer_recall,
        time=min(known, default=None),
    )


def judged_without_names(architecture: str, a: Profile, b: Profile) -> Quality:
    """As `judged`, of operators alone, where the matcher sees no name and no scope."""
    took_ms, match = _matched(nameless(a.authored), a, nameless(b.authored), b)
    ours, theirs = (_roles(profile, architecture) for profile in (a, b))
    return _compared(match, ours, theirs, took_ms)


def judged_by_layer_names(read: Profile, run: Profile) -> Quality:
    """A Keras file's layers, as read, against the graph that ran, whose scopes name the layers.

    The matcher sees neither name nor scope.
    """
    took_ms, match = _matched(nameless(read.authored), read, nameless(run.authored), run)
    ours, theirs = _layer_roles(read, 0), _layer_roles(run, 1)
    return _compared(match, ours, theirs, took_ms)


def judged_by_origins(profile: Profile) -> Quality:
    """Match a model as written with what its compiler made of it; the compiler told the truth."""
    later = profile.graphs[1]
    took_ms, match = _matched(profile.authored, profile, later, profile)
    told = set(zip(later.origins.authored.tolist(), later.origins.node.tolist(), strict=True))
    tied = set(later.origins.node.tolist())
    pairs = list(zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True))
    is_judged = np.array([twin in tied for _, twin in pairs], np.bool_)
    rights = np.array([pair in told for pair in pairs], np.bool_)
    telling = {node for _, node in told if _is_telling(profile, later, node)}
    hits = telling & set(match.nodes.b[rights].tolist())
    return Quality(
        float(rights[is_judged].mean()),
        len(hits) / max(len(telling), 1),
        took_ms,
        rights[is_judged],
        match.nodes.confidence[is_judged],
    )


def nameless(graph: Graph) -> Graph:
    """Without names of nodes and without scopes."""
    none = np.full(len(graph.nodes), -1, np.int32)
    return replace(graph, nodes=graph.nodes.replace(name=none, scope=none))


def _compared(
    match: Match, ours: list[Role | None], theirs: list[Role | None], took_ms: float
) -> Quality:
    rights = _rights(match, ours, theirs)
    pairs = zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True)
    is_judged = np.array(
        [ours[node] is not None or theirs[twin] is not None for node, twin in pairs], np.bool_
    )
    found = [set(match.nodes.a[rights].tolist()), set(match.nodes.b[rights].tolist())]
    wanted = [_with_counterpart(ours, theirs), _with_counterpart(theirs, ours)]
    hits = sum(len(want & have) for want, have in zip(wanted, found, strict=True))
    return Quality(
        float(rights[is_judged].mean()),
        hits / sum(map(len, wanted)),
        took_ms,
        rights[is_judged],
        match.nodes.confidence[is_judged],
    )


def _rights(match: Match, ours: list[Role | None], theirs: list[Role | None]) -> NDArray[np.bool_]:
    pairs = zip(match.nodes.a.tolist(), match.nodes.b.tolist(), strict=True)
    return np.array([_agrees(ours[node], theirs[twin]) for node, twin in pairs], np.bool_)


def _layer_roles(profile: Profile, level: int) -> list[Role | None]:
    """The layer that each node's scope names; what is done on paths without one is not judged."""
    graph, strings = profile.authored, profile.strings
    roles: list[Role | None] = []
    for kind, scope in zip(graph.nodes.kind.tolist(), graph.nodes.scope.tolist(), strict=True):
        path = scope_path(graph, strings, scope)
        if kind != NodeKind.OPERATOR or len(path) <= level:
            roles.append(None)
        else:
            layer = _BUILT_AGAIN.sub("", path[level]) if level else path[level]
            roles.append(
                Role(frozenset({layer}), is_telling=not level and not _MOVES.search(layer))
            )
    return roles


def _matched(a: Graph, profile_a: Profile, b: Graph, profile_b: Profile) -> tuple[float, Match]:
    begin = time.perf_counter()
    match = match_graphs(a, profile_a.strings, b, profile_b.strings)
    return 1000 * (time.perf_counter() - begin), match


def _is_telling(profile: Profile, graph: Graph, node: int) -> bool:
    names = ("conv", "matmul", "gemm", "softmax", "norm", "relu", "gelu", "pool", "gather")
    operator = profile.strings[int(graph.nodes.operator[node])].lower()
    return any(name in operator for name in names)


def _roles(profile: Profile, architecture: str) -> list[Role | None]:
    roles_of = keras_roles if is_keras(profile) else torch_roles
    return roles_of(profile.authored, profile.strings, architecture)


def is_keras(profile: Profile) -> bool:
    return profile.environment.model_name.endswith(".keras")


def _agrees(ours: Role | None, theirs: Role | None) -> bool:
    return ours is not None and theirs is not None and ours.agrees(theirs)


def _with_counterpart(roles: list[Role | None], others: list[Role | None]) -> set[int]:
    known = {role for role in others if role is not None}
    return {
        row
        for row, role in enumerate(roles)
        if role is not None and role.is_telling and any(role.agrees(other) for other in known)
    }


def _layers(profile: Profile, roles: list[Role | None], architecture: str) -> dict[int, str]:
    if is_keras(profile):
        return keras_layers(profile.authored, profile.strings, architecture)
    return torch_layers(profile.authored, profile.strings, roles)


def _layer_figures(
    match: Match, ours: dict[int, str], theirs: dict[int, str]
) -> tuple[float | None, float | None]:
    """Precision and recall of the pairs of scopes."""
    pairs = zip(match.layers.a.tolist(), match.layers.b.tolist(), strict=True)
    told = [(ours[x], theirs[y]) for x, y in pairs if x in ours and y in theirs]
    right = [name for name, other in told if name == other]
    shared = set(ours.values()) & set(theirs.values())
    return (
        len(right) / len(told) if told else None,
        len(set(right) & shared) / len(shared) if shared else None,
    )


def _told(roles: list[Role | None], others: list[Role | None]) -> NDArray[np.bool_]:
    """Nodes of a layer that the other side has, too."""
    layers = {layer for role in others if role is not None for layer in role.layers}
    return np.array([role is not None and bool(role.layers & layers) for role in roles], np.bool_)


def _found(
    graph: Graph, nodes: NDArray[np.int32], layers: dict[int, str], rights: set[str]
) -> NDArray[np.bool_]:
    """Nodes that are rightly paired, or whose innermost layer is."""
    is_right = [False] * (len(graph.scopes) + 1)
    for scope, parent in enumerate(graph.scopes.parent.tolist()):
        is_right[scope] = layers[scope] in rights if scope in layers else is_right[parent]
    found: NDArray[np.bool_] = np.array(is_right)[graph.nodes.scope]
    found[nodes] = True
    return found


def _time_share(
    profile: Profile, told: NDArray[np.bool_], found: NDArray[np.bool_]
) -> float | None:
    """Self time on nodes that were found, of that on those that have a counterpart."""
    slices = profile.trace.slices
    rows = np.concatenate(
        [measured_rows(profile, kind) for kind in (SliceKind.OPERATOR, SliceKind.KERNEL)]
    )
    rows = rows[slices.node[rows] >= 0]
    rows = rows[told[slices.node[rows]]]
    own_ns = self_time_ns(slices)[rows]
    total = int(own_ns.sum())
    return int(own_ns[found[slices.node[rows]]].sum()) / total if total else None
