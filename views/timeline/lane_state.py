"""What a person did to the tracks of one timeline: their order, what is folded, pinned, filtered."""

from collections.abc import Sequence
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

_Item = TypeVar("_Item")


class LaneState(QObject):
    """Emits `changed` after each of its methods that changed something.

    `tracks` are all tracks in display order, those of a group next to each other; `pinned` those
    that lie above all others, top to bottom; `words` must all occur in what a track is called.
    """

    changed = Signal()

    def __init__(
        self, tracks: Sequence[int], group_of: Sequence[str], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.tracks = list(tracks)
        self.pinned: list[int] = []
        self.folded_groups: set[str] = set()
        self.folded_tracks: set[int] = set()
        self.words: tuple[str, ...] = ()
        self._group_of = group_of

    @property
    def groups(self) -> list[str]:
        """Groups in display order."""
        return list(dict.fromkeys(self._group_of[track] for track in self.tracks))

    def toggle_group(self, group: str) -> None:
        self.folded_groups ^= {group}
        self.changed.emit()

    def toggle_track(self, track: int) -> None:
        self.folded_tracks ^= {track}
        self.changed.emit()

    def toggle_pin(self, track: int) -> None:
        if track in self.pinned:
            self.pinned.remove(track)
        else:
            self.pinned.append(track)
        self.changed.emit()

    def unpin_all(self) -> None:
        self.pinned.clear()
        self.changed.emit()

    def fold_tracks(self) -> None:
        """Leave every track one lane."""
        self.folded_tracks = set(self.tracks)
        self.changed.emit()

    def fold_groups(self) -> None:
        """Leave of every group its header."""
        self.folded_groups = set(self.groups)
        self.changed.emit()

    def unfold_all(self) -> None:
        self.folded_tracks.clear()
        self.folded_groups.clear()
        self.changed.emit()

    def open(self, track: int) -> None:
        """Unfold a track and its group."""
        group = self._group_of[track]
        if track in self.folded_tracks or (
            group in self.folded_groups and track not in self.pinned
        ):
            self.folded_tracks.discard(track)
            self.folded_groups.discard(group)
            self.changed.emit()

    def filter(self, text: str) -> None:
        """Show only tracks whose name, group or kind hold every word of the text."""
        words = tuple(text.lower().split())
        if words != self.words:
            self.words = words
            self.changed.emit()

    def move_track(self, track: int, target: int) -> None:
        """Put a track where another one of its group, or another pinned one, is."""
        order = self.pinned if track in self.pinned else self.tracks
        is_same_place = (track in self.pinned) == (target in self.pinned)
        is_same_group = order is self.pinned or self._group_of[track] == self._group_of[target]
        if track != target and is_same_place and is_same_group:
            _move(order, track, target)
            self.changed.emit()

    def move_group(self, group: str, target: str) -> None:
        """Put a group where another one is."""
        if group != target:
            groups = self.groups
            _move(groups, group, target)
            self.tracks.sort(key=lambda track: groups.index(self._group_of[track]))
            self.changed.emit()


def _move(order: list[_Item], item: _Item, target: _Item) -> None:
    """Take the target's place; items between move up or down by one."""
    place = order.index(target)
    order.remove(item)
    order.insert(place, item)
