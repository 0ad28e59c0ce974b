"""Which scope of one graph is which scope of another: layers as a whole, whatever is inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operator_kinds import operator_kind
from profilers.profile import Graph, StringTable, Table, column
from profilers.profile.table import Float64, Int32, Int64

_LEAST = 0.5  # share of the operations of both scopes that must correspond
_DEEPEST = 24  # levels of scopes above an operation that are looked at
_SAME_KIND, _DEPTH = 1e-3, 1e-6  # settle between nested scopes that hold the same


@dataclass(frozen=True, eq=False)
class LayerPairs(Table):
    """Scopes of graph a and graph b that do the same; a scope has at most one twin."""

    a: Int32 = column("i4")
    b: Int32 = column("i4")
    confidence: NDArray[np.float32] = column("f4")  # 0 to 1


@dataclass(frozen=True)
class Vote:
    """An operation in scope `a` is one in scope `b`.

    `worth_a` and `worth_b` say how much of either it is: a third of a joint projection's worth.
    """

    a: int
    b: int
    worth_a: float
    worth_b: float
    confidence: float


def pair_layers(
    a: Graph,
    strings_a: StringTable,
    held_a: Sequence[tuple[int, float]],
    b: Graph,
    strings_b: StringTable,
    held_b: Sequence[tuple[int, float]],
    votes: Sequence[Vote],
) -> LayerPairs:
    """Scopes that share most of their operations.

    `held_a` and `held_b` tell the scope and worth of every operation, paired or not. Among nested
    scopes that hold the same, those of one kind are paired first, then the outer ones.
    """
    votes = [vote for vote in votes if vote.a >= 0 and vote.b >= 0]
    if not votes:
        return LayerPairs.empty()
    above_a, above_b = _ancestors(a), _ancestors(b)
    rows_a, rows_b, shared, confidence = _shared(above_a, above_b, held_a, held_b, votes)
    is_same_kind = np.array(_kinds(a, strings_a))[rows_a] == np.array(_kinds(b, strings_b))[rows_b]
    depth = (above_a[rows_a] >= 0).sum(1) + (above_b[rows_b] >= 0).sum(1)
    worth = shared + _SAME_KIND * is_same_kind - _DEPTH * depth
    taken_a, taken_b = np.zeros(len(above_a), bool), np.zeros(len(above_b), bool)
    found = []
    for at in np.argsort(-worth, kind="stable").tolist():
        row_a, row_b = int(rows_a[at]), int(rows_b[at])
        if shared[at] >= _LEAST and not taken_a[row_a] and not taken_b[row_b]:
            taken_a[row_a] = taken_b[row_b] = True
            found.append((row_a, row_b, float(shared[at] * confidence[at])))
    return LayerPairs.from_rows(sorted(found))


def _ancestors(graph: Graph) -> Int64:
    """Each scope with those around it, from the inside out, -1 beyond the outermost."""
    parents = np.append(graph.scopes.parent, -1).astype(np.int64)
    levels = [np.arange(len(graph.scopes))]
    while len(levels) < _DEEPEST and (levels[-1] >= 0).any():
        levels.append(parents[levels[-1]])
    return np.stack(levels, axis=1)


def _shared(
    above_a: Int64,
    above_b: Int64,
    held_a: Sequence[tuple[int, float]],
    held_b: Sequence[tuple[int, float]],
    votes: Sequence[Vote],
) -> tuple[Int64, Int64, Float64, Float64]:
    """Of each pair of scopes with a vote: rows, the smaller share that corresponds, confidence."""
    ours = above_a[[vote.a for vote in votes]]
    theirs = above_b[[vote.b for vote in votes]]
    figures = np.array([(vote.worth_a, vote.worth_b, vote.confidence) for vote in votes])
    keys, which = [], []
    for level_a in range(ours.shape[1]):
        for level_b in range(theirs.shape[1]):
            rows = np.flatnonzero((ours[:, level_a] >= 0) & (theirs[:, level_b] >= 0))
            keys.append(ours[rows, level_a] * len(above_b) + theirs[rows, level_b])
            which.append(rows)
    pairs, number = np.unique(np.concatenate(keys), return_inverse=True)
    rows = np.concatenate(which)
    sums = [np.bincount(number, figures[rows, part]) for part in range(3)]
    rows_a, rows_b = pairs // len(above_b), pairs % len(above_b)
    share_a = sums[0] / _held(above_a, held_a)[rows_a]
    share_b = sums[1] / _held(above_b, held_b)[rows_b]
    return rows_a, rows_b, np.minimum(share_a, share_b), sums[2] / np.bincount(number)


def _held(above: Int64, held: Sequence[tuple[int, float]]) -> Float64:
    """The worth of the operations in each scope or within it."""
    inside = [(scope, worth) for scope, worth in held if scope >= 0]
    rows = above[[scope for scope, _ in inside]]
    worths = np.broadcast_to(np.array([[worth] for _, worth in inside], np.float64), rows.shape)
    is_real = rows >= 0
    return np.bincount(rows[is_real], worths[is_real], minlength=len(above)).astype(np.float64)


def _kinds(graph: Graph, strings: StringTable) -> list[str]:
    """What the class of each scope does, "" where it has none."""
    return [operator_kind(strings[row]) if row >= 0 else "" for row in graph.scopes.kind.tolist()]
