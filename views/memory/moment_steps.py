"""Where keys move the chosen moment to."""

import numpy as np
from PySide6.QtGui import QKeyEvent

from profilers.profile.table import Int64
from views.axes import TimeAxis
from views.memory.keys import KEYS

_STEP_SHARE = 0.01  # of the time in sight
_ACTIONS = {
    *("moment_earlier", "moment_later", "change_before", "next_change"),
    *("first_in_sight", "last_in_sight", "peak"),
}


def moment_step(event: QKeyEvent) -> str | None:
    """The step that a pressed key stands for; None if it is no such key."""
    action = KEYS.action_of(event)
    return action if action in _ACTIONS else None


def moment_after(step: str, moment_ns: int, axis: TimeAxis, changes_ns: Int64, peak_ns: int) -> int:
    """The moment that a step leads to. All times count from the first step.

    `changes_ns` ascends: when the bytes alive change. Where no change is left, the moment stays.
    """
    begin_ns, end_ns = axis.begin_ns, axis.end_ns
    from_ns = min(max(moment_ns, begin_ns), end_ns)
    step_ns = max((end_ns - begin_ns) * _STEP_SHARE, 1.0)
    before = int(np.searchsorted(changes_ns, moment_ns, "left")) - 1
    after = int(np.searchsorted(changes_ns, moment_ns, "right"))
    return {
        "moment_earlier": round(max(from_ns - step_ns, begin_ns)),
        "moment_later": round(min(from_ns + step_ns, end_ns)),
        "change_before": int(changes_ns[before]) if before >= 0 else moment_ns,
        "next_change": int(changes_ns[after]) if after < len(changes_ns) else moment_ns,
        "first_in_sight": round(begin_ns),
        "last_in_sight": round(end_ns),
        "peak": peak_ns,
    }[step]


def bring_into_sight(axis: TimeAxis, moment_ns: int) -> None:
    """Move the axis so that a moment, counted from the first step, is in its middle if it was outside."""
    if not axis.begin_ns <= moment_ns <= axis.end_ns:
        middle_ns = (axis.begin_ns + axis.end_ns) / 2
        axis.pan((moment_ns - middle_ns) / (axis.end_ns - axis.begin_ns))
