"""What every view is given: a profile to draw and the things it shares with other views."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from profilers.profile import Profile
from profilers.profile.table import Int32
from views.axes import TimeAxis, ValueAxis
from views.counterpart import Counterpart
from views.notes import Notes
from views.preferences import Preferences
from views.selection import Selection
from views.theme import Theme


@dataclass(frozen=True, eq=False)
class Peer:
    """Another column; `twins` gives its nodes that are matched with nodes of one's own."""

    title: str
    profile: Profile
    twins: Callable[[Int32], Int32]


@dataclass(frozen=True)
class ViewContext:
    """One column's profile and selection, the axes that columns share, and the other columns.

    `counterpart` tells how other columns' graphs differ and lets graph canvases follow each other,
    `notes` are those of the column as they stand now, `preferences` are one for all columns.
    """

    profile: Profile
    selection: Selection
    theme: Theme
    time_axis: TimeAxis
    bytes_axis: ValueAxis
    peers: Callable[[], Sequence[Peer]] = tuple
    counterpart: Counterpart = field(default_factory=Counterpart)
    notes: Notes = field(default_factory=Notes)
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def origin_ns(self) -> int:
        """Start of the first step: where the shared time axis has its zero."""
        steps = self.profile.steps
        return int(steps.start_ns[0]) if len(steps) else 0
