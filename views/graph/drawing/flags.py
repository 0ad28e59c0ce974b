"""Signs in the corners of nodes: problems, notes, and what another column's graph has otherwise."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from profilers.analysis.pairing.differences import DifferenceKind
from views.context import ViewContext
from views.graph.model import StageModel

_DIFFERENT = "≠"
_SIGNS = {
    DifferenceKind.ONLY_HERE: "+",
    DifferenceKind.FUSED_HERE: "∪",
    DifferenceKind.FUSED_THERE: "∪",
}


@dataclass(frozen=True)
class Flag:
    """A sign with its colour and what it says."""

    sign: str
    colour: QColor
    sentence: str


class Flags:
    """One sign per node of a stage: a problem, else a note, else a difference.

    Signs are made when they are asked for: two graphs may differ in every node.
    """

    def __init__(self, context: ViewContext, model: StageModel) -> None:
        self._theme = context.theme
        self._model = model
        self._comparison = context.counterpart.shown
        self._notes: dict[int, list[str]] = defaultdict(list)
        for _, note in context.notes.entries():
            for node in model.from_authored([note.node]) if note.node >= 0 else ():
                self._notes[node].append(note.text or "★")
        problems, strings = model.graph.problems, context.profile.strings
        self._problems: dict[int, list[str]] = defaultdict(list)
        for node, row in zip(problems.node.tolist(), problems.sentence.tolist(), strict=True):
            self._problems[node].append(strings[row])

    def marked(self) -> NDArray[np.bool_]:
        """For each node of the stage whether it has a sign."""
        marked = np.zeros(len(self._model.graph.nodes), bool)
        for nodes in (self._notes, self._problems):
            marked[list(nodes)] = True
        if self._comparison is not None:
            differs = self._comparison.kind_of_node >= 0
            if self._model.is_authored:
                marked |= differs
            else:
                origins = self._model.graph.origins
                marked[origins.node[differs[origins.authored]]] = True
        return marked

    def of(self, node: int) -> Flag:
        """The sign of a marked node."""
        if node in self._problems:
            return Flag("!", self._theme.error, _lines(self._problems[node]))
        if node in self._notes:
            return Flag("✎", self._theme.accent, _lines(self._notes[node]))
        return self._difference(node)

    def _difference(self, node: int) -> Flag:
        comparison = self._comparison
        assert comparison is not None
        kinds = comparison.kind_of_node
        differing = [each for each in self._model.authored([node]) if kinds[each] >= 0]
        kind = DifferenceKind(int(kinds[differing[0]]))
        said = [each for authored in differing for each in comparison.sentences_of(authored)]
        colour = self._theme.good if kind == DifferenceKind.ONLY_HERE else self._theme.warning
        return Flag(_SIGNS.get(kind, _DIFFERENT), colour, _lines(said))


def _lines(sentences: Iterable[str]) -> str:
    return "\n".join(sentences)
