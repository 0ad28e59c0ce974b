"""What other columns say of this column's graph, and how graph canvases follow each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, Signal

from profilers.analysis.pairing.differences import DifferenceKind, Differences
from profilers.analysis.pairing.matching import NodePairs
from profilers.profile import Profile
from profilers.profile.table import Int8

_RANK = np.array([0, 1, 3, 5, 2, 4, 6, 7])  # of difference kinds: which one marks a node


@dataclass(frozen=True, eq=False)
class Comparison:
    """How this column's authored graph, a, differs from another column's, b.

    Attributes
    ----------
    title : str
        Of the other column.
    differences : Differences
    names, sentences : sequence of str
        Of each row: what the node is called, and what differs.
    pick : callable
        Picks the nodes of a row in both columns.
    node_count : int
        Of this column's graph.
    profile : Profile
        The other column's.
    pairs : NodePairs
        Matched nodes of both graphs.
    """

    title: str
    differences: Differences
    names: Sequence[str]
    sentences: Sequence[str]
    pick: Callable[[int], None]
    node_count: int
    profile: Profile
    pairs: NodePairs

    @cached_property
    def kind_of_node(self) -> Int8:
        """For each node the `DifferenceKind` that tells most of it, -1 for none."""
        kinds = np.full(self.node_count, -1, np.int8)
        rows = np.flatnonzero(self.differences.a >= 0)
        rows = rows[np.argsort(-_RANK[self.differences.kind[rows]], kind="stable")]
        kinds[self.differences.a[rows]] = self.differences.kind[rows]
        return kinds

    def sentences_of(self, node: int) -> list[str]:
        return [self.sentences[row] for row in np.flatnonzero(self.differences.a == node).tolist()]

    def counts(self) -> dict[DifferenceKind, int]:
        """How many differences there are of each kind that occurs."""
        kinds, counts = np.unique(self.differences.kind, return_counts=True)
        return {
            DifferenceKind(kind): count
            for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True)
        }


@dataclass(frozen=True)
class Folding:
    """Scopes of the authored graph that are to be open, with those around them, and closed."""

    opened: frozenset[int]
    closed: frozenset[int]


@dataclass(frozen=True)
class Spot:
    """What lies in the middle of a canvas: a node of the authored graph, else a folded scope."""

    node: int = -1
    scope: int = -1


class Counterpart(QObject):
    """One per column and profile.

    A canvas tells what the person did (`tell_opened`, `tell_centred`) and obeys `folding_asked`
    and `centre_asked`, without telling again. Rows are those of the authored graph.
    """

    changed = Signal()  # the marks
    folding_asked = Signal(object)  # Folding
    centre_asked = Signal(object)  # Spot
    opened_told = Signal(object)  # frozenset of scopes
    centred_told = Signal(object)  # Spot

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._comparisons: tuple[Comparison, ...] = ()
        self._shown = 0

    @property
    def comparisons(self) -> Sequence[Comparison]:
        """With each other column whose graph is matched, in the order of columns."""
        return self._comparisons

    @property
    def shown(self) -> Comparison | None:
        """The one whose marks are drawn."""
        return self._comparisons[self._shown] if self._comparisons else None

    def set_comparisons(self, comparisons: Sequence[Comparison]) -> None:
        title = self.shown.title if self.shown else ""
        titles = [comparison.title for comparison in comparisons]
        self._comparisons = tuple(comparisons)
        self._shown = titles.index(title) if title in titles else 0
        self.changed.emit()

    def show_comparison(self, number: int) -> None:
        """Draw the marks of another comparison."""
        if number != self._shown and 0 <= number < len(self._comparisons):
            self._shown = number
            self.changed.emit()

    def tell_opened(self, scopes: frozenset[int]) -> None:
        """The person folded or unfolded; `scopes` are all that are open now."""
        self.opened_told.emit(scopes)

    def tell_centred(self, spot: Spot) -> None:
        """The person brought something into the middle."""
        self.centred_told.emit(spot)
