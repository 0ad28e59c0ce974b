"""Notes taken along from one profile of a model to the next: from its preview to its run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from profilers.profile import Note, Profile


def carried_notes(notes: Iterable[Note], before: Profile, after: Profile) -> Iterator[Note]:
    """Notes on nodes of `before` as notes on the nodes of the same name in `after`.

    A note whose node is gone goes to the first node and names the one it was written on. Nothing is
    carried to a profile without a graph, and nothing that stands there already.
    """
    count = len(after.authored.nodes)
    node_of: dict[str, int] = {}
    for node, row in enumerate(after.authored.nodes.name.tolist()):
        node_of.setdefault(after.strings[row], node)
    for note in notes if count else ():
        name = before.strings[int(before.authored.nodes.name[note.node])]
        if note.node < count and after.strings[int(after.authored.nodes.name[note.node])] == name:
            carried = note
        elif name in node_of:
            carried = replace(note, node=node_of[name])
        else:
            carried = replace(note, node=0, text=f"{name}: {note.text}")
        if carried not in after.notes:
            yield carried
