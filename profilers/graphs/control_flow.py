"""Which calls may follow which in code with branches and loops, found by walking over it in order."""

from collections.abc import Hashable
from dataclasses import dataclass, field

END = -1
_BEGIN = -2


@dataclass
class ControlFlow:
    """Calls by number, in the order in which the walk comes to them first.

    `open` are those that the next call may follow; a walk sets it back for another branch, and joins
    what branches leave. Loops are walked twice, so that their first calls follow their last.
    """

    open: frozenset[int] = frozenset({_BEGIN})
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _followers: dict[int, dict[int, None]] = field(default_factory=dict)

    def reach(self, place: Hashable) -> bool:
        """Go on to the call at this place; whether it is a new one."""
        is_new = place not in self._numbers
        number = self._numbers.setdefault(place, len(self._numbers))
        self._join(number)
        self.open = frozenset({number})
        return is_new

    def end(self) -> None:
        self._join(END)

    def firsts(self) -> tuple[int, ...]:
        return tuple(self._followers.get(_BEGIN, (END,)))

    def followers(self) -> tuple[tuple[int, ...], ...]:
        """By call; `END` is among those of a call that may be the last."""
        return tuple(tuple(self._followers.get(each, ())) for each in self._numbers.values())

    def _join(self, number: int) -> None:
        for each in self.open:
            self._followers.setdefault(each, {})[number] = None
