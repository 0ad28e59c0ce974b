"""Finds which node of a program each executed operator was, by their order."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from profilers.captures.alignment_table import MOST_CELLS, Chain, cheapest

END = -1
_ELSEWHERE = 2  # the same operator in another module
_SKIP_PLACE = 4
_SKIP_OPERATOR = 5  # optimisers drop or merge operators of the program more often than add any
_STATES_PER_STEP = 5  # a trained scan of 1,240 operators took 400,000 (5 s) and found no way
_FEWEST_STATES = 10_000


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
    operator without a place, an operator in another scope costs half of it. Found by Dijkstra's
    algorithm over (operators consumed, place), which stays on the diagonal while all goes well; where
    it does not, by a whole table.
    """
    size = len(executed) + len(program)
    is_small = (len(executed) + 1) * (len(program) + 1) <= MOST_CELLS
    most = max(_STATES_PER_STEP * size, _FEWEST_STATES)
    places, is_whole = _searched(executed, program, first, most)
    if is_whole or not is_small or not program:
        return places
    return cheapest(executed, _chain(program), first, _SKIP_OPERATOR, _ELSEWHERE)


def _searched(
    executed: Sequence[tuple[str, str]], program: Sequence[Place], first: int, most: int
) -> tuple[list[int], bool]:
    """The places found within so many states, and whether the way reached the end."""
    total = len(executed)
    best: dict[tuple[int, int], int] = {(0, first): 0}
    came_from: dict[tuple[int, int], tuple[tuple[int, int], int]] = {}
    done: set[tuple[int, int]] = set()
    heap = [(0, 0, first)]
    furthest = (0, first)
    while heap and len(done) < most:
        cost, negative, place = heapq.heappop(heap)
        state = (-negative, place)
        if state in done:
            continue
        done.add(state)
        furthest = max(furthest, state, key=lambda each: each[0])
        if state == (total, END):
            return _walk_back(state, came_from, total), True
        for step_cost, following, matched in _steps(state, executed, program):
            if cost + step_cost < best.get(following, cost + step_cost + 1):
                best[following] = cost + step_cost
                came_from[following] = (state, matched)
                heapq.heappush(heap, (cost + step_cost, -following[0], following[1]))
    return _walk_back(furthest, came_from, total), not heap


def _chain(program: Sequence[Place]) -> Chain:
    end = len(program)
    return Chain(
        [place.operator for place in program],
        [place.scope for place in program],
        [0 if place.is_silent else _SKIP_PLACE for place in program],
        [
            tuple(end if follower == END else follower for follower in place.followers)
            for place in program
        ],
    )


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
