"""What a note is pinned to, in words."""

from PySide6.QtCore import QObject

from profilers.profile import Pin
from profilers.units import format_duration
from views.context import ViewContext


class PinNames(QObject):
    """Names nodes by name, slices by name and time, and ranges by length and time."""

    def __init__(self, context: ViewContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._profile = context.profile
        self._origin_ns = context.origin_ns

    def of(self, pin: Pin) -> str:
        node, row, begin_ns, end_ns = pin
        strings, trace = self._profile.strings, self._profile.trace
        if node >= 0:
            return strings[int(self._profile.authored.nodes.name[node])]
        if row >= 0:
            begin = format_duration(int(trace.slices.start_ns[row]) - self._origin_ns)
            return self.tr("{} at {}").format(strings[int(trace.slices.name[row])], begin)
        if end_ns >= begin_ns:
            begin = format_duration(begin_ns - self._origin_ns)
            return self.tr("{} from {}").format(format_duration(end_ns - begin_ns), begin)
        return self.tr("the profile")

    def place(self, pin: Pin) -> tuple[int, int]:
        """Sorts nodes as they are in the graph, and after them what has a time by that."""
        node, row, begin_ns, _ = pin
        if node >= 0:
            return 0, node
        return 1, int(self._profile.trace.slices.start_ns[row]) if row >= 0 else begin_ns
