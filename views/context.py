"""What every view is given: a profile to draw and the things it shares with other views."""

from dataclasses import dataclass

from profilers.profile import Profile
from views.axes import TimeAxis, ValueAxis
from views.selection import Selection
from views.theme import Theme


@dataclass(frozen=True)
class ViewContext:
    """One column's profile and selection, and the axes that columns share."""

    profile: Profile
    selection: Selection
    theme: Theme
    time_axis: TimeAxis
    bytes_axis: ValueAxis

    @property
    def origin_ns(self) -> int:
        """Start of the first step: where the shared time axis has its zero."""
        steps = self.profile.steps
        return int(steps.start_ns[0]) if len(steps) else 0
