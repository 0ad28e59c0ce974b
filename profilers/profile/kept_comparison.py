"""How the profiles of one file were compared, so that who opens it sees the same."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

_MOST_ROUNDS = 100_000
_MOST_TURNS = 1000


@dataclass(frozen=True)
class Turns:
    """Step durations in ns of two profiles whose models took turns, round by round; equally many.

    `waited` are the shares of their time that both waited for a processor.
    """

    a: int
    b: int
    a_ns: tuple[float, ...]
    b_ns: tuple[float, ...]
    waited: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class KeptComparison:
    """Which profiles are compared, by their places, and how.

    `a` is what `b` is held against; `per_sample` divides step times by the batch size.
    """

    a: int = 0
    b: int = 1
    per_sample: bool = False
    turns: tuple[Turns, ...] = ()

    def turns_of(self, a: int, b: int) -> Turns | None:
        """The latest in which these two took turns, with `a` as the first of them."""
        for each in reversed(self.turns):
            if (each.a, each.b) == (a, b):
                return each
            if (each.a, each.b) == (b, a):
                return Turns(a, b, each.b_ns, each.a_ns, each.waited[::-1])
        return None

    def moved(self, places: Mapping[int, int]) -> "KeptComparison | None":
        """With other places, by those here; None if one of the two compared has none."""
        if self.a not in places or self.b not in places:
            return None
        turns = tuple(
            replace(each, a=places[each.a], b=places[each.b])
            for each in self.turns
            if each.a in places and each.b in places
        )
        return KeptComparison(places[self.a], places[self.b], self.per_sample, turns)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any, profiles: int) -> "KeptComparison | None":
        """What a file says of as many profiles; None where it says nothing that makes sense."""
        try:
            turns = tuple(
                Turns(
                    int(each["a"]),
                    int(each["b"]),
                    _times(each["a_ns"]),
                    _times(each["b_ns"]),
                    _shares(each.get("waited", (0.0, 0.0))),
                )
                for each in data.get("turns", ())[:_MOST_TURNS]
            )
            found = cls(int(data["a"]), int(data["b"]), bool(data.get("per_sample")), turns)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None
        named = [(found.a, found.b), *((each.a, each.b) for each in turns)]
        is_sound = all(a != b and 0 <= a < profiles and 0 <= b < profiles for a, b in named)
        is_even = all(0 < len(each.a_ns) == len(each.b_ns) for each in turns)
        return found if is_sound and is_even else None


def _shares(values: Any) -> tuple[float, float]:
    ours, theirs = (float(each) for each in values)
    if not (0 <= ours <= 1 and 0 <= theirs <= 1):
        raise ValueError("a share that is none")
    return ours, theirs


def _times(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) > _MOST_ROUNDS:
        raise ValueError("no list of durations")
    times = tuple(float(each) for each in values)
    if not all(math.isfinite(each) and each > 0 for each in times):
        raise ValueError("a duration that is none")
    return times
