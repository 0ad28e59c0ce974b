"""What a view says of one moment: the total and who holds most."""

import html

import numpy as np
from PySide6.QtCore import QCoreApplication

from profilers.analysis.memory.alive import largest_alive
from profilers.analysis.memory.owners import owner_names
from profilers.analysis.memory.stack import MemoryStack
from profilers.profile import Profile
from profilers.units import format_bytes, format_duration

_TOLD = 6


def moment_text(profile: Profile, stack: MemoryStack, time_ns: int, origin_ns: int) -> str:
    """Rich text for the pointer: bytes alive, by group, and the largest blocks with their makers."""
    device = stack.total.device
    levels = stack.levels(np.array([time_ns]))[:, 0]
    rows = largest_alive(profile, device, time_ns, _TOLD)
    sizes = profile.memory.allocations.bytes[rows].tolist()
    head = _tr("{} alive at {}").format(
        format_bytes(int(levels.sum())), format_duration(time_ns - origin_ns)
    )
    lines = [f"<b>{head}</b>"]
    lines += [
        f"{html.escape(name)}: {format_bytes(level)}"
        for name, level in zip(stack.names, levels.tolist(), strict=True)
        if level
    ]
    lines += [f"<br>{_tr('The largest made in the run:')}"] if sizes else []
    lines += [
        f"{format_bytes(size)} {html.escape(name or _tr('(not known)'))}"
        for size, name in zip(sizes, owner_names(profile, rows), strict=True)
    ]
    return "<br>".join(lines)


def _tr(text: str) -> str:
    return QCoreApplication.translate("MemoryView", text)
