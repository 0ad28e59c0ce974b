"""Ties TorchScript's own backward, which differentiates many operators at once, to each of them.

Where a scripted module trains, its profiling executor makes one differentiable graph of all operators
in a row that it has a formula for. It calls their derivatives in the opposite order, and nothing else
tells which belongs to which.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.links import DIFFERENTIABLE_FORWARD
from profilers.captures.pytorch.traced_operators import plain_operator
from profilers.profile import SliceKind, Slices, StringTable
from profilers.profile.table import Int32

SCRIPT_BACKWARD = "DifferentiableGraphBackward"  # ends the name of what autograd evaluates
BACKWARD = "<backward op>"  # around the operators of such a backward
_PRODUCTS = frozenset({"linear", "matmul", "mm", "bmm", "addmm", "baddbmm"})
_TURNS = frozenset({"reshape", "transpose", "permute", "expand", "unsqueeze", "squeeze"})
_SPREAD = frozenset({*_TURNS, "sum", "mean"})  # whose gradient is one for many elements
_OF_BIAS = "sum"  # a gradient is summed up for a factor that was broadcast
_HAVE_OWN = frozenset({"layer_norm", "batch_norm", "dropout", "gelu", "softmax", "log_softmax"})
_NO_WORK = frozenset({"add", "sub", "rsub", *_TURNS})  # whose derivative may be the gradient itself
_WRONG, _UNLIKELY, _LEFT_OUT = 4.0, 1.0, 2.0


@dataclass(frozen=True)
class _Part:
    """A part of an operator's derivative: a product has one for each of its factors."""

    node: int
    operator: str
    is_first: bool = True


def linked_script_backward(slices: Slices, strings: StringTable, nodes: Int32) -> Int32:
    """Nodes of slices, with those of the operators in TorchScript's backward, and of its evaluation.

    Parameters
    ----------
    nodes : int32 array
        Of the forward's operators.
    """
    linked = nodes.copy()
    forward, backward = (
        operators_within(name, slices, strings) for name in (DIFFERENTIABLE_FORWARD, BACKWARD)
    )
    for step in np.unique(slices.step[backward]).tolist():
        rows = backward[slices.step[backward] == step]
        before = forward[slices.step[forward] == step]
        parts = _parts([int(nodes[row]) for row in before], _names(before, slices, strings))
        if parts:
            places = _placed(_names(rows, slices, strings), parts)
            linked[rows] = [parts[place].node for place in places]
            _give_ranges(rows, slices, linked)
    return linked


def has_own_derivative(operator: str) -> bool:
    """Whether an operator's derivative is operators of its own, which no kernel takes in."""
    return plain_operator(operator) in _PRODUCTS | _HAVE_OWN


def operators_within(name: str, slices: Slices, strings: StringTable) -> Int32:
    """Operators that no other encloses, within ranges of that name, in order of time."""
    is_operator = slices.kind == SliceKind.OPERATOR
    inside = inherited(slices, np.where(slices.name == strings.find(name), 1, -1).astype(np.int32))
    enclosed = np.append(is_operator & (inside > 0), False)[slices.parent]
    within = np.zeros(len(slices), np.bool_)
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        within[rows] = within[slices.parent[rows]] | enclosed[rows]
    found = np.flatnonzero(is_operator & (inside > 0) & ~within)
    return found[np.argsort(slices.start_ns[found], kind="stable")].astype(np.int32)


def _names(rows: Int32, slices: Slices, strings: StringTable) -> list[str]:
    return [plain_operator(strings[name]) for name in slices.name[rows].tolist()]


def _parts(nodes: Sequence[int], operators: Sequence[str]) -> list[_Part]:
    """What the backward may be made of, in its order."""
    parts = []
    for node, operator in zip(reversed(nodes), reversed(operators), strict=True):
        if node >= 0:
            parts.append(_Part(node, operator))
            if operator in _PRODUCTS:
                parts.append(_Part(node, operator, is_first=False))
    return parts


def _placed(names: Sequence[str], parts: Sequence[_Part]) -> list[int]:
    """The part of each operator: never before that of the operator before, at the least cost."""
    skips = np.array([0.0 if part.operator in _NO_WORK else _LEFT_OUT for part in parts])
    passed = np.concatenate([[0.0], np.cumsum(skips)])  # to leave out all parts before one
    costs = {name: np.array([_cost(name, part) for part in parts]) for name in set(names)}
    total = passed[:-1] + costs[names[0]]
    came_from = []
    for name in names[1:]:
        left = total - passed[1:]  # to go on from a part to a later one, what lies between left out
        best = np.minimum.accumulate(left)
        at = np.maximum.accumulate(np.where(left <= best, np.arange(len(parts)), 0))
        later = np.append(np.inf, best[:-1]) + passed[:-1]
        is_later = later < total
        came_from.append(np.where(is_later, np.append(0, at[:-1]), np.arange(len(parts))))
        total = np.minimum(later, total) + costs[name]
    places = [int(np.argmin(total + passed[-1] - passed[1:]))]
    for origin in reversed(came_from):
        places.append(int(origin[places[-1]]))
    return places[::-1]


def _cost(name: str, part: _Part) -> float:
    """How unlikely an operator of the backward derives from that part."""
    is_product = part.operator in _PRODUCTS
    if "_backward" in name:
        return 0.0 if part.operator.removeprefix("native_") in name else _WRONG
    if name in _PRODUCTS:
        return 0.0 if is_product else _WRONG
    if name == _OF_BIAS:
        return 0.0 if is_product and part.is_first else _UNLIKELY
    if name in _TURNS:
        return 0.0 if is_product or part.operator in _SPREAD else _UNLIKELY
    return _UNLIKELY if is_product or part.operator in _HAVE_OWN else 0.0


def _give_ranges(rows: Int32, slices: Slices, linked: Int32) -> None:
    """The evaluation around the operators belongs to the last of them."""
    for row in rows.tolist():
        parent = int(slices.parent[row])
        while parent >= 0 and slices.kind[parent] in (SliceKind.OPERATOR, SliceKind.SCOPE):
            linked[parent] = linked[row]
            parent = int(slices.parent[parent])
