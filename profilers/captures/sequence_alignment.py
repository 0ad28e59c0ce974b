"""Finds which node of a program each executed operator was, by their order."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

END = -1
_ELSEWHERE = 2  # the same operator in another module
_SKIP_PLACE = 4
_SKIP_OPERATOR = 5  # optimisers drop or merge operators of the program more often than add any
_MOST_STATES = 400_000


@dataclass(frozen=True)
class Place:
    """One node of a program.

    Parameters
    ----------
    operator, scope : str
        What must be executed, and the path of the module that does it ("" if not known).
    followers : tuple of int
        Places that may come next: several after a branch or a loop; `END` after the last.
    is_silent : bool
        It may leave no trace, such as a constant or the branch itself.
    """

    operator: str
    scope: str
    followers: tuple[int, ...]
    is_silent: bool = False


def align(executed: Sequence[tuple[str, str]], program: Sequence[Place], first: int) -> list[int]:
    """The place of each executed (operator, scope) pair, -1 for those that have none.

    The cheapest way through the program: a place without an operator costs somewhat less than an
    operator without a place, an operator in another scope costs half of it. Found by Dijkstra's algorithm over
    (operators consumed, place), which stays on the diagonal while all goes well.
    """
    total = len(executed)
    best: dict[tuple[int, int], int] = {(0, first): 0}
    came_from: dict[tuple[int, int], tuple[tuple[int, int], int]] = {}
    done: set[tuple[int, int]] = set()
    heap = [(0, 0, first)]
    furthest = (0, first)
    while heap and len(done) < _MOST_STATES:
        cost, negative, place = heapq.heappop(heap)
        state = (-negative, place)
        if state in done:
            continue
        done.add(state)
        furthest = max(furthest, state, key=lambda each: each[0])
        if state == (total, END):
            furthest = state
            break
        for step_cost, following, matched in _steps(state, executed, program):
            if cost + step_cost < best.get(following, cost + step_cost + 1):
                best[following] = cost + step_cost
                came_from[following] = (state, matched)
                heapq.heappush(heap, (cost + step_cost, -following[0], following[1]))
    return _walk_back(furthest, came_from, total)


def _steps(
    state: tuple[int, int], executed: Sequence[tuple[str, str]], program: Sequence[Place]
) -> list[tuple[int, tuple[int, int], int]]:
    """(cost, next state, place that was matched or -1) from one state."""
    consumed, at = state
    steps = []
    if consumed < len(executed):
        steps.append((_SKIP_OPERATOR, (consumed + 1, at), -1))
    if at == END:
        return steps
    place = program[at]
    skip = 0 if place.is_silent else _SKIP_PLACE
    steps += [(skip, (consumed, follower), -1) for follower in place.followers]
    if consumed < len(executed) and executed[consumed][0] == place.operator:
        scope = executed[consumed][1]
        cost = 0 if scope == place.scope or not scope or not place.scope else _ELSEWHERE
        steps += [(cost, (consumed + 1, follower), at) for follower in place.followers]
    return steps


def _walk_back(
    state: tuple[int, int],
    came_from: dict[tuple[int, int], tuple[tuple[int, int], int]],
    total: int,
) -> list[int]:
    places = [-1] * total
    while state in came_from:
        before, matched = came_from[state]
        if matched >= 0:
            places[before[0]] = matched
        state = before
    return places
