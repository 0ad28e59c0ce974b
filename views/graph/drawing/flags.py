"""Signs in the corners of nodes: problems, notes, and what another column's graph has otherwise."""

from collections import defaultdict

from profilers.analysis.differences import DifferenceKind
from views.context import ViewContext
from views.graph.drawing.painter import Flag
from views.graph.model import StageModel

_DIFFERENT, _ONLY_HERE, _FUSED = "≠", "+", "∪"
_SIGNS = {
    DifferenceKind.ONLY_HERE: _ONLY_HERE,
    DifferenceKind.FUSED_HERE: _FUSED,
    DifferenceKind.FUSED_THERE: _FUSED,
}


def flags_of(context: ViewContext, model: StageModel) -> dict[int, Flag]:
    """One sign per node of the stage: a problem, else a note, else a difference."""
    profile, theme = context.profile, context.theme
    flags = _differences(context, model)
    for _, note in context.notes.entries():
        for node in model.from_authored([note.node]):
            flags[node] = Flag("✎", theme.accent, note.text)
    problems = model.graph.problems
    for node, sentence in zip(problems.node.tolist(), problems.sentence.tolist(), strict=True):
        flags[node] = Flag("!", theme.error, profile.strings[sentence])
    return flags


def _differences(context: ViewContext, model: StageModel) -> dict[int, Flag]:
    comparison = context.counterpart.shown
    if comparison is None:
        return {}
    rows = comparison.differences
    said: dict[int, list[str]] = defaultdict(list)
    for node, sentence in zip(rows.a.tolist(), comparison.sentences, strict=True):
        if node >= 0:
            said[node].append(sentence)
    theme, kinds = context.theme, comparison.kind_of_node
    flags = {}
    for authored, sentences in said.items():
        kind = DifferenceKind(int(kinds[authored]))
        colour = theme.good if kind == DifferenceKind.ONLY_HERE else theme.warning
        for node in model.from_authored([authored]):
            flags[node] = Flag(_SIGNS.get(kind, _DIFFERENT), colour, "\n".join(sentences))
    return flags
