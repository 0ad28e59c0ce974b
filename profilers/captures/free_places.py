"""What moved operators may be: the places that no other operator has taken."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable


class FreePlaces:
    """Places by operator, of which each is taken once."""

    def __init__(self, places: Iterable[tuple[int, str]], taken: Container[int]) -> None:
        """Of (place, operator) pairs, those that are not taken."""
        self._free: dict[str, list[int]] = defaultdict(list)
        for place, operator in sorted(places):
            if place not in taken:
                self._free[operator].append(place)

    def take(self, operator: str, near: int) -> int:
        """The free place of an operator that lies nearest, the earlier of two; -1 if there is none."""
        free = self._free.get(operator)
        if not free:
            return -1
        at = bisect_left(free, near)
        if at == len(free) or (at > 0 and near - free[at - 1] <= free[at] - near):
            at -= 1
        return free.pop(at)
