"""Signs in the corners of nodes: what is wrong with them, and what somebody wrote about them."""

from views.context import ViewContext
from views.graph.model import StageModel
from views.graph.painter import Flag


def flags_of(context: ViewContext, model: StageModel) -> dict[int, Flag]:
    """One sign per node of the stage; a problem hides a note."""
    profile, theme = context.profile, context.theme
    flags: dict[int, Flag] = {}
    for note in profile.notes:
        for node in model.from_authored([note.node]):
            flags[node] = Flag("✎", theme.accent, note.text)
    problems = model.graph.problems
    for node, sentence in zip(problems.node.tolist(), problems.sentence.tolist(), strict=True):
        flags[node] = Flag("!", theme.error, profile.strings[sentence])
    return flags
