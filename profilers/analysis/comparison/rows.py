"""The rows of an explanation: what both sides spent on one part of the model."""

from dataclasses import dataclass
from enum import IntEnum


class RowKind(IntEnum):
    MATCHED = 0
    ONLY_A = 1
    ONLY_B = 2
    UNLINKED = 3  # ran, but nothing ties it to the graph
    BETWEEN = 4  # nothing that was recorded ran, for longer than it takes to get the next going
    AROUND = 5  # nothing that was recorded ran before the first operator and after the last
    CALL = 6  # the same where a step is one call of the model on both sides: the root's own time


OUTSIDE = (RowKind.BETWEEN, RowKind.AROUND)
TOLD_APART = (*OUTSIDE, RowKind.CALL)  # rows of no operators
OF_BOTH = (RowKind.MATCHED, RowKind.CALL)


@dataclass(frozen=True)
class ExplainedRow:
    """What one or both sides spent on the same part of the model; times in ns per step.

    Attributes
    ----------
    titles, operators : tuple of str
        Of side a and side b, "" for a side that has none.
    nodes : tuple of tuple of int
        Of the authored graphs.
    slices : tuple of int
        The slice of each side that had most of the time, -1 for none.
    fused : tuple of bool
        Whether several of the nodes ran as one kernel on either side.
    """

    kind: RowKind
    titles: tuple[str, str]
    operators: tuple[str, str]
    a_ns: float
    b_ns: float
    nodes: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    slices: tuple[int, int] = (-1, -1)
    fused: tuple[bool, bool] = (False, False)

    @property
    def title(self) -> str:
        return self.titles[0] or self.titles[1]

    @property
    def difference_ns(self) -> float:
        return self.b_ns - self.a_ns

    @property
    def is_any(self) -> bool:
        return bool(self.a_ns or self.b_ns)


def untitled(kind: RowKind, a_ns: float, b_ns: float) -> ExplainedRow:
    """What is known by its kind alone."""
    return ExplainedRow(kind, ("", ""), ("", ""), a_ns, b_ns)
