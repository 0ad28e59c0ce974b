"""Notes taken along from one profile of a model to the next: from its preview to its run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from profilers.profile import Note, Profile


def carried_notes(notes: Iterable[Note], before: Profile, after: Profile) -> Iterator[Note]:
    """Notes on `before` as notes on what has the same name, or the same name and time, in `after`.

    A note whose node is gone goes to the first node and names the one it was written on, one whose
    slice is gone goes to the slice's time. Nothing is carried from a graph to a profile without
    one, and nothing that stands there already.
    """
    names = _NodeNames(before, after)
    for note in notes:
        if note.node >= 0:
            carried = names.carried(note)
        elif note.slice >= 0:
            carried = _carried_slice(note, before, after)
        else:
            carried = note
        if carried is not None and carried not in after.notes:
            yield carried


class _NodeNames:
    def __init__(self, before: Profile, after: Profile) -> None:
        self._before, self._after = before, after
        self._node_of: dict[str, int] = {}
        for node, row in enumerate(after.authored.nodes.name.tolist()):
            self._node_of.setdefault(after.strings[row], node)

    def carried(self, note: Note) -> Note | None:
        before, after = self._before, self._after
        count = len(after.authored.nodes)
        if not count:
            return None
        name = before.strings[int(before.authored.nodes.name[note.node])]
        if note.node < count and after.strings[int(after.authored.nodes.name[note.node])] == name:
            return note
        if name in self._node_of:
            return replace(note, node=self._node_of[name])
        return replace(note, node=0, text=f"{name}: {note.text}")


def _carried_slice(note: Note, before: Profile, after: Profile) -> Note:
    old, new = before.trace.slices, after.trace.slices
    begin_ns, duration_ns = int(old.start_ns[note.slice]), int(old.duration_ns[note.slice])
    name = before.strings[int(old.name[note.slice])]
    same_time = (new.start_ns == begin_ns) & (new.duration_ns == duration_ns)
    for row in np.flatnonzero(same_time).tolist():
        if after.strings[int(new.name[row])] == name:
            return replace(note, slice=row)
    return replace(note, slice=-1, begin_ns=begin_ns, end_ns=begin_ns + duration_ns)
