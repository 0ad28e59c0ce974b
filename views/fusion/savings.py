"""Which other column tells what fusing saved, and the figures against it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from profilers.analysis.fusion_savings import FusionSavings, fusion_savings
from profilers.profile import NodeKind, Profile
from views.background import Latest
from views.context import ViewContext
from views.counterpart import Comparison

_EAGER = "torch-eager"
_BACKGROUND_FROM = 300_000  # slices


@dataclass(frozen=True, eq=False)
class Against:
    """Figures against one other column."""

    title: str
    mode: str
    savings: FusionSavings


class SavingsFinder(QObject):
    """Prefers a column that ran operator by operator; the person may choose another one."""

    changed = Signal()

    def __init__(self, context: ViewContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._chosen = ""
        self.against: Against | None = None
        self._latest = Latest(self)
        self._latest.arrived.connect(self._take)
        context.counterpart.changed.connect(self.find)

    @property
    def is_settled(self) -> bool:
        return not self._latest.is_waiting

    @property
    def candidates(self) -> list[Comparison]:
        """Columns of the same model that ran, the likeliest first."""
        ran = [
            each
            for each in self._context.counterpart.comparisons
            if len(each.profile.trace.slices) and _is_same_model(self._context.profile, each)
        ]
        return sorted(ran, key=_rank)

    def choose(self, title: str) -> None:
        self._chosen = title
        self.find()

    def find(self) -> None:
        candidates = self.candidates
        wanted = [each for each in candidates if each.title == self._chosen]
        if not len(self._context.profile.fusion.groups) or not candidates:
            self._take(None)
            return
        work = _work(self._context.profile, (wanted or candidates)[0])
        slices = len(self._context.profile.trace.slices) + len(candidates[0].profile.trace.slices)
        if slices < _BACKGROUND_FROM:
            self._take(work())
        else:
            self._latest.ask(work)

    def _take(self, found: object) -> None:
        self.against = found if isinstance(found, Against) else None
        self.changed.emit()


def _work(profile: Profile, other: Comparison) -> Callable[[], Against]:
    return lambda: Against(
        other.title,
        other.profile.environment.mode,
        fusion_savings(profile, other.profile, other.pairs),
    )


def _is_same_model(profile: Profile, other: Comparison) -> bool:
    """Whether most operators of either graph are matched."""
    sides = ((profile, other.pairs.a), (other.profile, other.pairs.b))
    return all(
        2 * len(np.unique(nodes)) >= np.count_nonzero(side.authored.nodes.kind == NodeKind.OPERATOR)
        for side, nodes in sides
    ) and bool(len(other.pairs))


def _rank(comparison: Comparison) -> tuple[bool, bool]:
    profile = comparison.profile
    return len(profile.fusion.groups) > 0, profile.environment.mode != _EAGER
